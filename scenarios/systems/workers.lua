-- workers: a pool that can do 200 a second is asked for 100, for 180 and for 240: when does it wait, and for how long?
--
--   pelt-target --workers 4 --service-time exponential:20ms --service-for work
--   pelt run scenarios/systems/workers.lua
--   curl -X PUT -d '{"workers": 8}' http://127.0.0.1:18800/admin/knobs     and once more

local pelt = require "pelt"
local http = pelt.http

local function at(rate, after)
    return { rate = rate, duration = "5s", arrivals = "poisson", start_after = after, iteration = function()
        http.get("/work", { name = "at " .. rate })
    end }
end

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = pelt.load.mix { half = at("100/s"), most = at("180/s", "half"), more = at("240/s", "most") },
    observe = { "server_timing" },
    thresholds = { "http_response{at 100/s} p95 < 150ms", "http_response{at 180/s} p95 < 300ms", "http_response{at 240/s} p95 < 300ms" },
}
