-- demo: what `pelt demo` runs: arrivals climb to 200 a second within ten seconds and stay there for ten more, whatever the
-- server does (open loop). A server that falls behind shows it in the response times, which count from
-- when each arrival was due.

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

local function chat(user)
    local r = http.post("/api/chat", { json = { message = "hello from user " .. user.id }, name = "chat" })
    check("chat answered", r.status == 200)
end

local function models()
    local r = http.get("/api/models")
    check("models listed", r.status == 200)
end

local function health()
    http.get("/health")
end

return {
    name = "demo",
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = pelt.load.ramp { to = "200/s", duration = "10s", hold = "10s", arrivals = "poisson" },
    tasks = {
        { name = "chat", weight = 60, run = chat },
        { name = "models", weight = 30, run = models },
        { name = "health", weight = 10, run = health },
    },
    thresholds = {
        { metric = "http_response", name = "chat", stat = "p95", target = "100ms", warning = "250ms", critical = "1s" },
        "http_response p99 < 2s",
        { metric = "errors", stat = "share", max = "1%" },
    },
}
