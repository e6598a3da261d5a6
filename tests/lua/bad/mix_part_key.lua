-- expects: pelt.load.mix.chat: unknown key 'duraton': did you mean 'duration'?
local load = require("pelt").load
return { load = load.mix { chat = { users = 2, duraton = "1m" } }, iteration = print }
