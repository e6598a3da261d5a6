-- The event bus: publishers tell, one reader follows. Does it get each event, in order?
--
--   pelt-target --events 20000 &
--   pelt run scenarios/systems/events.lua          # then once more with --events 50: what comes too late is lost

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

local told = pelt.metric.counter("events_told")
local read = pelt.metric.counter("events_read")
local lost = pelt.metric.counter("events_lost")

local function publish()
    local r = http.post("/events", { json = { { topic = "orders", event = "placed", data = { n = 1 } },
                                              { topic = "orders", event = "paid" } }, name = "publish" })
    if r.status == 200 then told:add(2) end
end

local function follow()
    local since, number = 0, nil
    repeat
        pelt.sleep("200ms")
        local r = http.get("/events?topic=orders&since=" .. since, { name = "read" })
        for _, event in ipairs(r:json("/events") or {}) do
            if number then check("in order", event.topic_number > number) end
            number = event.topic_number
            read:add(1)
        end
        lost:add(r:json("/lost") or 0)
        since = r:json("/next") or since
    until pelt.stopping()
end

return {
    name = "events",
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { users = 20, duration = "8s" },
    iteration = function(user)
        if user.id == 1 then return follow() end
        publish()
        pelt.sleep("20ms")
    end,
    thresholds = { { metric = "events_lost", stat = "count", max = 0 }, { metric = "checks", stat = "share", min = "100%" } },
}
