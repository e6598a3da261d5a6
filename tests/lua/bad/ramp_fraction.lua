-- expects: ramp_fraction.lua:3: pelt.load.ramp.to: 2.5 users: a whole number is expected
local pelt = require "pelt"
return { iteration = print, load = pelt.load.ramp { to = 2.5, duration = "1s" } }
