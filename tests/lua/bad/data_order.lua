-- expects: data_order.lua:3:|pelt.data.csv: order 'randm': did you mean 'random'?
local pelt = require "pelt"
local rows = pelt.data.csv("none.csv", { order = "randm" })
return { iteration = function() rows:next() end }
