-- expects: metric_twice.lua:4: metric 'x' is a trend in ms already
local pelt = require "pelt"
pelt.metric.trend("x")
pelt.metric.trend("x", { unit = "tokens" })
return { iteration = print }
