-- expects: pelt.load.burst: no height of the spikes: add peak = 200
local load = require("pelt").load
return { load = load.burst { base = 2, duration = "1m" }, iteration = print }
