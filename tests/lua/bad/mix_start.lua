-- expects: pelt.load.mix.a.start: 
local load = require("pelt").load
return { load = load.mix { a = { users = 2, duration = 1, start = "5x" } }, iteration = print }
