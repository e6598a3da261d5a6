-- expects: thresholds[1]: |no stat of depth "p95"; try last, min or max
local pelt = require "pelt"
pelt.metric.gauge("depth")
return { iteration = print, thresholds = { "depth p95 < 5" } }
