-- chat: people at a chat service: most ask something, some look up the models, a monitor asks for the health.
-- Fifty users, each thinking a second on average between two requests (closed loop).
--
--   pelt run scenarios/chat.lua --set TARGET=http://127.0.0.1:18800

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

local api = http.client { headers = { Accept = "application/json" }, timeout = "10s" }
local questions = { "How are you?", "What is a load test?", "Tell me a story about a rate limit." }

local function think(user)
    pelt.sleep(user.rng:exponential("1s"))
end

local function chat(user)
    local r = api:post("/api/chat", { json = { message = user.rng:choice(questions) }, name = "chat" })
    check("chat answered", r.status == 200)
    think(user)
end

local function models(user)
    local r = api:get("/api/models")
    check("models listed", r.status == 200)
    think(user)
end

local function health()
    api:get("/health")
end

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { users = 50, duration = "1m", ramp = "10s" },
    tasks = {
        { name = "chat", weight = 70, run = chat },
        { name = "models", weight = 20, run = models },
        { name = "health", weight = 10, run = health },
    },
    thresholds = {
        { metric = "http_response", name = "chat", stat = "p95", target = "200ms", warning = "500ms", critical = "2s" },
        { metric = "errors", stat = "share", max = "1%" },
    },
}
