-- thresholds: what a chat service is held to, each at three levels: target, warning, critical.
-- Twenty users, each thinking half a second on average between two requests (closed loop).
--
--   pelt run scenarios/thresholds.lua --set TARGET=http://127.0.0.1:18800
--
-- A scenario beside this one is held to the same by
--   thresholds = require("thresholds").thresholds
-- if it names its requests chat and health.

local pelt = require "pelt"
local http = pelt.http

local thinking = pelt.env("THINK", "500ms")

local function chat(user)
    http.post("/api/chat", { json = { message = "How are you?" }, name = "chat" })
    pelt.sleep(user.rng:exponential(thinking))
end

local function health(user)
    http.get("/health", { name = "health" })
    pelt.sleep(user.rng:exponential(thinking))
end

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { users = 20, duration = "1m" },
    tasks = {
        { name = "chat", weight = 70, run = chat },
        { name = "health", weight = 30, run = health },
    },
    thresholds = {
        { metric = "http_response", name = "chat", stat = "p50", target = "500ms", warning = "1s", critical = "2s" },
        { metric = "http_response", name = "chat", stat = "p95", target = "1s", warning = "2s", critical = "5s" },
        { metric = "http_response", name = "health", stat = "p95", target = "50ms", warning = "100ms", critical = "200ms" },
        { metric = "errors", stat = "share", target = "0.1%", warning = "1%", critical = "5%" },
        { metric = "http_response", stat = "per_second", target = "10/s", warning = "5/s", critical = "2/s" }, -- answers
    },
}
