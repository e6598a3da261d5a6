-- benchmark: the same level again and again, so that figures come with intervals. Parts: "warmup" (where its length is
-- given), "trial" with span i, "pause" after trial i.
--
-- `duration` is a trial's. params: trials; warmup, "auto" where who analyses the run shall find it, else "given";
-- percentile, confidence and precision of the interval that is wanted, effect, the smallest difference of two runs worth
-- a word.

local common = ...
local fail = common.fail

local KEYS = common.with_common { "users", "rate", "duration", "trials", "warmup", "pause", "percentile", "confidence",
    "precision", "effect", "arrivals", "shape", "waiting" }

local function trials_of(t, what)
    local trials = t.trials == nil and 3 or common.count_in(t, "trials", what)
    if trials > 1000 then fail("%s.trials: %d: at most 1000", what, trials) end
    return trials
end

return common.shape("benchmark", function(t, what)
    common.check_keys(t, what, KEYS)
    local level, loop = common.level_in(t, what)
    common.above_zero(level, loop, what)
    local trial = common.duration_of(t, what)
    if trial == 0 then fail("%s.duration: 0: a trial has to last", what) end
    local warmup = t.warmup == "auto" and 0 or common.time_in(t, "warmup", what, 0)
    local pause, trials = common.time_in(t, "pause", what, 0), trials_of(t, what)
    local stages = {}
    local function add(duration, to, part, span)
        if duration > 0 then
            stages[#stages + 1] = { duration_ns = duration, from = to, to = to, part = part, span = span }
        end
    end
    add(warmup, level, "warmup")
    for i = 1, trials do
        add(trial, level, "trial", i)
        if i < trials then add(pause, 0, "pause", i) end
    end
    return common.finish(t, what, loop, stages, "benchmark", {
        trials = trials,
        warmup = (t.warmup == nil or t.warmup == "auto") and "auto" or "given",
        percentile = common.percentile_in(t, what),
        confidence = common.share_in(t, "confidence", what, 0.95),
        precision = common.share_in(t, "precision", what, 0.05),
        effect = common.share_in(t, "effect", what, 0.05),
    })
end)
