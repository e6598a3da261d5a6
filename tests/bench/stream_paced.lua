-- Streams of tokens, and how long after its stamp each was received: ci/figures/stream.py.
local pelt = require "pelt"
local http = pelt.http

local delay = pelt.metric.trend("delay")
local words = ("w "):rep(tonumber(pelt.env("WORDS", "300"))) .. "x"
local ask = { json = { stream = true, message = words }, name = "chat" }

return {
    load = { users = 100, duration = "4s" },
    iteration = function()
        for event in http.stream("/api/chat", ask) do
            local sent_ns = event:json("/sent_ns")
            if sent_ns then delay:add(math.max(0, event.at - sent_ns / 1e9)) end
        end
    end,
}
