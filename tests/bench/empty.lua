-- empty: as little as a script can do: the request that a turn of a user is.
--
--   pelt run tests/bench/empty.lua --target http://127.0.0.1:PORT -u 10000 -d 10s [--set PACING=1s]

local pelt = require "pelt"
local http = pelt.http

return {
    load = { users = 10000, duration = "10s" },
    pacing = pelt.env("PACING"), -- none: as fast as the answers come
    iteration = function()
        http.get("/")
    end,
}
