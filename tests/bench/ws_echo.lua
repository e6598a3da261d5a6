-- The cost of a message over a WebSocket: each user has one, with one message in flight (ci/measure websocket).
local pelt = require "pelt"

local message = ("x"):rep(tonumber(pelt.env("BYTES", "32")))

return {
    load = { users = 64, duration = "4s" },
    user_init = function(user) user.socket = pelt.ws.connect("/echo", { name = "echo" }) end,
    iteration = function(user)
        local socket = user.socket
        for _ = 1, 1000 do
            if not socket:request(message) then user:stop() return end
        end
    end,
}
