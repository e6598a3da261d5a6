-- expects: tasks[1]: unknown key 'wieght': did you mean 'weight'?
return { tasks = { { name = "a", run = print, wieght = 1 } } }
