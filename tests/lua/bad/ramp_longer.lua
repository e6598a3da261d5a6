-- expects: load.ramp: 5s is longer than the duration (2s)
return { iteration = print, load = { users = 1, duration = "2s", ramp = "5s" } }
