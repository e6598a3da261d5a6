-- expects: thresholds[1]: |no metric "order"; did you mean "orders"?
local pelt = require "pelt"
pelt.metric.counter("orders")
return { iteration = print, thresholds = { "order count > 5" } }
