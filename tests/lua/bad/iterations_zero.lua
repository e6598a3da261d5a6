-- expects: load.iterations: a whole number above 0
return { iteration = print, load = { users = 1, iterations = 0 } }
