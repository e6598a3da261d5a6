-- inline: as item.lua, but the options are written in the call: a new table a request, with the same content.
--
--   pelt run tests/bench/inline.lua --target http://127.0.0.1:PORT -u 64 -d 10s

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

return {
    load = { users = 64, duration = "10s" },
    iteration = function(user)
        local r = http.get("/item/" .. user.rng:int(1, 1000000), { headers = { ["X-Tenant"] = "bench" }, name = "item" })
        check("answered", r.status == 200)
    end,
}
