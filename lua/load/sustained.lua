-- sustained: one level for hours, to find what changes meanwhile. Parts: "ramp", "steady" (span 1), "ramp-down".
--
-- params: effect, the smallest drift over the steady part that is worth a word, as a share of the figure; family, the
-- probability that any figure of a steady run is said to drift.

local common = ...

local KEYS = table.move(common.LEVEL_KEYS, 1, #common.LEVEL_KEYS, 3, { "effect", "family" })

return common.shape("sustained", function(t, what)
    common.check_keys(t, what, KEYS)
    local loop, stages = common.level_stages(t, what)
    local steady = stages[1].part == "steady" or stages[2] and stages[2].part == "steady"
    if not steady then
        common.fail("%s: nothing is left between ramp and ramp_down: make the duration (%s) longer", what, t.duration)
    end
    return common.finish(t, what, loop, stages, "sustained", {
        effect = common.share_in(t, "effect", what, 0.05),
        family = common.share_in(t, "family", what, 0.01),
    })
end)
