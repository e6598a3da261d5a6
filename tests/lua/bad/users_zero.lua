-- expects: load: the level is 0 users
return { iteration = print, load = { users = 0, duration = "1s" } }
