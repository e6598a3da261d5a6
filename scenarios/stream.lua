-- stream: users who read streamed chat answers to their end: how long until the first word, how evenly the others come.
--
--   pelt run scenarios/stream.lua --set TARGET=http://127.0.0.1:18800 --set USERS=50

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

local questions = { "How are you?", "What is a load test?", "Tell me a story about a rate limit." }

local function ask(user)
    local answer = http.stream("/api/chat", {
        json = { message = user.rng:choice(questions), stream = true },
        name = "chat",
        first = "/choices/0/delta/content", -- what stream_match waits for: the first word, not the first event
        between = "10s",
    })
    local words = 0
    for event in answer:events() do
        if event.data ~= "[DONE]" and event:json("/choices/0/delta/content") then
            words = words + 1
        end
    end
    check("answered to the end", not answer.error and words > 1)
end

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { users = tonumber(pelt.env("USERS", "20")), duration = "1m" },
    think = function(user) return user.rng:exponential("500ms") end,
    iteration = ask,
    thresholds = {
        { metric = "stream_match", stat = "p95", target = "500ms", warning = "1s", critical = "3s" },
        "stream_freeze p95 < 2s",
        { metric = "errors", stat = "share", max = "1%" },
    },
}
