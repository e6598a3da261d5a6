-- expects: pelt.load.burst.base: users and rates do not mix
local load = require("pelt").load
return { load = load.burst { base = "2/s", peak = 20, duration = "1m" }, iteration = print }
