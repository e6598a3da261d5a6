-- expects: load.arrivals: 'poison' is none of uniform, poisson, gamma
return { iteration = print, load = { rate = "1/s", duration = "1s", arrivals = "poison" } }
