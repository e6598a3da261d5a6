-- expects: pelt.load.burst: unknown key 'tolerence': did you mean 'tolerance'?
local load = require("pelt").load
return { load = load.burst { peak = 2, duration = "1m", tolerence = 1 }, iteration = print }
