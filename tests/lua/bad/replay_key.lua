-- expects: pelt.load.replay: unknown key 'sped': did you mean 'speed'?
local load = require("pelt").load
return { load = load.replay("replay_key.lua", { sped = 2 }), iteration = print }
