-- cognitive: five kinds of work behind one name: a mean over all of them says nothing about any.
--
--   pelt-target --cognitive on --workers 8
--   pelt run scenarios/systems/cognitive.lua

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

local function process(name)
    return function()
        local r = http.post("/cognitive/" .. name, { json = { message = "think" }, name = name })
        check("done", r.status == 200)
    end
end

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = pelt.env("RATE", "100/s"), duration = "15s", arrivals = "poisson" },
    tasks = {
        { name = "memory", weight = 40, run = process("memory") },
        { name = "grammar", weight = 25, run = process("grammar") },
        { name = "agent", weight = 15, run = process("agent") },
        { name = "reasoning", weight = 15, run = process("reasoning") },
        { name = "multimodal", weight = 5, run = process("multimodal") },
    },
    thresholds = { "http_response{memory} p95 < 20ms", "http_response{reasoning} p95 < 300ms" },
}
