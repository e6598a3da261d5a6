-- expects: pelt.load.sustained: unknown key 'familly': did you mean 'family'?
local load = require("pelt").load
return { load = load.sustained { users = 2, duration = "1h", familly = "1%" }, iteration = print }
