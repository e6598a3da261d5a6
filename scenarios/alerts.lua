-- alerts: what somebody should be woken for. Users chat (closed loop), and the first of them looks once a second what
-- /health/detailed tells of the server: its queue, memory, processors and disk. Where a pelt-agent watches the server's
-- port (pelt-agent --port 18800), the host's memory, processors and disk are what it reads, and connections that wait to
-- be accepted count as a queue, too.
--
--   pelt run scenarios/alerts.lua --set TARGET=http://127.0.0.1:18800 --web
--   pelt run scenarios/alerts.lua --set TARGET=http://127.0.0.1:18800 --set AGENT=http://127.0.0.1:9646
--   pelt run scenarios/alerts.lua --set WEBHOOK=https://chat.example/hook --set WINDOW=10s --set QUEUE_MAX=100
--
-- `alerts` are told while the run goes, with the times at which they fired and were resolved; `thresholds` judge the run
-- as a whole. A server that is down answers nothing and all requests to it fail: ServiceDown and HighErrorRate both fire.
--
-- A scenario beside this one has the same by
--   local alerts = require "alerts"
--   ... alerts = alerts.alerts, thresholds = { alerts.thresholds, ... }
-- if it names its requests chat, and the values of queue and memory_share are added by its own users.

local pelt = require "pelt"
local http = pelt.http

local queue = pelt.metric.gauge("queue")               -- requests that wait for a worker
local memory_share = pelt.metric.gauge("memory_share") -- of the memory that the server may take, else of its host's
local cpu_share = pelt.metric.gauge("cpu_share")       -- of its processors' time since the last look
local disk_free = pelt.metric.gauge("disk_free")       -- bytes

local agent = pelt.env("AGENT", "")

local window = pelt.env("WINDOW", "5s")
local queue_max = tonumber(pelt.env("QUEUE_MAX", "1000"))
local webhook = pelt.env("WEBHOOK", "")
local memory = agent ~= "" and "server.alerts.memory.ratio" or "memory_share"

local alerts = {
    { alert = "HighErrorRate", metric = "errors", name = "chat", stat = "share", max = "5%", over = window },
    { alert = "QueueBacklog", metric = "queue", stat = "max", max = queue_max, ["for"] = window },
    { alert = "HighMemory", metric = memory, stat = "max", max = agent ~= "" and "80%" or 0.80, ["for"] = window },
    { alert = "ServiceDown", metric = "http_response", stat = "count", min = 1, over = window }, -- not one answer
    webhook = webhook ~= "" and webhook or nil,
}

local thresholds = {
    { metric = "errors", name = "chat", stat = "share", max = "5%" },
    { metric = "http_response", name = "chat", stat = "p95", max = "30s" },
    { metric = "http_response", name = "chat", stat = "per_second", min = "10/m" }, -- answers
    { metric = "queue", stat = "max", max = queue_max },
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
    local used, limit = r:json("/systems/limits/memory/used"), r:json("/systems/limits/memory/limit")
    if math.type(limit) then
        memory_share:add(used / limit)
    elseif memory and available then
        memory_share:add(1 - available / memory)
    end
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
    alerts = alerts,
    thresholds = thresholds,
    agents = agent ~= "" and { alerts = agent } or nil,
    iteration = function(user)
        if user.id == 0 then look(user) else chat(user) end
    end,
}
