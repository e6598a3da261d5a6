-- Sizes: the same load on a service of each size. Which one holds it, and what do the others say?
--
--   pelt-target --size small --service-time exponential:20ms --service-for work &      # then medium, then large
--   pelt run scenarios/systems/sizes.lua

local pelt = require "pelt"
local http = pelt.http

return {
    name = "sizes",
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = pelt.env("RATE", "250/s"), duration = "8s", arrivals = "poisson" },
    iteration = function()
        http.get("/work", { name = "work" })
    end,
    thresholds = { "http_response{work} p95 < 200ms", { metric = "errors", stat = "share", max = "1%" } },
}
