-- memo: each request computes for 5 ms: one core is gone at 200 a second, unless results are remembered.
--
--   pelt-target --threads 1 --step 5ms --memo 1000
--   pelt run scenarios/systems/memo.lua
--   curl -X PUT -d '{"memo": 0}' http://127.0.0.1:18800/admin/knobs     and once more

local pelt = require "pelt"
local http = pelt.http

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = pelt.env("RATE", "250/s"), duration = "10s", arrivals = "poisson" },
    observe = { "server_timing" },
    iteration = function(user)
        http.post("/api/chat", { json = { message = "prompt " .. user.rng:zipf(100, 1) }, name = "chat" })
    end,
    thresholds = { "server_timing{entry=step} p50 < 1ms", "http_response p95 < 100ms" },
}
