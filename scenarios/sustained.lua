-- sustained: the same load for an hour: does anything change meanwhile? Memory that leaks and caches that fill show as
-- figures that drift.
--
--   pelt run scenarios/sustained.lua --set TARGET=http://127.0.0.1:18800 --set USERS=50 --duration 8h

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = pelt.load.sustained {
        users = tonumber(pelt.env("USERS", 20)), duration = "1h", ramp = "1m", ramp_down = "1m",
        effect = "5%", -- a smaller drift is not worth a word
    },
    think = function(user) return user.rng:exponential("1s") end,
    iteration = function()
        local r = http.post("/api/chat", { json = { message = "What changed since this morning?" }, name = "chat" })
        check("chat answered", r:json("/answer") ~= nil)
    end,
    thresholds = { { metric = "errors", stat = "share", max = "1%" } },
}
