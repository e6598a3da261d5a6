-- opened: what a scenario opens while it is loaded (feeds of data, files, shared objects), to tell which of it nothing
-- can use: no function of the scenario reaches it, by its variables, tables, modules or globals.

local debug = ...
local opened = {}

local type, next = type, next -- freeze() takes the globals away
local STEPS_MAX = 3000000 -- values looked at, within a second; beyond them nothing is told
local CAN_HOLD = { table = true, ["function"] = true, userdata = true }

local list = {} -- { object, what, where } each
local used = {} -- object -> true

-- `what` is the call that made it, `where` the call's "file:line: ".
function opened.add(object, what, where)
    list[#list + 1] = { object = object, what = what, where = where }
end

-- It served its purpose while the file was loaded.
function opened.use(object)
    used[object] = true
end

-- Calls visit(value) for all that `object` holds itself; of a table as long as it returns true.
local function each_held(object, visit)
    local kind = type(object)
    if kind == "table" then
        for key, value in next, object do
            if not (visit(key) and visit(value)) then break end
        end
    elseif kind == "function" then
        local i = 1
        local name, value = debug.getupvalue(object, i)
        while name do
            visit(value)
            i = i + 1
            name, value = debug.getupvalue(object, i)
        end
    else
        local i = 1
        local value, there = debug.getuservalue(object, i)
        while there do
            visit(value)
            i = i + 1
            value, there = debug.getuservalue(object, i)
        end
    end
    visit(debug.getmetatable(object))
end

-- Everything that can be reached from the list `roots`; nil: it cannot be told, since there is a coroutine among it, or too
-- much.
local function reachable(roots)
    local seen, todo, steps, blind = {}, {}, 0, false
    local function visit(value)
        local kind = type(value)
        steps = steps + 1
        blind = blind or kind == "thread"
        if CAN_HOLD[kind] and not seen[value] then
            seen[value] = true
            todo[#todo + 1] = value
        end
        return steps < STEPS_MAX
    end
    for i = 1, #roots do visit(roots[i]) end
    visit(debug.getmetatable(""))
    while #todo > 0 and not blind and steps < STEPS_MAX do
        local object = todo[#todo]
        todo[#todo] = nil
        each_held(object, visit)
    end
    return steps < STEPS_MAX and not blind and seen or nil
end

-- A line for each that cannot be reached from `roots` and was not used either.
function opened.unused(roots)
    local doubtful, lines = {}, {}
    for i = 1, #list do
        if not used[list[i].object] then doubtful[#doubtful + 1] = list[i] end
    end
    local seen = #doubtful > 0 and reachable(roots)
    for i = 1, seen and #doubtful or 0 do
        local one = doubtful[i]
        if not seen[one.object] then
            lines[#lines + 1] = one.where .. one.what .. " is opened and never used: no function of the scenario "
                .. "reaches it; keep it in a local that one uses, or leave it out"
        end
    end
    return lines
end

return opened
