-- memory: the service loses memory for six seconds, and refuses work before it would be killed: from when on, and until when?
--
--   pelt-target --memory-limit 40m --service-time constant:5ms --service-for work
--   pelt run scenarios/systems/memory.lua
--   curl -X PUT -d '{"memory-limit": 0}' http://127.0.0.1:18800/admin/knobs     and once more

local pelt = require "pelt"
local http = pelt.http

local leak = pelt.env("LEAK", "10m") -- a second
local begin, finish = tonumber(pelt.env("LEAKS", "200")), tonumber(pelt.env("ENDS", "800")) -- requests
local count = pelt.shared.counter("asked")

local function turn(bytes)
    http.put("/admin/knobs", { json = { ["leak-memory"] = bytes }, name = "turn" })
end

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = "100/s", duration = "12s" },
    iteration = function()
        local n = count:add(1)
        if n == begin then
            turn(leak)
        elseif n == finish then
            turn("0")
        end
        http.get("/work", { name = "work" })
    end,
    thresholds = { { metric = "errors", stat = "share", max = "1%" } },
}
