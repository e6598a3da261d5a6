-- expects: pelt.load.burst.length: 0: a spike has to last
local load = require("pelt").load
return { load = load.burst { peak = 20, length = 0, duration = "15s" }, iteration = print }
