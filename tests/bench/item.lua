-- item: what a script usually does for a request: a path of its own, a header, a name, a check. The options stand outside
-- of the iteration, so they are prepared once.
--
--   pelt run tests/bench/item.lua --target http://127.0.0.1:PORT -u 64 -d 10s

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

local item = { headers = { ["X-Tenant"] = "bench" }, name = "item" }

return {
    load = { users = 64, duration = "10s" },
    iteration = function(user)
        local r = http.get("/item/" .. user.rng:int(1, 1000000), item)
        check("answered", r.status == 200)
    end,
}
