-- semantic: the same questions, each time in other words: only a cache that compares meanings can help.
--
--   pelt-target --service-time constant:20ms --service-for work --search 16m --search-semantic 70%
--   pelt run scenarios/systems/semantic.lua

local pelt = require "pelt"
local http = pelt.http

local questions = { "how+do+I+reset+my+password", "what+is+the+weather+in+Paris+today", "list+all+open+invoices+of+March" }
local endings = { "", "%3F", "+please", "+now", "%21", "+again", "+then", "+soon" }

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = "50/s", duration = "10s", arrivals = "poisson" },
    observe = { "cache" },
    iteration = function(user)
        http.get("/search?q=" .. user.rng:choice(questions) .. user.rng:choice(endings), { name = "search" })
    end,
    thresholds = { "cache.http.hit_share share > 80%" },
}
