-- expects: pelt_field.lua:2: pelt has no 'htpp': did you mean 'http'?
local h = require("pelt").htpp
