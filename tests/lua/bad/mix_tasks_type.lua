-- expects: pelt.load.mix.chat.tasks: a list of names
local load = require("pelt").load
return { load = load.mix { chat = { users = 2, duration = 1, tasks = "chat" } }, iteration = print }
