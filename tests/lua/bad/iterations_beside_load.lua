-- expects: iterations belongs into load
return { iteration = print, load = { users = 1, duration = 1 }, iterations = 5 }
