-- expects: load.arrivals: only arrivals (rate = "200/s") have it
return { iteration = print, load = { users = 1, duration = "1s", arrivals = "poisson" } }
