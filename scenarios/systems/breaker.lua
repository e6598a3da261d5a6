-- breaker: what the service calls hangs for four seconds. Who waits for it, how long, and when is all well again?
--
--   pelt-target --listen 127.0.0.1:18801 --service-time 20ms &
--   pelt-target --upstream http://127.0.0.1:18801/work --upstream-max 4 --upstream-timeout 500ms --upstream-failures 5 --upstream-cooldown 500ms
--   pelt run scenarios/systems/breaker.lua
--   curl -X PUT -d '{"upstream-failures": 0}' http://127.0.0.1:18800/admin/knobs     and once more

local pelt = require "pelt"
local http = pelt.http

local upstream = pelt.env("UPSTREAM", "http://127.0.0.1:18801")
local begin, finish = tonumber(pelt.env("HANGS", "300")), tonumber(pelt.env("WORKS", "700")) -- requests
local count = pelt.shared.counter("asked")

local function turn(service_time)
    http.put(upstream .. "/admin/knobs", { json = { ["service-time"] = service_time }, name = "turn" })
end

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = "100/s", duration = "12s" },
    iteration = function()
        local n = count:add(1)
        if n == begin then
            turn("2s")
        elseif n == finish then
            turn("20ms")
        end
        http.get("/work", { name = "work", timeout = "2s" })
    end,
    thresholds = { "http_response{work} p95 < 600ms" },
}
