-- expects: data_missing.lua:3:|pelt.data.csv: |/bad/none.csv: No such file or directory: paths count from the scenario's folder
local pelt = require "pelt"
local rows = pelt.data.csv("none.csv")
return { iteration = function() rows:next() end }
