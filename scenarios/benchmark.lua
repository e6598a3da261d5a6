-- benchmark: a figure to compare with tomorrow's: the same load three times a minute long, at a rate well below what
-- the service can do, so that it is the service that is measured and not a queue. The warm-up is found in the result.
--
--   pelt run scenarios/benchmark.lua --set TARGET=http://127.0.0.1:18800 --set RATE=200/s

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = pelt.load.benchmark {
        rate = pelt.env("RATE", "100/s"), trials = 3, duration = "1m",
        percentile = 99, precision = "5%", confidence = "95%",
    },
    iteration = function()
        check("models listed", http.get("/api/models", { name = "models" }).ok)
    end,
    thresholds = { { metric = "errors", stat = "share", max = "0.1%" } },
}
