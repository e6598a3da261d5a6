-- expects: load.duration: 0: nothing would be sent
return { iteration = print, load = { users = 1, duration = 0 } }
