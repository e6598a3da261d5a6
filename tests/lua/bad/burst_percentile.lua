-- expects: pelt.load.burst.percentile: a number above 0 and below 100 is expected, such as 99, not 100
local load = require("pelt").load
return { load = load.burst { peak = 20, percentile = 100, duration = "1m" }, iteration = print }
