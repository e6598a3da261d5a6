-- expects: no duration|iterations = 1000
return { iteration = print, load = { rate = "1/s", iterations_per_user = 5 } }
