-- burst: twenty questions a second, and every half minute ten times as many for ten seconds: how bad does it get, and
-- how long until all is as before?
--
--   pelt run scenarios/burst.lua --set TARGET=http://127.0.0.1:18800 --set BASE=20/s --set PEAK=200/s

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = pelt.load.burst {
        base = pelt.env("BASE", "20/s"), peak = pelt.env("PEAK", "200/s"),
        every = "30s", length = "10s", duration = "2m",
    },
    iteration = function()
        local r = http.post("/api/chat", { json = { message = "Is anybody there?" }, name = "chat" })
        check("chat answered", r:json("/answer") ~= nil)
    end,
    thresholds = { { metric = "errors", stat = "share", max = "1%" } },
}
