-- expects: duration_unit.lua: load.duration: "10 parsecs" is not a duration
return { iteration = print, load = { users = 1, duration = "10 parsecs" } }
