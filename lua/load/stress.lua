-- stress: a load that looks for the largest level at which the service still holds its SLO, written down as somebody would
-- do it by hand: climb until it breaks, halve the gap, hold what is left several times, go over the edge and back once.
--
-- It runs as a coroutine that yields the level of each second. A step is judged by all of its seconds but its first ones
-- (`settle`): its level is held for one second more, in which the last of them becomes known, and which is not judged.
-- Which steps there were, and what came of them, are events of the run:
--
--   step      "step 3: 200/s holds: ..." or "breaks: ..."
--   capacity  "largest level that holds: 212/s ...", at the end
--
-- What came of a step, and by which seconds, is told by view.judged() as well, for who analyses the run.
--

local coroutine = coroutine -- scripts may not replace it here
local common = ...
local fail = common.fail

local KEYS = { "from", "step", "max", "every", "settle", "slo", "resolution", "verify", "hysteresis", "duration", "users",
    "arrivals", "gamma", "waiting" }

local NS = 1000000000
local EVERY_MAX_S = 300
local JUDGED_MIN_S = 2       -- of a step
local WINDOW_MAX_S = 60      -- that stats.window() gives
local LONGER = 6             -- a step that cannot be judged yet lasts at most so many times `every`
local REST_MAX_S = 60        -- for the service to recover
local REST_HALVED_S = 10     -- so often what it gets meanwhile is halved
local ACHIEVED = 0.95        -- less of the arrivals ends: it is the throughput that breaks
local HOPELESS = 0.8         -- so much less that a step need not be waited for
local LATE = 0.05            -- more of the arrivals were late by this host's doing: nothing is judged
local AGAIN = 3              -- so often a step begins anew for that
local DOWN_MAX = 6           -- steps down until it holds again
local UP_MAX = 6             -- steps up until it breaks again
local ENDED_ENOUGH = 100     -- after so many requests one that never came is not just rare

local function level_text(loop, level)
    return loop == "open" and ("%.6g/s"):format(level) or ("%d user%s"):format(level, level == 1 and "" or "s")
end

-- ---- the search ----

-- `o`: the options as made below, times in seconds. Returns function(t, stats, view).
local function searcher(o)
    local t, stats, view -- of the second that is decided
    local span = 0
    local told, answered = false, false -- the capacity; by an ok
    local calm_s         -- backlog in seconds of arrivals at the last step that held
    local good, bad      -- largest level that held, smallest that broke; good 0: none so far
    local why            -- it broke
    local found          -- the capacity as a text, while it goes over the edge and back

    local function name(level) return level_text(o.loop, level) end

    local function conclude(format, ...)
        told = true
        view.note("capacity", format:format(...))
    end

    -- One second more at this level.
    local function hold(level, part)
        if t + 1 >= view.duration and found then
            conclude("%s; the duration was over before it went over the edge and back", found)
        elseif t + 1 >= view.duration and not told then
            conclude("not found within the duration of %.6g s: %s%s", view.duration,
                good > 0 and ("holds at %s so far"):format(name(good)) or "no level held so far",
                bad and (", breaks at %s: %s"):format(name(bad), why) or "")
        end
        t, stats, view = coroutine.yield(level, part, span)
        answered = answered or stats.window(WINDOW_MAX_S).ok_per_s > 0
    end

    -- By how much the backlog of so many arrivals may grow by chance alone.
    local function noise(arrivals)
        return math.max(3, (o.random and 2 or 0.5) * math.sqrt(arrivals / o.gamma))
    end

    -- Why arrivals of these seconds pile up, nil if they do not.
    local function piles_up(w)
        local arrivals = w.planned_per_s * w.seconds
        local small = math.max(noise(arrivals), 0.4 * o.resolution * arrivals)
        if w.dropped > 0 then return ("throughput: %d arrivals were dropped"):format(w.dropped) end
        if w.growth <= small then return nil end
        if w.iterations_per_s < ACHIEVED * w.planned_per_s then
            return ("throughput: %.4g/s of %.4g/s ended"):format(w.iterations_per_s, w.planned_per_s)
        end
        return ("throughput: the backlog grew by %.3g/s"):format(w.growth / w.seconds)
    end

    -- "holds", "breaks", "unjudged" or "absent" (the SLO is of what never came) by the seconds [first, known), the reason,
    -- the SLO that it is of, and their figures. `since`: the same level has been held from then on, so what piles up is seen better.
    local function judge(first, known, since)
        local w = stats.window(math.min(known - first, WINDOW_MAX_S))
        local result, reason, slo = view.judge(first, known)
        local piled = o.loop == "open" and piles_up(since and stats.window(math.min(known - since, WINDOW_MAX_S)) or w)
        if not answered and w.error then
            result, reason, slo = "breaks", "the most frequent error is " .. w.error, "errors"
        end
        if result ~= "breaks" and piled then result, reason, slo = "breaks", piled, "throughput" end
        return result, reason, slo, w
    end

    local function is_hopeless(first, known)
        if o.loop ~= "open" or not answered or known - first < 2 then return false end
        local w = stats.window(math.min(known - first, WINDOW_MAX_S))
        return w.iterations_per_s < HOPELESS * w.planned_per_s and piles_up(w) ~= nil
    end

    -- Seconds that tell levels apart which differ by the resolution: random arrivals come by chance, too.
    local function length_of(level, part)
        if part == "climb" or o.loop ~= "open" or not o.random then return o.every end
        local needed = math.ceil((4 / o.resolution) ^ 2 / (level * o.gamma)) + o.settle
        return math.min(math.max(o.every, needed), LONGER * o.every)
    end

    local function figures(w)
        local share = w.errors > 0 and (", errors %.3g%%"):format(100 * w.errors) or ""
        local p99 = w.p99_ms and (", p99 %.4g ms"):format(w.p99_ms) or w.p95_ms and (", p95 %.4g ms"):format(w.p95_ms) or ""
        return ("%.4g/s ok%s%s"):format(w.ok_per_s, p99, share)
    end

    -- Holds a level for a step. Returns "holds", "breaks" or "unjudged", the reason, the first second that counts and the
    -- one behind the last. `since`: from when on the level has been held.
    local function step(level, part, since)
        local from, first = t, t + o.settle
        local least, most = length_of(level, part), LONGER * o.every
        local result, reason, slo, w, known
        local again = 0
        span = span + 1
        repeat
            hold(level, part)
            known = stats.t + 1
            local length = known - from
            if length >= least or is_hopeless(first, known) then
                result, reason, slo, w = judge(first, known, since)
                if result == "absent" and w.ok_per_s * w.seconds >= ENDED_ENOUGH then
                    result = "unjudged"
                elseif (result == "unjudged" or result == "absent") and length < most then
                    result = nil
                end
                if w.late > LATE and again < AGAIN then -- it measured this host
                    result, again, from, first, since = nil, again + 1, t, t + o.settle, nil
                end
            end
        until result
        if result == "absent" then result = "unjudged" end
        local holds = result == "holds"
        view.judged(span, result, first, known, not holds and reason or nil, not holds and slo or nil)
        view.note("step", ("step %d: %s %s: %s"):format(span, name(level), result, holds and figures(w) or reason))
        if holds and o.loop == "open" and w.planned_per_s > 0 then calm_s = w.backlog / w.planned_per_s end
        return result, result == "unjudged" and "it could not be judged: " .. reason or reason, first, known
    end

    -- A low level until what the step before left has been worked off. Returns whether it was, and the last level.
    local function recovers()
        local function halved(level) return o.loop == "closed" and math.max(1, level // 2) or level / 2 end
        local level = halved(good > 0 and good or halved(bad))
        local from = t
        while t - from < REST_MAX_S do
            hold(level, "rest")
            if (t - from) % REST_HALVED_S == 0 then level = halved(level) end
            local known = stats.t + 1
            local backlog_max = 3 + 2 * (calm_s or 1) * level
            local quiet = o.loop == "closed" or stats.backlog <= backlog_max
            if known - from >= 2 and quiet and view.judge(known - 1, known) ~= "breaks" then return true end
        end
        return false, level
    end

    -- False: the service did not recover, which is told.
    local function rest()
        local recovered, level = recovers()
        if recovered then return true end
        conclude("the service did not recover within %d s at %s after %s broke it%s", REST_MAX_S, name(level), name(bad),
            good > 0 and ("; %s held before"):format(name(good)) or "")
        return false
    end

    -- False: nothing answers, or the SLO cannot be judged, which is told.
    local function climb()
        good = 0
        local level = math.min(o.from, view.max)
        while true do
            local result, reason = step(level, "climb")
            if result == "unjudged" and good == 0 then
                conclude("%s: %s", name(level), reason)
                return false
            end
            if result ~= "holds" then
                bad, why = level, reason
                if not answered then conclude("no request ended ok at %s: %s", name(level), reason) end
                return answered
            end
            good = level
            if level >= view.max then return true end
            level = math.min(level + o.step, view.max)
        end
    end

    local function rounded(level)
        return o.loop == "closed" and level // 1 or tonumber(("%.4g"):format(level))
    end

    -- The level between, nil if the gap is small enough. Half the resolution: a step near the edge may be judged wrong.
    local function between()
        local level = rounded((good + bad) / 2)
        if bad - good <= o.resolution / 2 * bad or level <= good or level < o.least then return nil end
        return level
    end

    local function search()
        for level in between do
            if not rest() then return false end
            local result, reason = step(level, "search")
            if result == "holds" then good = level else bad, why = level, reason end
        end
        return bad == nil or rest()
    end

    local function lower(level)
        local next = level * (1 - o.resolution / 2)
        return o.loop == "closed" and math.min(level - 1, next // 1) or rounded(next)
    end

    local function higher(level)
        local next = level * (1 + o.resolution)
        return o.loop == "closed" and math.max(level + 1, next // 1) or rounded(next)
    end

    -- The largest level from `good` down that holds each time. False: the service did not recover.
    local function verify()
        while good >= o.least do
            local windows, since = {}, nil
            repeat
                local begun = t + o.settle
                local result, reason, first, known = step(good, "verify", since)
                since = first == begun and since or first -- not of seconds before it began anew
                local held = result == "holds"
                if held then windows[#windows + 1] = { first, known } else bad, why = good, reason end
            until not held or #windows == o.verify
            if #windows == o.verify then
                for _, window in ipairs(windows) do view.verified(window[1], window[2]) end
                return true
            end
            good = lower(good)
            if not rest() then return false end
        end
        good = 0
        return true
    end

    -- The level at which it holds again on the way down, nil if at none.
    local function down()
        local level = good
        for _ = 1, DOWN_MAX do
            if step(level, "down") == "holds" then return level end
            level = lower(level)
            if level < o.least then return nil end
        end
    end

    -- Breaks it once more: near the edge a step may hold that did not before. False: all held, to the level returned.
    local function break_again()
        local level = bad
        for i = 1, UP_MAX do
            if step(level, "climb") ~= "holds" then return true end
            if i == UP_MAX or level >= view.max then return false, level end
            level = math.min(view.max, higher(level))
        end
    end

    -- Over the edge and, once the service has recovered, back: what came of it.
    local function over_the_edge()
        local broken, held = break_again()
        if not broken then return ("up to %s it held this time: the edge is not sharp"):format(name(held)) end
        if not recovers() then return ("after more load it did not recover within %d s"):format(REST_MAX_S) end
        local again = down()
        if not again then return "after more load it did not hold again on the way down" end
        if again < good then return ("after more load it holds again at %s only"):format(name(again)) end
        return "also after more load"
    end

    local function tell()
        view.found(good, not bad)
        if good == 0 then
            return conclude("no level holds: it breaks at %s: %s", name(bad), why)
        end
        local text = ("largest level that holds: %s, %d of %d times"):format(name(good), o.verify, o.verify)
        if not bad then return conclude("%s; it is the max: nothing broke", text) end
        text = ("%s; it breaks at %s: %s"):format(text, name(bad), why)
        if not o.hysteresis then return conclude("%s", text) end
        found = text
        conclude("%s; %s", text, over_the_edge())
    end

    local function run()
        if not climb() then return end
        if bad and not search() then return end
        if verify() then tell() end
    end

    local body
    return function(second, figures_, view_)
        t, stats, view = second, figures_, view_
        if not body then body = coroutine.create(run) end
        local ok, level, part, number = coroutine.resume(body, second, figures_, view_)
        if not ok then error(level, 0) end
        if coroutine.status(body) == "dead" then return nil end
        return level, part, number
    end
end

-- ---- its options ----

local function seconds_of(t, key, what, default)
    local ns = common.time_in(t, key, what, default * NS)
    if ns % NS ~= 0 then fail("%s.%s: %s: whole seconds are expected", what, key, tostring(t[key])) end
    return ns // NS
end

local function resolution_of(t, what)
    local share = common.share_in(t, "resolution", what, 0.05)
    if share < 0.01 or share > 0.5 then
        fail("%s.resolution: '%s': a share from 1%% to 50%% is expected, as \"5%%\"", what, tostring(t.resolution))
    end
    return share
end

-- `from` and the like of t, of the loop that the others are of.
local function level_in(t, key, what, loop)
    local level, kind = common.level_at(t, key, what, loop)
    common.above_zero(level, kind, what .. "." .. key)
    return level, kind
end

local function slo_of(slo, what)
    if slo == nil then return nil end
    if type(slo) == "string" then return { slo } end
    if type(slo) ~= "table" or #slo == 0 then
        fail("%s.slo: a list of thresholds is expected: slo = { \"http_response p99 < 500ms\" }", what)
    end
    return slo
end

-- What is judged lies between the end of `settle` and that of `every`.
local function check_lengths(o, t, what)
    if o.every > EVERY_MAX_S then
        fail("%s.every: '%s': at most 5m is expected", what, tostring(t.every))
    end
    if o.every >= o.settle + JUDGED_MIN_S then return end
    if t.settle == nil or o.every < JUDGED_MIN_S then
        fail("%s.every: '%s': at least %d s are expected: settle (%d s), which is not judged, and %d s more", what,
            tostring(t.every), o.settle + JUDGED_MIN_S, o.settle, JUDGED_MIN_S)
    end
    fail("%s.settle: '%s': it leaves less than %d s of every (%s) to be judged: make it at most %d s, or every longer", what,
        tostring(t.settle), JUDGED_MIN_S, t.every or ("%d s where it is not given"):format(o.every),
        math.max(0, o.every - JUDGED_MIN_S))
end

-- For who analyses the run; what it is held against is added when that is known (engine/run/steer.c).
local function params_of(o)
    return common.json_of { repeats = o.verify, resolution = o.resolution, from = o.from, step = o.step, max = o.max,
        every_s = o.every, settle_s = o.settle }
end

return common.shape("stress", function(t, what)
    common.check_keys(t, what, common.with_common(KEYS))
    for _, key in ipairs { "from", "step", "max" } do
        if t[key] == nil then fail("%s: no %s: write { from = \"50/s\", step = \"50/s\", max = \"2000/s\" }, or numbers of users", what, key) end
    end
    local o = {}
    o.from, o.loop = level_in(t, "from", what)
    o.step = level_in(t, "step", what, o.loop)
    o.max = level_in(t, "max", what, o.loop)
    if o.from > o.max then fail("%s.from: it lies above max", what) end
    o.every = seconds_of(t, "every", what, 10)
    o.settle = seconds_of(t, "settle", what, math.max(1, math.min(2, o.every // 5)))
    check_lengths(o, t, what)
    o.resolution = resolution_of(t, what)
    o.verify = t.verify or 3
    if math.type(o.verify) ~= "integer" or o.verify < 1 or o.verify > 100 then
        fail("%s.verify: a whole number from 1 to 100 is expected, not %s", what, tostring(t.verify))
    end
    if t.hysteresis ~= nil and type(t.hysteresis) ~= "boolean" then
        fail("%s.hysteresis: true or false is expected, not %s", what, tostring(t.hysteresis))
    end
    o.hysteresis = t.hysteresis ~= false
    o.duration = seconds_of(t, "duration", what, 3600)
    o.random = t.arrivals == "poisson" or t.arrivals == "gamma"
    o.gamma = t.arrivals == "gamma" and type(t.gamma) == "number" and t.gamma or 1
    o.least = o.loop == "open" and math.min(o.from, o.step) / 100 or 1
    local slo = slo_of(t.slo, what)
    local result = common.steered(t, what, searcher(o), o.max, o.loop, o.duration * NS)
    result.kind, result.params, result.slo = "stress", params_of(o), slo
    result.course = ("from %s by %s each %d s"):format(level_text(o.loop, o.from), level_text(o.loop, o.step), o.every)
    return result
end)
