-- arrivals: a request each, so many a second.
--
--   pelt run tests/bench/arrivals.lua --target http://127.0.0.1:PORT --rate 10000/s -d 5s

local pelt = require "pelt"

return {
    load = { rate = "1000/s", duration = "5s" },
    iteration = function() pelt.http.get("/health") end,
}
