-- purge: a cache that was warm is emptied in the middle of the load, one tag or all: how deep is the hole, and how long?
--
--   pelt-target --service-time constant:50ms --service-for work --workers 8 --cache 16m
--   pelt run scenarios/systems/purge.lua --set PURGE=tag=red

local pelt = require "pelt"
local http = pelt.http

local purge = pelt.env("PURGE", "pattern=/work*")
local count = pelt.shared.counter("asked")

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = "100/s", duration = "15s" },
    observe = { "cache" },
    iteration = function(user)
        if count:add(1) == 750 then
            http.delete("/admin/cache?" .. purge, { name = "purge" })
        end
        local item = user.rng:zipf(200, 1)
        local tag = item % 2 == 0 and "red" or "blue"
        http.get("/work?item=" .. item, { name = "work", headers = { ["Cache-Tag"] = tag } })
    end,
    thresholds = { "http_response{work} p95 < 500ms" },
}
