-- expects: pelt.load.burst.peak: 20 is no spike: it has to be above the base (20)
local load = require("pelt").load
return { load = load.burst { base = 20, peak = 20, duration = "1m" }, iteration = print }
