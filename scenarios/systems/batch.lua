-- batch: a server that works in batches: slow when nobody is there, and fast enough for many.
--
--   pelt-target --batch 16 --batch-wait 20ms --batch-time 30ms --batch-item 1ms
--   pelt run scenarios/systems/batch.lua

local pelt = require "pelt"
local http = pelt.http

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = pelt.load.stages {
        { rate = "5/s", duration = "5s" },
        { rate = "100/s", duration = "5s" },
        { rate = "300/s", duration = "5s" },
    },
    observe = { "server_timing" },
    iteration = function()
        http.post("/api/chat", { json = { message = "hello" }, name = "chat" })
    end,
    thresholds = { "http_response p95 < 200ms" },
}
