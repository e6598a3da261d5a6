-- expects: tasks[1]: no name
return { tasks = { { run = print } } }
