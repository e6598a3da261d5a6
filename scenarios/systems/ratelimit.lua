-- ratelimit: a fifth more is asked for than is allowed: who is turned away, from when on, and how many?
--
--   pelt-target --rate-limit 100/s --rate-burst 50
--   pelt run scenarios/systems/ratelimit.lua
--   pelt run scenarios/systems/ratelimit.lua --rate 95/s

local pelt = require "pelt"
local http = pelt.http

local left = pelt.metric.trend("tokens_left", { unit = "tokens", decimals = 0 })

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = pelt.env("RATE", "120/s"), duration = "10s" },
    iteration = function()
        local r = http.get("/work", { name = "work" })
        local tokens = tonumber(r.headers["RateLimit-Remaining"])
        if tokens then left:add(tokens) end
    end,
    thresholds = { { metric = "errors", stat = "share", max = "1%" } },
}
