-- expects: 'pacing' belongs beside load
return { iteration = print, load = { users = 1, duration = 1, pacing = 1 } }
