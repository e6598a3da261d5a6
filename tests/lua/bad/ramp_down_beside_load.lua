-- expects: ramp_down belongs into load
local load = require("pelt").load
return { load = { users = 2, duration = "10s" }, ramp_down = "1s", iteration = print }
