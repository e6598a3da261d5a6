-- expects: pelt.load.mix.chat.tasks: the scenario has no task 'itertion': did you mean 'iteration'?
local load = require("pelt").load
return { load = load.mix { chat = { users = 2, duration = 1, tasks = { "itertion" } } }, iteration = print }
