-- cycle: what a script that does much for each request does: a path of its own, headers of which one differs each time,
-- two formats, one field of the JSON answer.
--
--   pelt run tests/bench/cycle.lua --target http://127.0.0.1:PORT -u 10000 -d 10s [--set PACING=1s]

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

return {
    load = { users = 10000, duration = "10s" },
    pacing = pelt.env("PACING"), -- none: as fast as the answers come
    iteration = function(user)
        local r = http.get(string.format("/item/%d", user.rng:int(1, 1000000)), {
            headers = { ["X-Tenant"] = "bench", ["X-Request"] = string.format("%d-%d", user.id, user.iteration) },
            name = "item",
        })
        check("answered", r:json("/answer") == 42)
    end,
}
