-- tasks: more tasks than the workers can do, one in five urgent: does what is urgent stay fast?
--
--   pelt-target --tasks 4 --tasks-time exponential:50ms --tasks-queue 10000
--   pelt run scenarios/systems/tasks.lua

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

local function task(priority)
    return function()
        local r = http.post("/tasks", { json = { priority = priority, wait = true }, name = priority, timeout = "30s" })
        check("done", r.status == 200)
    end
end

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = pelt.env("RATE", "90/s"), duration = "15s", arrivals = "poisson", grace = "30s" },
    tasks = {
        { name = "high", weight = 20, run = task("high") },
        { name = "low", weight = 80, run = task("low") },
    },
    thresholds = { "http_response{high} p95 < 300ms" },
}
