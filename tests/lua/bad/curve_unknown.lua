-- expects: load.stages[1].curve: 'exp' is none of linear, exponential
return { iteration = print, load = { stages = { { duration = 1, users = 5, curve = "exp" } } } }
