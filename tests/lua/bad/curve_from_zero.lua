-- expects: load.stages[1].curve: an exponential ramp neither starts at 0
return { iteration = print, load = { stages = { { duration = 1, users = 5, curve = "exponential" } } } }
