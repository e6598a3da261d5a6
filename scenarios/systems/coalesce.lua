-- coalesce: all want the same page, whose answer is kept for a second: what happens each time it expires?
--
--   pelt-target --service-time constant:100ms --service-for work --workers 4 --cache 1m --cache-ttl 1s
--   pelt run scenarios/systems/coalesce.lua
--   curl -X PUT -d '{"coalesce": 1000}' http://127.0.0.1:18800/admin/knobs     and once more

local pelt = require "pelt"
local http = pelt.http

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = pelt.env("RATE", "200/s"), duration = "10s" },
    observe = { "cache" },
    iteration = function()
        http.get("/work?page=front", { name = "front page" })
    end,
    thresholds = { "cache.http.hit_share share > 80%", "http_response p99 < 200ms" },
}
