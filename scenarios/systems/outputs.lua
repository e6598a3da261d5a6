-- outputs: people ask a model nearly the same: how often is an old answer good enough, and how sure is that?
--
--   pelt-target --service-time lognormal:200ms,0.5 --service-for work --outputs 1000
--   pelt run scenarios/systems/outputs.lua

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

local given = pelt.metric.share("given_again_surely")
local confidence = pelt.metric.counter("confidence") -- a row each of HIGH, MEDIUM, LOW, NONE
local subjects = { "password", "invoice", "address", "delivery", "contract", "receipt" }
local forms = { "How do I change my %s?", "how do I change my %ss", "how can we change that %s", "Tell me a story about a %s" }

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = "30/s", duration = "15s", arrivals = "poisson" },
    observe = { "cache" },
    iteration = function(user)
        local message = user.rng:choice(forms):format(user.rng:choice(subjects))
        local r = http.post("/api/chat", { json = { message = message }, name = "chat" })
        check("chat answered", r.status == 200)
        local said = r.headers["Cache-Status"] or ""
        given:add(said:find("detail=HIGH", 1, true) ~= nil)
        confidence:add(1, { of = said:match("detail=(%u+)") or "other" })
    end,
    thresholds = { "cache.status.hit_share{cache=outputs} share > 30%", { metric = "errors", stat = "share", max = "1%" } },
}
