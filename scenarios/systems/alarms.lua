-- Alerts: for four seconds every other request fails. Which alert fires, when, and when is it resolved?
--
--   pelt-target --alert-for 1s --sample 500ms &
--   pelt run scenarios/systems/alarms.lua

local pelt = require "pelt"
local http = pelt.http

local firing = pelt.metric.counter("seen_firing")

return {
    name = "alarms",
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { users = 10, duration = "12s" },
    pacing = "100ms",
    iteration = function(user)
        user.begin = user.begin or pelt.now()
        local second = pelt.now() - user.begin
        local fails = second >= 4 and second < 8 and user.iteration % 2 == 0
        http.get(fails and "/status/503" or "/work", { name = "work" })
        if user.id == 1 then
            local r = http.get("/alerts", { name = "looking on" })
            for _, alert in ipairs(r:json("/alerts") or {}) do
                if alert.state == "firing" then firing:add(1, { alert = alert.name }) end
            end
        end
    end,
}
