-- demo: what `pelt demo` runs: arrivals climb by steps, whatever the server does (open loop), until its answers take too long; then
-- the edge is looked for, and what holds is verified. The report says how much that is, and which limit of the server was met first.

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
    load = pelt.load.stress { from = "100/s", step = "100/s", max = "800/s", every = "3s", resolution = "25%", verify = 1, hysteresis = false },
    tasks = {
        { name = "chat", weight = 60, run = chat },
        { name = "models", weight = 30, run = models },
        { name = "health", weight = 10, run = health },
    },
    thresholds = { -- the SLO: what each step is held against
        { metric = "http_response", name = "chat", stat = "p95", target = "100ms", warning = "200ms", critical = "300ms" },
        { metric = "errors", stat = "share", max = "1%" },
    },
}
