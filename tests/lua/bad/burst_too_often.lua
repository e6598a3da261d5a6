-- expects: pelt.load.burst.every: the next spike (every = 12s, "30s" unless given) would begin before|(length = 10s, edges = 1s)
local load = require("pelt").load
return { load = load.burst { peak = 20, every = "12s", edges = "1s", duration = "1m" }, iteration = print }
