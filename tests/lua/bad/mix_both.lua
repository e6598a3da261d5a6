-- expects: pelt.load.mix.chat: iteration and tasks: give one of the two
local load = require("pelt").load
return { load = load.mix { chat = { users = 2, duration = 1, tasks = { "iteration" }, iteration = print } }, iteration = print }
