-- expects: shared_at_load.lua:4:|add: not while the file is loaded
local pelt = require "pelt"
local orders = pelt.shared.counter("orders")
orders:add(1)
return { iteration = function() end }
