-- expects: start_after: '|waits for this one itself
local load = require("pelt").load
return { load = load.mix { a = { users = 2, duration = 1, start_after = "b" }, b = { users = 2, duration = 1, start_after = "a" } }, iteration = print }
