-- keys: refuses a table's key that nobody knows, naming the nearest of those that somebody does.

local tools = ...
local keys = {}

-- ": did you mean 'x'?", or nil.
function keys.did_you_mean(name, candidates)
    local nearest = tools.nearest(name, candidates)
    return nearest and (": did you mean '%s'?"):format(nearest)
end

-- Raises a text without a position at the first key of `t` that is not in the list `known`. `what` is what the text calls
-- the table, nil: nothing. belongs(key): where a key that is no mistake elsewhere belongs, or nil.
function keys.check(t, what, known, belongs)
    local is_known = {}
    for _, name in ipairs(known) do is_known[name] = true end
    for key in pairs(t) do
        if not is_known[key] then
            local place = belongs and belongs(key)
            local refusal = place or ("unknown key '%s'%s"):format(tostring(key),
                keys.did_you_mean(key, known) or "; known are " .. table.concat(known, ", "))
            error(what and ("%s: %s"):format(what, refusal) or refusal, 0)
        end
    end
end

return keys
