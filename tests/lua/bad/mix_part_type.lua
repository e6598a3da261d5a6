-- expects: pelt.load.mix.chat: a table is expected
local load = require("pelt").load
return { load = load.mix { chat = 20 }, iteration = print }
