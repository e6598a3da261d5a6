-- expects: rate_zero.lua: |load
return { iteration = print, load = { rate = "0/s", duration = "1s" } }
