-- expects: pelt.load.sustained.effect: a share above 0 and below 1 is expected, "5%" or 0.05, not 5
local load = require("pelt").load
return { load = load.sustained { users = 2, duration = "1h", effect = 5 }, iteration = print }
