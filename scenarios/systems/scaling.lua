-- scaling: how much more do two and three instances hold than one? One run for each number of them, of the same plan.
--
--   pelt-target --lb round-robin --lb-scale on --lb-start "--workers 2 --service-time 20ms" --lb-min 1 --lb-max 1 &      # then 2, then 3
--   pelt run scenarios/systems/scaling.lua --run-file instances-1.pelt

local pelt = require "pelt"
local http = pelt.http

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = pelt.load.stress { from = "20/s", step = "20/s", max = "1000/s", every = "3s", verify = 1 },
    iteration = function() http.get("/work", { name = "work" }) end,
    thresholds = { "http_response{work} p95 < 200ms", { metric = "errors", stat = "share", max = "1%" } }, -- the SLO
}
