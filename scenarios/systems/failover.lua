-- Failover: back end 2 of 3 dies in the middle of the run. How many errors does that cost, and for how long?
--
--   for port in 18801 18802 18803; do pelt-target --listen 127.0.0.1:$port --service-time 10ms & done
--   pelt-target --lb round-robin --lb-check 1s --lb-backends 127.0.0.1:18801,127.0.0.1:18802,127.0.0.1:18803 &
--   sleep 5 && kill -9 %2 &
--   pelt run scenarios/systems/failover.lua          # then once more with --lb-attempts 2

local pelt = require "pelt"
local http = pelt.http

local failed = pelt.metric.counter("failed_by_backend")

return {
    name = "failover",
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = pelt.env("RATE", "100/s"), duration = pelt.env("DURATION", "10s") },
    iteration = function()
        local r = http.get("/work", { name = "work" })
        if r.status >= 500 then
            failed:add(1, { backend = r.headers["X-Backend"] or "none" })
        end
    end,
    -- A third of the requests of one check interval of 1 s, of 10 s of load: 3.3%.
    thresholds = { { metric = "errors", stat = "share", max = "4%" } },
}
