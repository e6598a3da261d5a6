-- expects: load.users: a number is expected, not 20/s
return { iteration = print, load = { users = "20/s", duration = "1s" } }
