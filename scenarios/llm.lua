-- llm: people talk to a language model, a few turns each. Prompts have lengths as people's do, three quarters begin with one
-- of eight system prompts, some asked more than others. An answer is good if its first token comes within half a second
-- and the others at reading speed.
--
--   pelt-target --chat-tokens lognormal:40,0.5 --chat-first exponential:80ms --chat-gap 10ms
--   pelt run scenarios/llm.lua --set TARGET=http://127.0.0.1:18800 --set KEY=... --set MODEL=...

local pelt = require "pelt"
local llm = pelt.llm

local api = pelt.http.client { auth = { bearer = pelt.env("KEY", "none") }, timeout = "2m" }

local prompts = llm.prompts {
    words = { "lognormal", mean = 60, sigma = 0.7, max = 2000 },
    prefix = { groups = 8, words = 300, share = "75%", zipf = 1 },
    max_tokens = { "lognormal", mean = 40, sigma = 0.5, max = 1000 },
    turns = { "uniform", min = 1, max = 4 },
    think = { "exponential", mean = pelt.env("THINK", "2s") },
}

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = "2/s", duration = "1m", arrivals = "poisson" },   -- two conversations begin each second
    iteration = function()
        local talk = prompts:session()
        while talk:next() do
            local r = talk:chat(api, "/v1/chat/completions", {
                name = "chat",
                model = pelt.env("MODEL", "reference-1"),
                slo = { ttft = "500ms", tpot = "50ms" },
            })
            if not pelt.check("answered", r.ok) then break end
        end
    end,
    thresholds = {
        { metric = "llm_ttft", name = "chat", stat = "p95", target = "200ms", warning = "500ms", critical = "2s" },
        "llm_tpot{chat} p95 < 50ms",
        "llm_goodput{chat} share > 95%",
        "llm_complete{chat} share > 99%",
    },
}
