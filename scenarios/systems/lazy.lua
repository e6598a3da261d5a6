-- lazy: the first to come waits until all is loaded, and so does everybody who comes meanwhile: what a cold start looks like.
--
--   pelt-target --lazy 3s --service-time constant:10ms
--   pelt run scenarios/systems/lazy.lua

local pelt = require "pelt"
local http = pelt.http

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { users = 50, duration = "12s" },
    pacing = "200ms",
    observe = { "server_timing" },
    iteration = function()
        http.get("/work", { name = "work" })
    end,
    thresholds = { "http_response p95 < 1s over 5s" },
}
