-- expects: metric_at_load.lua:3: add belongs into an iteration
local pelt = require "pelt"
pelt.metric.counter("orders"):add(1)
return { iteration = print }
