-- What `pelt new` writes: change it until it says what your users do. Every function, option and key is in
-- docs/SCENARIOS.md of pelt.
--
--   pelt check FILE --once     one iteration, each exchange and each check shown; without --once nothing is sent
--   pelt run FILE              the load, and the report

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

-- What several requests have in common. Made once, here, outside of the functions below.
local api = http.client { headers = { Accept = "application/json" }, timeout = "10s" }
local questions = { "How are you?", "What is a load test?", "Tell me a story about a rate limit." }

-- What a user does. Code runs straight on; a call that waits lets the other users go on. State of a user lives in
-- fields of `user`; a local of this file is shared, so only read it in here.
local function chat(user, data)
    -- A name groups requests in the report; without one it is the method and the path, numbers folded.
    local r = api:post("/api/chat", { json = { message = user.rng:choice(questions) }, name = "chat" })

    -- A check is counted as passed or failed; the request's own outcome stays what it is.
    check("chat answered", r.status == 200)
    -- check("has an answer", r:json("/answer") ~= nil)

    -- Think time: a second on average, at random, the same for the same --seed.
    pelt.sleep(user.rng:exponential("1s"))
end

local function models(user, data)
    check("models listed", api:get("/api/models").ok)
    pelt.sleep("500ms")
end

return {
    -- The server: --target wins, then --set TARGET=URL, then the environment's TARGET, then this.
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),

    -- Closed loop: so many users, each begins again when it is done.
    load = { users = 20, duration = "30s", ramp = "5s" },

    -- Open loop: iterations begin at a rate, whatever the server does. Take this for traffic that does not wait.
    -- load = { rate = "50/s", duration = "30s", arrivals = "poisson" },
    -- load = pelt.load.ramp { from = "10/s", to = "200/s", duration = "1m", hold = "30s" },

    -- Runs once before the load; what it returns comes to each function as `data`, read-only.
    -- setup = function() return { token = http.post("/login", { json = { user = "me" } }):json("/token") } end,
    -- teardown = function(data) end,

    -- One of these is drawn for each iteration. With a single one: iteration = chat
    tasks = {
        { name = "chat", weight = 70, run = chat },
        { name = "models", weight = 30, run = models },
    },

    -- What must hold for exit code 0; a miss is 3. The run itself is judged as well: VALID, SUSPECT or INVALID.
    thresholds = {
        { metric = "http_response", name = "chat", stat = "p95", target = "200ms", warning = "500ms", critical = "2s" },
        { metric = "errors", stat = "share", max = "1%" },
    },
}
