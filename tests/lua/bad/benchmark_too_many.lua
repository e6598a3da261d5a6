-- expects: pelt.load.benchmark.trials: 1001: at most 1000
local load = require("pelt").load
return { load = load.benchmark { users = 2, duration = "1m", trials = 1001 }, iteration = print }
