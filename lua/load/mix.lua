-- mix: several loads side by side in one run, each with its own users and tasks:
--
--   { parts = { { name, load, start_ns, tasks = { name, ... } or nil, iteration = function or nil }, ... } }
--
-- in the order of their names, so that the same file means the same on every host. Each load starts at `start`, or that
-- long after the end of the plan of the one named by `start_after`.

local common = ...
local fail = common.fail

local OWN_KEYS = { "load", "tasks", "iteration", "start", "start_after" }
local KEYS = table.move(OWN_KEYS, 1, #OWN_KEYS, 1, {})
for _, key in ipairs(common.LEVEL_KEYS) do
    if key ~= "stop_when" then KEYS[#KEYS + 1] = key end -- it would end all loads
end
KEYS[#KEYS + 1] = "stages"
local NAME_MAX = 63

local function is_own(key)
    for _, own in ipairs(OWN_KEYS) do
        if key == own then return true end
    end
    return false
end

-- `load = ...` of the part, or the level or stages that stand in it.
local function load_of(part, what)
    common.check_keys(part, what, KEYS)
    local inline = {}
    for key, value in pairs(part) do
        if not is_own(key) then inline[key] = value end
    end
    if part.load == nil then return common.of(inline, what) end
    local extra = next(inline)
    if extra ~= nil then fail("%s.%s: the load says it: write it into load = { ... }", what, tostring(extra)) end
    local load = common.of(part.load, what .. ".load")
    if load.parts then fail("%s.load: a mix in a mix: write its loads into the outer one", what) end
    if load.stop_saturated then fail("%s.load.stop_when: it would end the others as well: a load has it alone", what) end
    if load.steer then
        fail("%s.load: it is decided as it goes, so it runs alone: load = pelt.load.NAME { ... } of the scenario", what)
    end
    return load
end

local function check_tasks(part, what)
    if part.iteration ~= nil and type(part.iteration) ~= "function" then
        fail("%s.iteration: a function is expected, not a %s", what, type(part.iteration))
    end
    if part.tasks == nil then return end
    if part.iteration then fail("%s: iteration and tasks: give one of the two", what) end
    if type(part.tasks) ~= "table" or #part.tasks == 0 then
        fail("%s.tasks: a list of names of the scenario's tasks is expected: { \"chat\" }", what)
    end
end

local function part_of(name, part)
    if type(name) ~= "string" then
        fail("pelt.load.mix: each load has a name: chat = { users = 20, ... }, not [%s] = ...", tostring(name))
    end
    local what = "pelt.load.mix." .. name
    if name == "" or #name > NAME_MAX then fail("pelt.load.mix: a name has 1 to %d bytes: '%s'", NAME_MAX, name) end
    if type(part) ~= "table" then fail("%s: a table is expected: { users = 20, duration = \"1m\" }", what) end
    check_tasks(part, what)
    return {
        name = name,
        what = what,
        load = load_of(part, what),
        start_ns = common.time_in(part, "start", what, 0),
        start_after = part.start_after,
        tasks = part.tasks,
        iteration = part.iteration,
    }
end

local function length_of(load)
    local sum = 0
    for _, stage in ipairs(load.stages) do
        if not stage.duration_ns then return nil end
        sum = sum + stage.duration_ns
    end
    return sum
end

-- When it begins, once those before it are known; `path`: whose beginning asks for it.
local function settle(part, by_name, names, path)
    if part.settled or part.start_after == nil then return part.start_ns end
    if path[part.name] then fail("%s.start_after: '%s' waits for this one itself", part.what, part.start_after) end
    path[part.name] = true
    local before = by_name[part.start_after]
    if not before then
        fail("%s.start_after: there is no load '%s'%s", part.what, tostring(part.start_after),
            common.keys.did_you_mean(part.start_after, names) or ": there are " .. table.concat(names, ", "))
    end
    local length = length_of(before.load)
    if not length then
        fail("%s.start_after: nobody knows when '%s' will be over, as only its iterations end it: give it a duration",
            part.what, part.start_after)
    end
    part.start_ns = settle(before, by_name, names, path) + length + part.start_ns
    part.settled = true
    return part.start_ns
end

return common.shape("mix", function(t, what)
    local names, by_name, parts = {}, {}, {}
    for name, part in pairs(t) do
        by_name[name] = part_of(name, part)
        names[#names + 1] = name
    end
    if #names == 0 then fail("%s: no load: add chat = { users = 20, duration = \"1m\" }", what) end
    table.sort(names)
    for i, name in ipairs(names) do
        parts[i] = by_name[name]
        settle(parts[i], by_name, names, {})
    end
    return setmetatable({ parts = parts }, common.primitive)
end)
