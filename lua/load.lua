-- load: what `load = ...` of a scenario may be, turned into the one thing the engine knows:
--
--   { loop = "closed" | "open", stages = { { duration_ns, from, to, exponential, part, span }, ... }, arrivals, shape,
--     users, waiting, grace_ns, iterations, iterations_per_user, stop_saturated, kind, params, trace, speed, iteration,
--     steer = function(t, stats), level_max, length_max_ns, slo, course }
--
-- With `steer` the load is decided as it goes, second by second; there are no stages then. `course`: how it goes, for people.
--
-- Levels are users (closed loop) or arrivals a second (open loop), linear from `from` to `to` within a stage, or
-- exponential. A last stage without a duration lasts until the iterations are done. `kind` and `params` (JSON text),
-- `part` and `span` of a stage say what the load is about, for who analyses the run. `trace`: whose times say when
-- iterations arrive, `speed` times as fast. `iteration`: what a scenario without tasks does.
--
-- Kinds of load are files of their own in lua/load, each a chunk that is called with `common` below when a script first asks
-- for it. Several loads side by side are { parts = { ... } }: lua/load/mix.lua.

local tools, keys, library, http = ...
local load = {}

local primitive = {} -- metatable that marks the result

local OPEN_KEYS = { "arrivals", "shape", "waiting" }
local ARRIVALS = { uniform = true, poisson = true, gamma = true }

local function fail(format, ...)
    error(format:format(...), 0)
end

local COMMON_KEYS = { "grace", "iterations", "iterations_per_user", "stop_when" } -- of every shape
local BESIDE = { pacing = true, think = true, user_init = true, user_exit = true, thresholds = true }

local function check_keys(t, what, known)
    keys.check(t, what, known, function(key)
        return BESIDE[key] and ("'%s' belongs beside load, into the scenario's own table"):format(key)
    end)
end

local function with_common(keys)
    return table.move(COMMON_KEYS, 1, #COMMON_KEYS, #keys + 1, keys)
end

local function duration_of(t, what)
    if t.duration == nil then fail("%s: no duration: add duration = \"30s\", or iterations = 1000", what) end
    return tools.duration_ns(t.duration, what .. ".duration")
end

-- A number of users or "20/s" arrivals: the level, and which loop it means.
local function level_of(value, what)
    if type(value) == "number" then
        if value ~= value then fail("%s: not a number (0/0): give 0 or more users", what) end
        if value < 0 then fail("%s: %s users: give 0 or more", what, value) end
        if value % 1 ~= 0 then fail("%s: %s users: a whole number is expected", what, value) end
        return value, "closed"
    end
    if type(value) ~= "string" then
        fail("%s: a number of users (20) or a rate (\"20/s\") is expected, not a %s", what, type(value))
    end
    return tools.rate(value, what), "open"
end

-- `users = 20` or `rate = "20/s"` of t. In open loop `users` is the size of the pool.
local function level_in(t, what)
    if t.rate ~= nil then
        if type(t.rate) == "number" then
            fail("%s.rate: %s has no unit: write rate = \"%s/s\", or users = %s for a closed loop", what, t.rate, t.rate,
                t.rate)
        end
        return level_of(t.rate, what .. ".rate")
    end
    if t.users ~= nil then
        if type(t.users) ~= "number" then
            fail("%s.users: a number is expected, not %s; for arrivals write rate = \"20/s\"", what, tostring(t.users))
        end
        return level_of(t.users, what .. ".users")
    end
    fail("%s: neither users nor rate: add users = 20, or rate = \"200/s\"", what)
end

-- `t[key]`: a level, of the loop that the load has already (nil: none yet). Returns `otherwise` where it is absent.
local function level_at(t, key, what, loop, otherwise)
    if t[key] == nil then return otherwise, loop end
    local level, kind = level_of(t[key], what .. "." .. key)
    if loop and kind ~= loop then fail("%s.%s: users and rates do not mix in one load", what, key) end
    return level, kind
end

local function above_zero(level, loop, what)
    if level <= 0 then
        fail("%s: the level is 0%s: nothing would be sent", what, loop == "open" and "/s" or " users")
    end
end

local function count_in(t, key, what)
    local value = t[key]
    if value ~= nil and (math.type(value) ~= "integer" or value < 1) then
        fail("%s.%s: a whole number above 0 is expected, not %s", what, key, tostring(value))
    end
    return value
end

local function time_in(t, key, what, otherwise)
    if t[key] == nil then return otherwise end
    return tools.duration_ns(t[key], what .. "." .. key)
end

-- `t[key]` between 0 and 1: 0.05, or "5%".
local function share_in(t, key, what, otherwise)
    local value = t[key]
    if value == nil then return otherwise end
    local percent = type(value) == "string" and tonumber(value:match("^%s*([%d.]+)%s*%%$"))
    local share = percent and percent / 100 or value
    if type(share) ~= "number" or not (share > 0 and share < 1) then
        fail("%s.%s: a share above 0 and below 1 is expected, \"5%%\" or 0.05, not %s", what, key, tostring(value))
    end
    return share
end

local function percentile_in(t, what)
    local value = t.percentile == nil and 99 or t.percentile
    if type(value) ~= "number" or not (value > 0 and value < 100) then
        fail("%s.percentile: a number above 0 and below 100 is expected, such as 99, not %s", what, tostring(value))
    end
    return value
end

-- A flat table of texts and numbers as JSON, its keys in order.
local function json_of(params)
    local names, fields = {}, {}
    for name in pairs(params) do names[#names + 1] = name end
    table.sort(names)
    for i, name in ipairs(names) do
        local value = params[name]
        fields[i] = ("%q:" .. (type(value) == "string" and "%q" or "%.15g")):format(name, value)
    end
    return "{" .. table.concat(fields, ",") .. "}"
end

local function stop_saturated(t, what, loop)
    if t.stop_when == nil then return nil end
    if t.stop_when ~= "saturated" then
        fail("%s.stop_when: '%s' is unknown: write stop_when = \"saturated\"", what, tostring(t.stop_when))
    end
    if loop == "closed" then
        fail("%s.stop_when: users wait for their answers, so nothing piles up; with arrivals (rate = \"200/s\") it may", what)
    end
    return true
end

-- Adds what all shapes share; `users` of t is the open loop's pool. `kind` and `params`: what it is for, nil: nothing.
local function finish(t, what, loop, stages, kind, params)
    if loop == "closed" then
        for _, key in ipairs(OPEN_KEYS) do
            if t[key] ~= nil then fail("%s.%s: only arrivals (rate = \"200/s\") have it", what, key) end
        end
    end
    local arrivals = t.arrivals
    if arrivals and not ARRIVALS[arrivals] then
        fail("%s.arrivals: '%s' is none of uniform, poisson, gamma", what, tostring(arrivals))
    end
    if type(t.shape) == "function" then
        fail("%s.shape: a function decides the load by itself: load = { shape = function(t, stats) ... end, max = 500, "
            .. "duration = \"10m\" }", what)
    end
    if t.shape ~= nil and (arrivals ~= "gamma" or type(t.shape) ~= "number" or not (t.shape > 0)) then
        fail("%s.shape: a number above 0, and only with arrivals = \"gamma\"", what)
    end
    return setmetatable({
        loop = loop,
        stages = stages,
        arrivals = arrivals,
        shape = t.shape,
        users = loop == "open" and count_in(t, "users", what) or nil,
        waiting = count_in(t, "waiting", what),
        grace_ns = t.grace ~= nil and tools.duration_ns(t.grace, what .. ".grace") or nil,
        iterations = count_in(t, "iterations", what),
        iterations_per_user = count_in(t, "iterations_per_user", what),
        kind = kind,
        params = params and json_of(params),
        stop_saturated = stop_saturated(t, what, loop),
    }, primitive)
end

-- Is the load over when its iterations are done, so that it needs no duration?
local function counted(t, loop)
    return t.iterations ~= nil or loop == "closed" and t.iterations_per_user ~= nil
end

local CURVES = { linear = true, exponential = true }

-- Whether `curve` of t says exponential, which no level of 0 fits.
local function exponential(t, from, to, what)
    if t.curve == nil then return nil end
    if not CURVES[t.curve] then fail("%s.curve: '%s' is none of linear, exponential", what, tostring(t.curve)) end
    if t.curve == "exponential" and (from <= 0 or to <= 0) then
        fail("%s.curve: an exponential ramp neither starts at 0 nor ends there: from = 1 would do", what)
    end
    return t.curve == "exponential" or nil
end

local LEVEL_KEYS = with_common { "users", "rate", "duration", "ramp", "ramp_down", "arrivals", "shape", "waiting" }

-- The edges of a level that lasts `duration` (math.huge: until its iterations are done), which contains both.
local function edges_of(t, what, duration)
    local up, down = time_in(t, "ramp", what, 0), time_in(t, "ramp_down", what, 0)
    if up > duration then
        fail("%s.ramp: %s is longer than the duration (%s) that it is part of", what, t.ramp, t.duration)
    end
    if down > 0 and duration == math.huge then
        fail("%s.ramp_down: nobody knows when the iterations will be done: give a duration as well", what)
    end
    if up + down > duration then
        fail("%s.ramp_down: together with the ramp it is longer than the duration (%s) that both are part of", what,
            t.duration)
    end
    return up, down
end

-- One level for `duration`, or until its iterations are done, climbed to from 0 within its first `ramp` and left within
-- its last `ramp_down`. Returns loop and stages.
local function level_stages(t, what)
    local to, loop = level_in(t, what)
    above_zero(to, loop, what)
    local endless = t.duration == nil and counted(t, loop)
    local duration = endless and math.huge or duration_of(t, what)
    if duration == 0 then fail("%s.duration: 0: nothing would be sent", what) end
    local up, down = edges_of(t, what, duration)
    local stages = {}
    if up > 0 then stages[1] = { duration_ns = up, from = 0, to = to, part = "ramp" } end
    if endless then
        stages[#stages + 1] = { to = to, part = "steady", span = 1 } -- without a duration
    elseif up + down < duration then
        stages[#stages + 1] = { duration_ns = duration - up - down, from = to, to = to, part = "steady", span = 1 }
    end
    if down > 0 then stages[#stages + 1] = { duration_ns = down, from = to, to = 0, part = "ramp-down" } end
    return loop, stages
end

local function level(t, what)
    check_keys(t, what, LEVEL_KEYS)
    local loop, stages = level_stages(t, what)
    return finish(t, what, loop, stages)
end

local STAGE_KEYS = { "duration", "users", "rate", "from", "curve" }
local STAGES_KEYS = with_common { "stages", "users", "arrivals", "shape", "waiting" }

-- A list of { duration, users = or rate =, from =, curve = }: linear (or exponential) from the level before (0 at first) to the given one.
local function stages(t, what)
    check_keys(t, what, STAGES_KEYS)
    if type(t.stages) ~= "table" or #t.stages == 0 then
        fail("%s.stages: a list is expected: { { duration = \"10s\", users = 20 }, ... }", what)
    end
    local list, before, loop, peak = {}, 0, nil, 0
    for i, stage in ipairs(t.stages) do
        local where = ("%s.stages[%d]"):format(what, i)
        if type(stage) ~= "table" then fail("%s: a table is expected, not a %s", where, type(stage)) end
        check_keys(stage, where, STAGE_KEYS)
        local to, kind = level_in(stage, where)
        if loop and kind ~= loop then fail("%s: users and rates do not mix in one load", where) end
        loop = kind
        local from = before
        if stage.from ~= nil then
            local from_kind
            from, from_kind = level_of(stage.from, where .. ".from")
            if from_kind ~= loop then fail("%s.from: users and rates do not mix in one load", where) end
        end
        list[i] = { duration_ns = duration_of(stage, where), from = from, to = to,
            exponential = exponential(stage, from, to, where) }
        before, peak = to, math.max(peak, from, to)
    end
    if loop == "closed" and t.users ~= nil then
        fail("%s.users: the stages say the users; only the pool of a rate has it", what)
    end
    above_zero(peak, loop, what)
    return finish(t, what, loop, list)
end

local RAMP_KEYS = with_common { "from", "to", "duration", "curve", "hold", "users", "arrivals", "shape", "waiting" }

-- From one level to another within `duration`, then `hold` at the last.
local function ramp(t, what)
    check_keys(t, what, RAMP_KEYS)
    if t.to == nil then fail("%s: no level to end at: add to = 100, or to = \"100/s\"", what) end
    local to, loop = level_of(t.to, what .. ".to")
    local from = 0
    if t.from ~= nil then
        local kind
        from, kind = level_of(t.from, what .. ".from")
        if kind ~= loop then fail("%s: users and rates do not mix in one load", what) end
    end
    if loop == "closed" and t.users ~= nil then fail("%s.users: only the pool of a rate has it", what) end
    above_zero(math.max(from, to), loop, what)
    local list = { { duration_ns = duration_of(t, what), from = from, to = to,
        exponential = exponential(t, from, to, what) } }
    local hold = t.hold ~= nil and tools.duration_ns(t.hold, what .. ".hold") or 0
    if hold > 0 then list[2] = { duration_ns = hold, from = to, to = to } end
    return finish(t, what, loop, list)
end

local function is_primitive(value)
    return getmetatable(value) == primitive
end

local SHAPE_KEYS = with_common { "shape", "max", "duration", "users", "arrivals", "gamma", "waiting" }

-- What a load that is decided as it goes may become at most: `max` (a number: users, "500/s": arrivals) and `length_ns`.
local function steered(t, what, steer, max, loop, length_ns)
    if loop == "closed" and t.users ~= nil then fail("%s.users: max says the users; only the pool of a rate has it", what) end
    if t.gamma ~= nil and (t.arrivals ~= "gamma" or type(t.gamma) ~= "number" or not (t.gamma > 0)) then
        fail("%s.gamma: a number above 0, and only with arrivals = \"gamma\"", what)
    end
    local beside = {}
    for _, key in ipairs { "users", "arrivals", "waiting", "grace", "iterations", "iterations_per_user", "stop_when" } do
        beside[key] = t[key]
    end
    beside.shape = t.gamma
    local result = finish(beside, what, loop, {})
    result.steer, result.level_max, result.length_max_ns = steer, max, length_ns
    return result
end

-- shape(t, stats) says the level of each second, or nil to end.
local function by_function(t, what)
    check_keys(t, what, SHAPE_KEYS)
    if type(t.shape) ~= "function" then
        fail("%s.shape: a function(t, stats) that returns a level is expected, not a %s", what, type(t.shape))
    end
    if t.max == nil then
        fail("%s: no max: add max = 500 (its levels are users), or max = \"500/s\" (they are arrivals a second)", what)
    end
    local max, loop = level_of(t.max, what .. ".max")
    above_zero(max, loop, what .. ".max")
    return steered(t, what, t.shape, max, loop, duration_of(t, what))
end

-- What `load = value` of a scenario means. Raises texts without a position.
local function of(value, what)
    what = what or "load"
    if type(value) ~= "table" then
        fail("%s: a table is expected: { users = 20, duration = \"20s\" }, not a %s", what, type(value))
    end
    if is_primitive(value) then return value end
    if value.shape ~= nil and value.arrivals ~= "gamma" or type(value.shape) == "function" then
        return by_function(value, what)
    end
    return (value.stages ~= nil and stages or level)(value, what)
end

-- A shape as scripts call it, by its name: errors name the script's line.
local function shape(name, build)
    local what = "pelt.load." .. name
    return function(t, ...)
        if type(t) ~= "table" then error(what .. ": a table is expected: " .. what .. " { ... }", 2) end
        local ok, result = pcall(build, t, what, ...)
        if not ok then error(result, 2) end
        return result
    end
end

load.users = shape("users", function(t, what)
    if t.rate ~= nil then fail("%s.rate: for arrivals write pelt.load.rate { ... }", what) end
    return level(t, what)
end)
load.rate = shape("rate", function(t, what)
    if t.rate == nil then fail("%s: no rate: add rate = \"200/s\"", what) end
    return level(t, what)
end)
load.ramp = shape("ramp", ramp)
load.stages = shape("stages", function(t, what)
    -- { stages = {...}, arrivals = ... }, or the list itself
    return stages(t.stages == nil and { stages = t } or t, what)
end)
load.shape = shape("shape", by_function)

local common = {
    tools = tools, keys = keys, http = http, primitive = primitive,
    fail = fail, check_keys = check_keys, with_common = with_common, shape = shape, finish = finish, of = of,
    is_primitive = is_primitive, level_of = level_of, level_in = level_in, level_at = level_at, above_zero = above_zero,
    count_in = count_in,
    steered = steered, duration_of = duration_of, time_in = time_in, share_in = share_in, percentile_in = percentile_in,
    json_of = json_of,
    level_stages = level_stages, LEVEL_KEYS = LEVEL_KEYS,
}
local kinds = {}
for _, kind in ipairs { "sustained", "burst", "benchmark", "stress", "mix", "replay" } do
    kinds[kind] = function() return library("pelt.load." .. kind)(common) end
end

return load, of, kinds
