-- expects: load.ramp_down: together with the ramp it is longer than the duration (10s)
local load = require("pelt").load
return { load = { users = 2, duration = "10s", ramp = "6s", ramp_down = "5s" }, iteration = print }
