-- expects: pelt.load.sustained: nothing is left between ramp and ramp_down: make the duration (4s) longer
local load = require("pelt").load
return { load = load.sustained { users = 2, duration = "4s", ramp = "2s", ramp_down = "2s" }, iteration = print }
