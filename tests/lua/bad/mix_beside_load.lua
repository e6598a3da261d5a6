-- expects: pelt.load.mix.chat.users: the load says it: write it into load = { ... }
local load = require("pelt").load
return { load = load.mix { chat = { load = load.burst { peak = 2, duration = "1m" }, users = 2 } }, iteration = print }
