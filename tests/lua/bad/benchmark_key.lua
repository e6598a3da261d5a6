-- expects: pelt.load.benchmark: unknown key 'trails': did you mean 'trials'?
local load = require("pelt").load
return { load = load.benchmark { users = 2, duration = "1m", trails = 3 }, iteration = print }
