-- expects: pelt.load.benchmark.trials: a whole number above 0 is expected, not 0
local load = require("pelt").load
return { load = load.benchmark { users = 2, duration = "1m", trials = 0 }, iteration = print }
