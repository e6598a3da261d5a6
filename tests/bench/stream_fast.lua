-- Streams of tokens, each of which is taken and looked at: ci/figures/stream.py.
local pelt = require "pelt"
local http = pelt.http

local words = ("w "):rep(tonumber(pelt.env("WORDS", "500"))) .. "x"
local ask = { json = { stream = true, message = words }, name = "chat" }

return {
    load = { users = 64, duration = "4s" },
    iteration = function()
        local bytes = 0
        for event in http.stream("/api/chat", ask) do bytes = bytes + #event.data end
    end,
}
