-- alerts: what somebody should be woken for. Users chat (closed loop), and the first of them looks once a second what
-- /health/detailed tells of the server: its queue, memory, processors and disk. Where a pelt-agent watches the server's
-- port (pelt-agent --port 18800), the host's memory, processors and disk are what it reads, and connections that wait to
-- be accepted count as a queue, too.
--
--   pelt run scenarios/alerts.lua --set TARGET=http://127.0.0.1:18800
--   pelt run scenarios/alerts.lua --set TARGET=http://127.0.0.1:18800 --set AGENT=http://127.0.0.1:9646
--
-- A scenario beside this one has the same alerts by
--   local alerts = require "alerts"
--   ... thresholds = { alerts.thresholds, ... }, iteration = function(user) if user.id == 0 then alerts.look(user) else ...
-- if it names its requests chat.

local pelt = require "pelt"
local http = pelt.http

local queue = pelt.metric.gauge("queue")               -- requests that wait for a worker
local memory_share = pelt.metric.gauge("memory_share") -- of the server's memory that is taken
local cpu_share = pelt.metric.gauge("cpu_share")       -- of its processors' time since the last look
local disk_free = pelt.metric.gauge("disk_free")       -- bytes

local agent = pelt.env("AGENT", "")

local alerts = {
    { metric = "errors", name = "chat", stat = "share", max = "5%" },
    { metric = "http_response", name = "chat", stat = "p95", max = "30s" },
    { metric = "http_response", name = "chat", stat = "per_second", min = "10/m" }, -- answers
    { metric = "queue", stat = "max", max = 1000 },
    agent ~= "" and {
        { metric = "server.alerts.memory.ratio", stat = "max", max = "80%" },
        { metric = "server.alerts.cpu.ratio", stat = "min", max = "90%", over = "2s" }, -- for two whole seconds
        { metric = "server.alerts.disk_space.free", name = "target=/", stat = "min", min = 1000 * 1000 * 1000 },
        { metric = "server.alerts.listen_backlog.used", stat = "max", max = 1000 },
    } or {
        { metric = "memory_share", stat = "max", max = 0.80 },
        { metric = "cpu_share", stat = "max", max = 0.90 },
        { metric = "disk_free", stat = "min", min = 1000 * 1000 * 1000 },
    },
}

-- What the server does not tell gets no value, and its alert is unjudged.
local function look(user)
    local r = http.get("/health/detailed", { name = "look" })
    local memory, available = r:json("/host/memory_bytes"), r:json("/host/memory_available_bytes")
    local cpu, busy = r:json("/host/cpu_s"), r:json("/host/cpu_busy_s")
    local disk = r:json("/host/disk_free_bytes")
    if r:json("/systems") then queue:add(r:json("/systems/limits/workers_queue/used") or 0) end -- no workers: none waits
    if memory and available then memory_share:add(1 - available / memory) end
    if cpu and user.cpu and cpu > user.cpu then cpu_share:add((busy - user.busy) / (cpu - user.cpu)) end
    if disk then disk_free:add(disk) end
    user.cpu, user.busy = cpu, busy
    pelt.sleep("1s")
end

local function chat(user)
    http.post("/api/chat", { json = { message = "How are you?" }, name = "chat" })
    pelt.sleep(user.rng:exponential("500ms"))
end

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { users = 20, duration = "1m" },
    thresholds = alerts,
    agents = agent ~= "" and { alerts = agent } or nil,
    iteration = function(user)
        if user.id == 0 then look(user) else chat(user) end
    end,
}
