-- chat_mix: what a chat service sees all day: 70 of 100 visits ask something, half of them for a streamed answer, 15 are a
-- monitor's, 10 list the models, 5 chat over a WebSocket.
--
--   pelt run scenarios/chat_mix.lua --set TARGET=http://127.0.0.1:18800 --set RATE=50/s

local pelt = require "pelt"
local http, ws, check = pelt.http, pelt.ws, pelt.check

local api = http.client { timeout = "30s" }
local questions = { "How are you?", "What is a load test?", "Tell me a story about a rate limit." }

local function streamed(user)
    local answer = api:stream("/api/chat", { json = { message = user.rng:choice(questions), stream = true }, name = "chat stream" })
    local last
    for event in answer:events() do last = event.data end
    check("chat answered", last == "[DONE]")
end

local function chat(user)
    if user.rng:uniform() < 0.5 then
        return streamed(user)
    end
    local r = api:post("/api/chat", { json = { message = user.rng:choice(questions) }, name = "chat" })
    check("chat answered", r:json("/answer") ~= nil)
end

local function health()
    check("healthy", api:get("/health", { name = "health" }).ok)
end

local function models()
    check("models listed", api:get("/api/models", { name = "models" }).ok)
end

local function socket(user)
    local c <close> = ws.connect("/ws/chat", { name = "chat socket", timeout = "5s" })
    local answer
    if c:send { message = user.rng:choice(questions) } then
        repeat
            local text = c:recv("10s")
            answer = text and pelt.json.decode(text).type
        until answer ~= "token"
    end
    check("chat answered", answer == "done")
end

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = pelt.load.rate { rate = pelt.env("RATE", "20/s"), duration = "2m", arrivals = "poisson" },
    tasks = {
        { name = "chat", weight = 70, run = chat },
        { name = "health", weight = 15, run = health },
        { name = "models", weight = 10, run = models },
        { name = "socket", weight = 5, run = socket },
    },
    thresholds = { { metric = "errors", stat = "share", max = "1%" } },
}
