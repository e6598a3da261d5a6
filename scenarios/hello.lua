-- hello: the smallest scenario: ten users fetch one page again and again for ten seconds.
--
--   pelt run scenarios/hello.lua --set TARGET=http://127.0.0.1:18800

local pelt = require "pelt"
local http = pelt.http

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { users = 10, duration = "10s" },
    iteration = function()
        http.get("/health")
    end,
}
