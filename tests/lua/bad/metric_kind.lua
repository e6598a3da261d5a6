-- expects: metric_kind.lua:3: pelt.metric has no 'countr': did you mean 'counter'?
local pelt = require "pelt"
pelt.metric.countr("x")
return { iteration = print }
