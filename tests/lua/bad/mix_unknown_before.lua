-- expects: pelt.load.mix.a.start_after: there is no load 'feedd': did you mean 'feed'?
local load = require("pelt").load
return { load = load.mix { a = { users = 2, duration = 1, start_after = "feedd" }, feed = { users = 2, duration = 1 } }, iteration = print }
