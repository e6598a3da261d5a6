-- guard: keeps a scenario honest. Users share a Lua state, so what one of them writes into a global, others would
-- see, and results would depend on how users are spread.

local tools = ...
local guard = {}

local setmetatable = setmetatable -- freeze() takes the global one away

local function names_of(t)
    local names = {}
    for name in next, t do
        if type(name) == "string" then names[#names + 1] = name end
    end
    table.sort(names)
    return names
end

local function did_you_mean(name, candidates)
    local nearest = tools.nearest(name, candidates)
    return nearest and (": did you mean '%s'?"):format(nearest) or ""
end

-- Reading a field that a library table does not have is an error naming the nearest.
function guard.strict(name, t)
    return setmetatable(t, {
        __index = function(_, key)
            error(("%s has no '%s'%s"):format(name, tostring(key), did_you_mean(key, names_of(t))), 2)
        end,
    })
end

-- From now on the globals can be read, not written; an unknown one is an error where it is read. The values move
-- behind the table, as writing to one that is there would ask no metamethod.
function guard.freeze(globals)
    local values = {}
    for name, value in next, globals do values[name] = value end
    for name in next, values do globals[name] = nil end
    setmetatable(values, {
        __index = function(_, name)
            error(("global '%s' is not defined%s"):format(tostring(name), did_you_mean(name, names_of(values))), 2)
        end,
    })
    setmetatable(globals, {
        __index = values,
        __newindex = function(_, name)
            error(("global '%s' is written after the file was loaded: write `local %s`, or keep what belongs to a user "
                .. "in a field of `user`"):format(tostring(name), tostring(name)), 2)
        end,
        __pairs = function() return next, values end,
        __metatable = "globals",
    })
end

-- A view of a table that raises when it is written to; `path` names it then. Nested tables likewise.
function guard.readonly(value, path)
    if type(value) ~= "table" then return value end
    local values = setmetatable({}, getmetatable(value))
    for key, member in next, value do
        values[key] = guard.readonly(member, ("%s.%s"):format(path, tostring(key)))
    end
    return setmetatable({}, {
        __index = values,
        __len = function() return #values end,
        __pairs = function() return next, values end,
        __newindex = function(_, key)
            error(("%s.%s: what setup returned is shared by all users and cannot be written; keep what belongs to a user "
                .. "in a field of `user`"):format(path, tostring(key)), 2)
        end,
        __values = values,
        __metatable = "read-only",
    })
end

return guard
