-- A balancer with one slow back end: which policy spares it? Response times and shares of each back end, by its name.
--
--   pelt-target --listen 127.0.0.1:18801 --workers 8 --service-time 10ms &
--   pelt-target --listen 127.0.0.1:18802 --workers 8 --service-time 10ms &
--   pelt-target --listen 127.0.0.1:18803 --workers 8 --service-time 100ms &
--   pelt-target --lb round-robin --lb-backends 127.0.0.1:18801,127.0.0.1:18802,127.0.0.1:18803 &
--   pelt run scenarios/systems/balancer.lua          # then once more with --lb least-connections

local pelt = require "pelt"
local http = pelt.http

local took = pelt.metric.trend("backend_time")

return {
    name = "balancer",
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = pelt.env("RATE", "200/s"), duration = "10s", arrivals = "poisson" },
    iteration = function()
        local asked = pelt.now()
        local r = http.get("/work", { name = "work" })
        took:add(pelt.now() - asked, { backend = r.headers["X-Backend"] or "none" })
    end,
    thresholds = { "http_response{work} mean < 30ms", { metric = "errors", stat = "share", max = "1%" } },
}
