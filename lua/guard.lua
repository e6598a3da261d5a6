-- guard: keeps a scenario honest. Users share a Lua state, so what one of them writes into a global, others would
-- see, and results would depend on how users are spread.

local keys = ...
local guard = {}

local setmetatable, getmetatable, type, next = setmetatable, getmetatable, type, next -- freeze() takes the globals away

local libraries = { -- by the name that a refusal gives
    string = string, table = table, math = math, utf8 = utf8, coroutine = coroutine, os = os, io = io, debug = debug,
}
local metatables = setmetatable({}, { __mode = "k" }) -- library table -> its own
local behind = setmetatable({}, { __mode = "k" }) -- library table -> what was moved behind it
local later = setmetatable({}, { __mode = "k" }) -- library table -> name of a field -> what makes it
local is_assigned_to -- is_assigned() of freeze(), once that was called
local package, string_meta, file_meta = package, getmetatable(""), getmetatable(io.stdout)

local function names_of(t)
    local names = {}
    local function add(from)
        for name in next, from do
            if type(name) == "string" then names[#names + 1] = name end
        end
    end
    add(t)
    add(behind[t] or {})
    add(later[t] or {})
    table.sort(names)
    return names
end

-- Makes `mt` the metatable of what is not to be written: refusal(key) is the error's text. rawset asks it, too.
local function refuse_writes(mt, refusal)
    mt.__newindex = function(_, key) error(refusal(key), 2) end
    mt.__refusal = refusal
    return mt
end

local function library_refusal(name)
    return function(key)
        return ("%s.%s is written after the file was loaded, and all users share it: keep what belongs to a user in a "
            .. "field of `user`"):format(name, tostring(key))
    end
end

-- From now on `t` gets no new keys. It stays the table it is, so that reading it costs nothing more: with its fields moved
-- behind it, as those of the globals are, each `math.floor` would cost 120 instructions more, 1.5% of a request. What it has
-- is guarded by hide(), below.
local function lock(name, t)
    local mt = getmetatable(t)
    if not mt then
        mt = {}
        setmetatable(t, mt)
    end
    if type(mt) == "table" then
        refuse_writes(mt, library_refusal(name)).__metatable = name
        metatables[t] = mt
    end
end

-- __pairs of a library: all of it, also what was moved, or not made so far.
local function whole(t)
    return function()
        local all = {}
        for key in next, later[t] or {} do all[key] = t[key] end
        for key, value in next, behind[t] or {} do all[key] = value end
        for key, value in next, t do all[key] = value end
        return next, all
    end
end

-- Moves those fields of `t` behind it that the code loaded so far assigns to, by their names: `math.floor = f`. Only reading
-- these costs more then, and writing them is refused.
local function hide(t, is_assigned)
    local mt = metatables[t]
    if not mt then return end -- a script's own, protected
    for key, value in next, t do
        if type(key) == "string" and is_assigned(key) then
            if not behind[t] then
                behind[t] = setmetatable({}, { __index = mt.__index })
                mt.__index, mt.__pairs = behind[t], whole(t)
            end
            behind[t][key], t[key] = value, nil
        end
    end
end

-- Again for code that was loaded later.
function guard.hide_assigned(is_assigned)
    for _, t in next, libraries do hide(t, is_assigned) end
end

-- __pairs of what stands before `values`: hands out the entries, and never that table itself, which could be written.
local function entries(values)
    return function() return function(_, key) return next(values, key) end end
end

-- Reads like `t`, and cannot be written at all.
local function view(name, t)
    return setmetatable({}, refuse_writes({
        __index = t,
        __len = function() return #t end,
        __pairs = entries(t),
        __metatable = "read-only",
    }, library_refusal(name)))
end

-- `require` goes on writing to the tables behind the views.
local function lock_libraries(globals, is_assigned)
    for name, t in next, libraries do lock(name, t) end
    guard.hide_assigned(is_assigned)
    string_meta.__metatable = view('getmetatable("")', string_meta)
    file_meta.__metatable = "FILE*"
    local fields = {}
    for key, value in next, package do
        fields[key] = type(value) == "table" and view("package." .. key, value) or value
    end
    local shown = view("package", fields)
    if globals.package == package then globals.package = shown end
    if package.loaded.package == package then package.loaded.package = shown end
end

local function put(t, key, value)
    local mt = metatables[t]
    local refusal = mt.__newindex
    mt.__newindex = nil
    t[key] = value
    mt.__newindex = refusal
    return value
end

-- Reading a field that a library table does not have is an error naming the nearest. late[key]() makes a field that few
-- scripts need, when one first asks for it: else each state would have it, and there is one for each 250 users.
function guard.strict(name, t, late)
    local mt = {
        __index = function(_, key)
            if late and late[key] then
                local value = put(t, key, late[key]())
                if is_assigned_to then hide(t, is_assigned_to) end
                return value
            end
            error(("%s has no '%s'%s"):format(name, tostring(key), keys.did_you_mean(key, names_of(t)) or ""), 2)
        end,
    }
    mt.__pairs = late and whole(t)
    libraries[name], metatables[t], later[t] = setmetatable(t, mt), mt, late
    if is_assigned_to then
        lock(name, t)
        hide(t, is_assigned_to)
    end
    return t
end

-- The late field `key` of `t`, a library of that name, is made again for who asks again.
function guard.let_go(t, key, name)
    libraries[name] = nil
    put(t, key, nil)
    if behind[t] then behind[t][key] = nil end
end

-- From now on the globals can be read, not written; an unknown one is an error where it is read. The values move
-- behind the table, as writing to one that is there would ask no metamethod. is_assigned(name): whether the code loaded so
-- far assigns to a field of this name.
function guard.freeze(globals, is_assigned)
    local values = {}
    is_assigned_to = is_assigned
    lock_libraries(globals, is_assigned)
    for name, value in next, globals do values[name] = value end
    for name in next, values do globals[name] = nil end
    setmetatable(values, {
        __index = function(_, name)
            error(("global '%s' is not defined%s"):format(tostring(name), keys.did_you_mean(name, names_of(values)) or ""), 2)
        end,
    })
    setmetatable(globals, refuse_writes({
        __index = values,
        __pairs = entries(values),
        __metatable = "globals",
    }, function(name)
        return ("global '%s' is written after the file was loaded: write `local %s`, or keep what belongs to a user in a "
            .. "field of `user`"):format(tostring(name), tostring(name))
    end))
end

-- A view of a table that raises when it is written to; `path` names it then. Nested tables likewise.
function guard.readonly(value, path)
    if type(value) ~= "table" then return value end
    local values = setmetatable({}, getmetatable(value))
    for key, member in next, value do
        values[key] = guard.readonly(member, ("%s.%s"):format(path, tostring(key)))
    end
    return setmetatable({}, refuse_writes({
        __index = values,
        __len = function() return #values end,
        __pairs = entries(values),
        __values = values,
        __metatable = "read-only",
    }, function(key)
        return ("%s.%s: what setup returned is shared by all users and cannot be written; keep what belongs to a user in "
            .. "a field of `user`"):format(path, tostring(key))
    end))
end

return guard
