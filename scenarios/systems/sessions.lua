-- sessions: each user talks on, turn by turn: does the service remember, also when it is started again in the middle?
--
--   pelt-target --sessions-redis 127.0.0.1:6379
--   pelt run scenarios/systems/sessions.lua        and meanwhile end pelt-target and start it again

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { users = 20, duration = "15s" },
    pacing = "250ms",
    user_init = function(user)
        local r = http.post("/sessions", { name = "begin" })
        user.session = r.headers["X-Session-ID"]
        user.turns = 0
    end,
    iteration = function(user)
        local r = http.post("/api/chat", { json = { message = "hello again" }, name = "chat",
            headers = { ["X-Session-ID"] = user.session } })
        if r.status == 200 then
            user.turns = user.turns + 1
            check("remembered", tonumber(r.headers["X-Session-Turn"]) >= user.turns)
        else
            check("no session was lost", r.status ~= 404)
        end
    end,
    thresholds = { { metric = "checks", stat = "share", min = "99%" } },
}
