-- expects: data_separator.lua:3:|pelt.data.csv: separator: one character is expected
local pelt = require "pelt"
local rows = pelt.data.csv("none.csv", { separator = "||" })
return { iteration = function() rows:next() end }
