-- Chats over WebSockets: each user keeps one, asks, reads the tokens as they come, and thinks.
-- pelt-target --listen 127.0.0.1:18800; pelt run scenarios/websocket.lua
local pelt = require "pelt"
local ws, check = pelt.ws, pelt.check

local first = pelt.metric.trend("first_token")

-- A user's WebSocket, opened anew where it was lost.
local function socket_of(user)
    if not (user.socket and user.socket.open) then
        user.socket = ws.connect("/ws/chat", { name = "chat", timeout = "5s" })
    end
    return user.socket
end

return {
    name   = "websocket",
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load   = { users = 10, duration = "20s", ramp = "2s" },

    iteration = function(user)
        local c = socket_of(user)
        local asked = pelt.now()
        if not c:send { message = "tell me about load", max_tokens = 20 } then return pelt.sleep("1s") end
        local answer
        repeat
            local text = c:recv("10s")
            answer = text and pelt.json.decode(text).type
            if asked and answer == "token" then
                first:add(pelt.now() - asked)
                asked = nil
            end
        until answer ~= "token"
        check("answered", answer == "done")
        check("alive", c:ping("1s") ~= nil)
        pelt.sleep(user.rng:exponential("500ms"))
    end,

    user_exit = function(user)
        if user.socket then user.socket:close() end
    end,

    thresholds = {
        "ws_connect max < 1s",
        "first_token p50 < 1s",
        { metric = "ws_errors", stat = "count", max = 0 },
    },
}
