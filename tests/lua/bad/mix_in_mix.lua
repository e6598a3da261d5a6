-- expects: pelt.load.mix.a.load: a mix in a mix
local load = require("pelt").load
return { load = load.mix { a = { load = load.mix { b = { users = 2, duration = 1 } } } }, iteration = print }
