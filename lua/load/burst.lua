-- burst: a base level and spikes above it, to see what becomes of them and how long recovery takes. Parts: "base", and
-- "spike" with span i: rise, top and fall of spike i.
--
-- A spike is in the plan if all of it lies within the duration. params: spikes, how many there are; percentile, which one
-- has to come back; tolerance, how far above that of the base it still counts as recovered, as a share.

local common = ...
local fail = common.fail

local KEYS = common.with_common { "base", "peak", "every", "length", "edges", "first", "duration", "percentile",
    "tolerance", "users", "arrivals", "shape", "waiting" }
local SECOND_NS = 1000000000

-- Half of what lies between two spikes, in whole seconds where that is a second at least.
local function default_first(gap)
    local half = gap // 2
    return half >= SECOND_NS and half - half % SECOND_NS or half
end

local function levels_of(t, what)
    if t.peak == nil then fail("%s: no height of the spikes: add peak = 200, or peak = \"200/s\"", what) end
    local peak, loop = common.level_of(t.peak, what .. ".peak")
    local base = common.level_at(t, "base", what, loop, 0)
    if loop == "closed" and t.users ~= nil then fail("%s.users: only the pool of a rate has it", what) end
    if peak <= base then
        fail("%s.peak: %s is no spike: it has to be above the base (%s)", what, t.peak, t.base or 0)
    end
    return base, peak, loop
end

-- When spikes begin, how long their parts are, in ns.
local function times_of(t, what)
    local n = { duration = common.duration_of(t, what) }
    n.top = common.time_in(t, "length", what, 10 * SECOND_NS)
    n.edge = common.time_in(t, "edges", what, 0)
    n.every = common.time_in(t, "every", what, 30 * SECOND_NS)
    n.width = n.top + 2 * n.edge
    if n.width == 0 then fail("%s.length: 0: a spike has to last", what) end
    if n.every <= n.width then
        fail("%s.every: the next spike (every = %s, \"30s\" unless given) would begin before the one before is over "
            .. "(length = %s, edges = %s)", what, t.every or "30s", t.length or "10s", t.edges or 0)
    end
    n.first = common.time_in(t, "first", what, default_first(n.every - n.width))
    if n.first + n.width > n.duration then
        fail("%s.duration: %s ends before the first spike does: it begins at %g s and is over after %g s", what, t.duration,
            n.first / 1e9, (n.first + n.width) / 1e9)
    end
    return n
end

return common.shape("burst", function(t, what)
    common.check_keys(t, what, KEYS)
    local base, peak, loop = levels_of(t, what)
    local n = times_of(t, what)
    local stages, spikes, at = {}, 0, 0
    local function add(duration, from, to, part, span)
        if duration > 0 then
            stages[#stages + 1] = { duration_ns = duration, from = from, to = to, part = part, span = span }
            at = at + duration
        end
    end
    local begin = n.first
    while begin + n.width <= n.duration do
        spikes = spikes + 1
        if spikes > 65535 then fail("%s.every: more than 65535 spikes: make it longer", what) end
        add(begin - at, base, base, "base")
        add(n.edge, base, peak, "spike", spikes)
        add(n.top, peak, peak, "spike", spikes)
        add(n.edge, peak, base, "spike", spikes)
        begin = begin + n.every
    end
    add(n.duration - at, base, base, "base")
    return common.finish(t, what, loop, stages, "burst", {
        spikes = spikes,
        percentile = common.percentile_in(t, what),
        tolerance = common.share_in(t, "tolerance", what, 0.1),
    })
end)
