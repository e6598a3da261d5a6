-- expects: load.ramp_down: nobody knows when the iterations will be done
local load = require("pelt").load
return { load = { users = 2, iterations = 5, ramp_down = "5s" }, iteration = print }
