-- expects: pelt.load.benchmark.duration: 0: a trial has to last
local load = require("pelt").load
return { load = load.benchmark { users = 2, duration = 0 }, iteration = print }
