-- expects: load.rate: 200 has no unit: write rate = "200/s"
return { iteration = print, load = { rate = 200, duration = "1s" } }
