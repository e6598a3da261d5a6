-- expects: data_option.lua:3:|pelt.data.jsonl: unknown option 'separator'; known are order, on_end
local pelt = require "pelt"
local rows = pelt.data.jsonl("none.jsonl", { separator = ";" })
return { iteration = function() rows:next() end }
