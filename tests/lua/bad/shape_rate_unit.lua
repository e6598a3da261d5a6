-- expects: shape_rate_unit.lua:3: pelt.load.ramp.to: |fast
local pelt = require "pelt"
return { iteration = print, load = pelt.load.ramp { to = "fast", duration = "1s" } }
