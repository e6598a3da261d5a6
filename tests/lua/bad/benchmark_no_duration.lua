-- expects: pelt.load.benchmark: no duration
local load = require("pelt").load
return { load = load.benchmark { users = 2 }, iteration = print }
