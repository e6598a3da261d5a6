-- expects: pelt.load.burst.users: only the pool of a rate has it
local load = require("pelt").load
return { load = load.burst { peak = 20, users = 100, duration = "1m" }, iteration = print }
