-- expects: pelt.load.replay: a path is expected, such as "access.log", not a number
local load = require("pelt").load
return { load = load.replay(3), iteration = print }
