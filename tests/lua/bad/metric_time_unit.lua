-- expects: metric_time_unit.lua:3: metric 'x': unit: leave out 's'
local pelt = require "pelt"
pelt.metric.trend("x", { unit = "s" })
return { iteration = print }
