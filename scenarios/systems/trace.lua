-- Traces: a share of the requests meets a slow step. Which one, and where? Each request has an id; the service tells by it.
--
--   pelt-target --listen 127.0.0.1:18801 --workers 4 --service-time lognormal:10ms,1 --trace 5000 &
--   pelt-target --lb round-robin --lb-backends 127.0.0.1:18801 --trace 5000 &
--   pelt run scenarios/systems/trace.lua

local pelt = require "pelt"
local http = pelt.http

local step_ms = pelt.metric.trend("step")

return {
    name = "trace",
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = "100/s", duration = "8s", arrivals = "poisson" },
    iteration = function(user)
        local id = "run-" .. user.id .. "-" .. user.iteration
        local r = http.get("/work", { name = "work", headers = { ["X-Correlation-ID"] = id } })
        if user.iteration % 10 ~= 0 then return end
        local traced = http.get("http://" .. (r.headers["X-Backend"] or "127.0.0.1:18801") .. "/trace/" .. id, { name = "trace" })
        for _, step in ipairs(traced:json("/requests/0/steps") or {}) do
            if step.ms then step_ms:add(step.ms / 1000, { step = step.step }) end
        end
    end,
    thresholds = { "http_response{work} p50 < 100ms" },
}
