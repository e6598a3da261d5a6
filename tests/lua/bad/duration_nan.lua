-- expects: duration_nan.lua: load.duration: not a number (0/0): give 0 to 10 years
return { load = { users = 1, duration = 0 / 0 }, iteration = print }
