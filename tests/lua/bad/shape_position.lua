-- expects: shape_position.lua:3: pelt.load.users: no duration
local pelt = require "pelt"
return { iteration = print, load = pelt.load.users { users = 5 } }
