-- scenario: checks the table that a scenario file returned and turns it into what the engine reads:
--
--   { name, target, load = see lua/load.lua, thresholds = { text or table, ... },
--     tasks = { { name, weight, run }, ... }, groups = { { number of a task, ... }, ... }, setup, teardown, user_init,
--     user_exit,
--     pacing_ns, think_ns, dns_ttl_ns, think = function, shared_connections = boolean, trace = boolean or table,
--     observe_server_timing = boolean, observe_cache = boolean,
--     http2 = { streams = number, window = text },
--     tls = { backend, ca, cert, key, min, max, ciphers = texts, insecure, resume = booleans },
--     agents = { { url, name, token_file = texts }, ... },
--     alerts = { { name, rule = text or table }, ... }, webhook = text }
--
-- Raises texts without a position; the caller puts the file's name before them.

local tools, keys, load_of = ...

local KEYS = { "name", "target", "load", "thresholds", "setup", "user_init", "tasks", "iteration", "user_exit",
    "teardown", "pacing", "think", "connections", "dns_ttl", "http2", "tls", "trace", "observe", "agents", "alerts" }
local OBSERVED = { "server_timing", "cache" }
local LOAD_KEYS = { users = true, rate = true, duration = true, ramp = true, ramp_down = true, stages = true,
    iterations = true, iterations_per_user = true, grace = true, arrivals = true, shape = true, stop_when = true }
local TASK_KEYS = { "name", "weight", "run" }
local HTTP2_KEYS = { "streams", "window" }
local STREAMS_MOST = 1000
local TLS_KEYS = { "backend", "ca", "cert", "key", "min", "max", "ciphers", "insecure", "resume" }
local TLS_TEXTS = { "backend", "ca", "cert", "key", "ciphers" }
local AGENT_KEYS = { "url", "name", "token_file" }
local THRESHOLD_KEYS = { "metric", "name", "stat", "t", "target", "warning", "critical", "max", "min", "over", "for",
    "trend", "abort", "delay" }
local ALERT_KEYS = { "alert", "rule", "metric", "name", "stat", "t", "max", "min", "over", "for", "delay" }

local function fail(format, ...)
    error(format:format(...), 0)
end

-- Where a key beside load belongs that is one of load's.
local function into_load(key)
    return LOAD_KEYS[key] and ("%s belongs into load: load = { %s = ..., ... }"):format(key, key)
end

local function check_type(value, expected, what)
    if value ~= nil and type(value) ~= expected then
        fail("%s: a %s is expected, not a %s", what, expected, type(value))
    end
    return value
end

local function task_of(task, where)
    check_type(task, "table", where)
    keys.check(task, where, TASK_KEYS)
    local weight = task.weight == nil and 1 or task.weight
    if type(weight) ~= "number" or not (weight > 0 and weight < math.huge) then
        fail("%s.weight: a number above 0 is expected, not %s", where, tostring(weight))
    end
    if type(task.name) ~= "string" then fail("%s: no name: add name = \"chat\"", where) end
    if type(task.run) ~= "function" then fail("%s: no function: add run = function(user, data) ... end", where) end
    return { name = task.name, weight = weight + 0.0, run = task.run }
end

-- The scenario's own tasks; `load` may bring an iteration, or each of several side by side its own.
local function tasks_of(s, load)
    check_type(s.iteration, "function", "iteration")
    check_type(s.tasks, "table", "tasks")
    if s.iteration and s.tasks then fail("iteration and tasks: give one of the two") end
    if s.iteration then return { { name = "iteration", weight = 1.0, run = s.iteration } } end
    if not s.tasks and load and load.iteration then
        return { { name = "iteration", weight = 1.0, run = load.iteration } }
    end
    if not s.tasks and load and load.parts then return {} end
    if not s.tasks or #s.tasks == 0 then
        fail("nothing to do: add iteration = function(user, data) ... end, or tasks = { { name, weight, run }, ... }")
    end
    local tasks = {}
    for i, task in ipairs(s.tasks) do tasks[i] = task_of(task, ("tasks[%d]"):format(i)) end
    return tasks
end

local function numbers_of(tasks, names, what)
    local known, number, list = {}, {}, {}
    for i, task in ipairs(tasks) do
        known[i] = task.name
        number[task.name] = number[task.name] or i
    end
    for i, name in ipairs(names) do
        list[i] = number[name]
        if not list[i] then
            fail("%s.tasks: the scenario has no task '%s'%s", what, tostring(name),
                keys.did_you_mean(name, known) or ": its tasks are " .. table.concat(known, ", "))
        end
    end
    return list
end

-- Which tasks the users of each load draw from: all of `tasks`, or of several loads side by side each its own, for which
-- further ones may be added.
local function groups_of(tasks, load)
    local all = {}
    for i = 1, #tasks do all[i] = i end
    if not load or not load.parts then return { all } end
    local groups = {}
    for i, part in ipairs(load.parts) do
        local own = part.iteration or not part.tasks and part.load.iteration
        if own then
            tasks[#tasks + 1] = { name = part.name, weight = 1.0, run = own }
            groups[i] = { #tasks }
        elseif part.tasks then
            groups[i] = numbers_of(tasks, part.tasks, part.what)
        elseif #all > 0 then
            groups[i] = all
        else
            fail("%s: nothing to do: add iteration = function(user, data) ... end, or tasks of the scenario", part.what)
        end
    end
    return groups
end

local function check_threshold(threshold, where)
    if type(threshold) == "table" then
        keys.check(threshold, where, THRESHOLD_KEYS)
        check_type(threshold.trend, "boolean", where .. ".trend")
        check_type(threshold.abort, "boolean", where .. ".abort")
    elseif type(threshold) ~= "string" then
        fail("%s: a text (\"http_response p95 < 200ms\") or a table is expected, not a %s", where, type(threshold))
    end
end

-- A list within the list, as a module gives one, counts as what is in it.
local function add_thresholds(into, list)
    for key in pairs(list) do
        if math.type(key) ~= "integer" then
            fail("thresholds: a list is expected: thresholds = { \"http_response p95 < 200ms\", ... }")
        end
    end
    for _, threshold in ipairs(list) do
        if type(threshold) == "table" and threshold[1] ~= nil then
            add_thresholds(into, threshold)
        else
            check_threshold(threshold, ("thresholds[%d]"):format(#into + 1))
            into[#into + 1] = threshold
        end
    end
    return into
end

local function thresholds_of(list)
    return list == nil and {} or add_thresholds({}, check_type(list, "table", "thresholds"))
end

-- One alert: its name, and what must hold: a threshold's text as `rule`, or a threshold's own keys.
local function alert_of(alert, where, names)
    keys.check(check_type(alert, "table", where), where, ALERT_KEYS)
    local name, rule = alert.alert, {}
    if type(name) ~= "string" then fail("%s: no name: write { alert = \"HighErrorRate\", rule = \"errors share < 5%%\" }", where) end
    if not name:match("^[%a_][%w_.-]*$") or #name > 47 then
        fail("%s: the name '%s' has more than 47 letters, digits, '_', '-' and '.', or does not begin with a letter", where, name)
    end
    if names[name] then fail("%s: there are two alerts '%s'", where, name) end
    for key, value in pairs(alert) do
        if key ~= "alert" and key ~= "rule" then rule[key] = value end
    end
    if (check_type(alert.rule, "string", where .. ".rule") ~= nil) == (next(rule) ~= nil) then
        fail("%s: what must hold is either rule = \"errors share < 5%%\", or metric, stat and max or min", where)
    end
    names[name] = true
    return { name = name, rule = alert.rule or rule }
end

-- A list within the list counts as what is in it.
local function add_alerts(into, list, names)
    for key in pairs(list) do
        if math.type(key) ~= "integer" and key ~= "webhook" then
            fail("alerts: a list is expected, and webhook: alerts = { { alert = \"HighErrorRate\", rule = \"errors share < 5%%\" }, ... }")
        end
    end
    into.webhook = into.webhook or check_type(list.webhook, "string", "alerts.webhook")
    for _, alert in ipairs(list) do
        if type(alert) == "table" and alert[1] ~= nil then
            add_alerts(into, alert, names)
        else
            into[#into + 1] = alert_of(alert, ("alerts[%d]"):format(#into + 1), names)
        end
    end
    return into
end

local function alerts_of(list)
    return list == nil and {} or add_alerts({}, check_type(list, "table", "alerts"), {})
end

-- Above 0 ns, or nil.
local function pause_of(value, what)
    local ns = tools.duration_ns(value, what)
    return ns > 0 and ns or nil
end

local function shared_of(connections)
    if connections ~= nil and connections ~= "shared" then
        fail("connections: %s is unknown: write connections = \"shared\", or leave it out and each user has its own",
            type(connections) == "string" and ('"%s"'):format(connections) or tostring(connections))
    end
    return connections == "shared"
end

-- true, or a table: what it does not say is as usual. A window may be written as a number of bytes.
local function http2_of(http2)
    if http2 == nil or http2 == false then return nil end
    if http2 == true then http2 = {} end
    keys.check(check_type(http2, "table", "http2"), "http2", HTTP2_KEYS)
    local streams, window = http2.streams, http2.window
    if streams ~= nil and not (math.type(streams) == "integer" and streams >= 1 and streams <= STREAMS_MOST) then
        fail("http2.streams: %s: a whole number from 1 to %d is expected", tostring(streams), STREAMS_MOST)
    end
    if window ~= nil and type(window) ~= "string" and math.type(window) ~= "integer" then
        fail("http2.window: a size is expected, as \"6m\", not a %s", type(window))
    end
    return { streams = streams, window = window and tostring(window) }
end

-- A version may be written as a number: min = 1.2.
local function tls_of(tls)
    if tls == nil then return nil end
    keys.check(check_type(tls, "table", "tls"), "tls", TLS_KEYS)
    local checked = { insecure = check_type(tls.insecure, "boolean", "tls.insecure"),
        resume = check_type(tls.resume, "boolean", "tls.resume") }
    for _, key in ipairs(TLS_TEXTS) do checked[key] = check_type(tls[key], "string", "tls." .. key) end
    for _, key in ipairs { "min", "max" } do
        local version = tls[key]
        checked[key] = type(version) == "number" and tostring(version) or check_type(version, "string", "tls." .. key)
    end
    return checked
end

-- One agent: "URL", "NAME=URL", or a table; `name` where it is a key of the list.
local function agent_of(agent, name, what)
    if type(agent) == "string" then
        local named, url = agent:match("^([%w_-]+)=(.*)$")
        agent = { name = named, url = url or agent }
    end
    keys.check(check_type(agent, "table", what), what, AGENT_KEYS)
    if type(agent.url) ~= "string" then fail("%s: no url: write \"http://10.0.0.5:9646\", where pelt-agent listens", what) end
    if name and agent.name and name ~= agent.name then fail("%s: two names, %s and %s", what, name, agent.name) end
    name = name or check_type(agent.name, "string", what .. ".name")
    if name and not name:match("^[%w_-]+$") then
        fail("%s: the name '%s' has more than letters, digits, '_' and '-'", what, name)
    end
    return { url = agent.url, name = name, token_file = check_type(agent.token_file, "string", what .. ".token_file") }
end

-- In the order of the list, and then of names.
local function agents_of(agents)
    local list, names = {}, {}
    if type(agents) == "string" then agents = { agents } end
    for key in pairs(check_type(agents, "table", "agents") or {}) do
        if type(key) == "string" then names[#names + 1] = key end
    end
    for i, agent in ipairs(agents or {}) do list[i] = agent_of(agent, nil, ("agents[%d]"):format(i)) end
    table.sort(names)
    for _, name in ipairs(names) do list[#list + 1] = agent_of(agents[name], name, "agents." .. name) end
    return list
end

-- What of the answers' own words is measured: a set.
local function observed_of(observe)
    local list, set = type(observe) == "string" and { observe } or check_type(observe, "table", "observe") or {}, {}
    for key, word in pairs(list) do
        if math.type(key) ~= "integer" or not (word == "server_timing" or word == "cache") then
            local word = type(word) == "string" and word or tostring(key)
            fail("observe: unknown word '%s'%s", word,
                keys.did_you_mean(word, OBSERVED) or ": write observe = { \"server_timing\", \"cache\" }, or one of them")
        end
        set[word] = true
    end
    return set
end

return function(count, s)
    if count == 0 or s == nil then
        fail("returns nothing: end it with return { load = ..., iteration = ... }")
    end
    if count > 1 then fail("returns %d values: a scenario returns one table", count) end
    if type(s) ~= "table" then fail("returns a %s: a scenario returns one table", type(s)) end
    keys.check(s, nil, KEYS, into_load)
    local think_drawn = type(s.think) == "function"
    local load = s.load ~= nil and load_of(s.load) or nil
    local tasks = tasks_of(s, load)
    local observed = observed_of(s.observe)
    local alerts = alerts_of(s.alerts)
    return {
        name = check_type(s.name, "string", "name"),
        target = check_type(s.target, "string", "target"),
        load = load,
        thresholds = thresholds_of(s.thresholds),
        alerts = alerts,
        webhook = alerts.webhook,
        tasks = tasks,
        groups = groups_of(tasks, load),
        setup = check_type(s.setup, "function", "setup"),
        teardown = check_type(s.teardown, "function", "teardown"),
        user_init = check_type(s.user_init, "function", "user_init"),
        user_exit = check_type(s.user_exit, "function", "user_exit"),
        pacing_ns = s.pacing ~= nil and pause_of(s.pacing, "pacing") or nil,
        think_ns = s.think ~= nil and not think_drawn and pause_of(s.think, "think") or nil,
        think = think_drawn and s.think or nil,
        shared_connections = shared_of(s.connections),
        dns_ttl_ns = s.dns_ttl ~= nil and tools.duration_ns(s.dns_ttl, "dns_ttl") or nil,
        http2 = http2_of(s.http2),
        tls = tls_of(s.tls),
        agents = agents_of(s.agents),
        trace = s.trace,
        observe_server_timing = observed.server_timing,
        observe_cache = observed.cache,
    }
end
