-- expects: data_on_end.lua:3:|on_end belongs to order = "unique"
local pelt = require "pelt"
local rows = pelt.data.csv("none.csv", { order = "shuffle", on_end = "stop" })
return { iteration = function() rows:next() end }
