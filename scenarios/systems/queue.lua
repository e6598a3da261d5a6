-- A queue in Redis: messages come faster than its consumers do them. How deep does it get, and who is turned away?
--
--   redis-server --port 18700 --save "" &
--   pelt-target --queue 127.0.0.1:18700 --queue-consumers 3 --queue-time 20ms --queue-max 300 &
--   pelt run scenarios/systems/queue.lua

local pelt = require "pelt"
local http = pelt.http

local depth = pelt.metric.trend("queue_depth", { unit = "messages", decimals = 0 })

return {
    name = "queue",
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = pelt.env("RATE", "200/s"), duration = "10s" },
    iteration = function(user)
        http.post("/queue", { json = { n = user.iteration }, name = "leave a message" })
        if user.iteration % 20 == 0 then
            local r = http.get("/queue", { name = "looking on" })
            depth:add(r:json("/waiting") or 0)
        end
    end,
    thresholds = { "queue_depth max < 320", { metric = "errors", stat = "share", max = "15%" } },
}
