-- account: what does a request cost the server, and which kind of them costs most?
--
--   pelt-target --account on --step 1ms --memo 100
--   pelt run scenarios/systems/account.lua

local pelt = require "pelt"
local http = pelt.http

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = "100/s", duration = "10s", arrivals = "poisson" },
    observe = { "server_timing" },
    tasks = {
        { name = "chat", weight = 50, run = function(user)
            http.post("/api/chat", { json = { message = "prompt " .. user.rng:int(1, 10000) }, name = "chat" })
        end },
        { name = "health", weight = 50, run = function() http.get("/health", { name = "health" }) end },
    },
    thresholds = { "server_timing{entry=cpu} p99 < 10ms" },
}
