-- Auto-scaling: load rises by a step; back ends are started until their utilisation is below 80%, one a cool-down.
--
--   pelt-target --lb least-connections --lb-scale on --lb-start "--workers 4 --service-time 40ms" \
--               --lb-capacity 4 --lb-cooldown 2s --lb-check 500ms --log truth.log &
--   pelt run scenarios/systems/autoscaling.lua
--   grep scale_ truth.log

local pelt = require "pelt"
local http = pelt.http

local backends = pelt.metric.trend("backends_seen", { unit = "backends", decimals = 0 })

return {
    name = "autoscaling",
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { stages = {
        { duration = "3s", rate = "40/s", from = "40/s" },
        { duration = "12s", rate = "200/s", from = "200/s" },
        { duration = "3s", rate = "40/s", from = "40/s" },
    } },
    iteration = function(user)
        if user.iteration % 20 == 0 then
            local r = http.get("/admin/backends", { name = "looking on" })
            backends:add(#(r:json("/backends") or {}))
        end
        http.get("/work", { name = "work" })
    end,
    thresholds = { { metric = "errors", stat = "share", max = "1%" } },
}
