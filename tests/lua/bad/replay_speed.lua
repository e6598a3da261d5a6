-- expects: pelt.load.replay.speed: a number above 0 is expected, not 0
local load = require("pelt").load
return { load = load.replay("replay_speed.lua", { speed = 0 }), iteration = print }
