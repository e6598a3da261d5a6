-- expects: metric_option.lua:3: pelt.metric: unknown option 'units': did you mean 'unit'?
local pelt = require "pelt"
pelt.metric.gauge("x", { units = "m" })
return { iteration = print }
