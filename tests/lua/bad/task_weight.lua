-- expects: tasks[1].weight: a number above 0 is expected, not -1
return { tasks = { { name = "a", run = print, weight = -1 } } }
