-- models: three models, of which the largest two do not fit into memory together: what does a rare question cost the others?
--
--   pelt-target --models small:2g:100ms,large:16g:300ms,huge:40g:1s --model-memory 48g --service-time 20ms --service-for work
--   pelt run scenarios/systems/models.lua
--   curl -X PUT -d '{"model-memory": "64g"}' http://127.0.0.1:18800/admin/knobs     and once more

local pelt = require "pelt"
local http = pelt.http

local function ask(model)
    return function() http.get("/work?model=" .. model, { name = model }) end
end

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = pelt.env("RATE", "50/s"), duration = "15s", arrivals = "poisson" },
    observe = { "server_timing" },
    tasks = {
        { name = "small", weight = 77, run = ask("small") },
        { name = "large", weight = 20, run = ask("large") },
        { name = "huge", weight = 3, run = ask("huge") },
    },
    thresholds = { "http_response{small} p95 < 200ms", "http_response{large} p95 < 500ms" },
}
