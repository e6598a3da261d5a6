-- levels: more than fits into memory: which level of the cache answers, and what does each cost?
--
--   pelt-target --service-time constant:50ms --service-for work --cache 16m --cache-entries 20 --cache-compressed 16k
--               --cache-ttl 1h --cache-disk /tmp/answers.db --cache-redis 127.0.0.1:6379
--   pelt run scenarios/systems/levels.lua
--
-- End pelt-target, start it again, and run it once more with --seed 2: level l3 still knows what l1 and l2 have lost.

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = pelt.env("RATE", "200/s"), duration = "15s", arrivals = "poisson" },
    observe = { "cache", "server_timing" },
    iteration = function(user)
        local r = http.get("/work?item=" .. user.rng:zipf(5000, 1), { name = "work" })
        check("done", r.status == 200)
    end,
    thresholds = { "cache_latency{cache=hit} p95 < 20ms", { metric = "errors", stat = "share", max = "1%" } },
}
