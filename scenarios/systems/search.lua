-- search: questions of which some are popular: what does a cache of answers save, and how large must it be?
--
--   pelt-target --service-time constant:20ms --service-for work --workers 8 --search 16m --search-entries 200
--   pelt run scenarios/systems/search.lua
--   curl -X PUT -d '{"search-entries": 20}' http://127.0.0.1:18800/admin/knobs     and once more

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = pelt.env("RATE", "200/s"), duration = "15s", arrivals = "poisson" },
    observe = { "cache" },
    iteration = function(user)
        local r = http.get("/search?q=question+" .. user.rng:zipf(1000, 1), { name = "search" })
        check("found", r.status == 200)
    end,
    thresholds = { "cache.status.hit_share{cache=search} share > 50%", "http_response p95 < 100ms" },
}
