-- The dashboard: many clients hold its WebSocket and are pushed to each two seconds. Is the gap even?
--
--   pelt-target &
--   pelt run scenarios/systems/dashboard.lua -u 500

local pelt = require "pelt"
local ws, check = pelt.ws, pelt.check

local gap  = pelt.metric.trend("push_gap")
local size = pelt.metric.trend("push_size", { unit = "bytes", decimals = 0 })

return {
    name = "dashboard",
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { users = 100, duration = "12s", ramp = "2s" },
    iteration = function(user)
        if not (user.socket and user.socket.open) then -- as the page does: it connects again
            user.socket = ws.connect("/ws", { name = "dashboard", timeout = "5s" })
            user.last = nil
        end
        local text = user.socket:recv("5s")
        if not check("pushed", text ~= nil) then return end
        local now = pelt.now()
        if user.last then gap:add(now - user.last) end
        user.last = now
        size:add(#text)
    end,
    user_exit = function(user)
        if user.socket then user.socket:close() end
    end,
    thresholds = { "push_gap p50 > 1.9s", "push_gap p99 < 2.05s", { metric = "ws_errors", stat = "count", max = 0 } },
}
