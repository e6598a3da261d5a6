-- stress: how much does the service hold? Climbs by steps until the SLO breaks, searches the edge to within 5%, holds what is
-- left three times, goes once over the edge and back, and ends.
--
--   pelt run scenarios/stress.lua --set TARGET=http://127.0.0.1:18800 --set FROM=50/s --set STEP=50/s --rate 2000/s

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = pelt.load.stress {
        from = pelt.env("FROM", "50/s"), step = pelt.env("STEP", "50/s"), max = "1000/s", -- numbers instead: users
        every = pelt.env("EVERY", "10s"),
    },
    iteration = function()
        local r = http.post("/api/chat", { json = { message = "What breaks first?" }, name = "chat" })
        check("chat answered", r:json("/answer") ~= nil)
    end,
    thresholds = { "http_response{chat} p95 < 500ms", { metric = "errors", stat = "share", max = "1%" } }, -- the SLO
}
