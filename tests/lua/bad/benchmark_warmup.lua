-- expects: pelt.load.benchmark.warmup: 
local load = require("pelt").load
return { load = load.benchmark { users = 2, duration = 1, warmup = "atuo" }, iteration = print }
