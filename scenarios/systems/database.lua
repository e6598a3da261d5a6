-- database: sixteen users, two connections, and a query that holds one for 50 ms: where is the time spent?
--
--   pelt-target --database /tmp/items.db --database-max 2 --database-query slow --database-slow 50ms
--   pelt run scenarios/systems/database.lua
--   curl -X PUT -d '{"database-max": 16}' http://127.0.0.1:18800/admin/knobs     and once more

local pelt = require "pelt"
local http = pelt.http

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { users = 16, duration = "10s" },
    observe = { "server_timing" },
    iteration = function()
        http.get("/work", { name = "work" })
    end,
    thresholds = { "server_timing{entry=database-wait} p95 < 50ms", "http_response{work} p95 < 200ms" },
}
