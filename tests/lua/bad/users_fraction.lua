-- expects: load.users: 1.5 users: a whole number is expected
return { iteration = print, load = { users = 1.5, duration = "1s" } }
