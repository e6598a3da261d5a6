-- expects: pelt.load.mix.chat: nothing to do: add iteration = function
local load = require("pelt").load
return { load = load.mix { chat = { users = 2, duration = 1 } } }
