-- Compares lua/types/pelt.lua (setting TYPES) with what scripts really have, both ways, and the arguments of its
-- functions with those in the tables of docs/SCENARIOS.md (setting DOCS). Its iteration raises one line for
-- each name that is on one side only, saying what to add where. `require "registry"` gives Lua's registry (the test
-- puts it there); settings named UNKNOWN_... hold what the engine says of a key that it does not know, which lists the keys.
local pelt = require "pelt"

local FILE = "lua/types/pelt.lua"

local function lines_of(path)
    local file = assert(io.open(path))
    local text = file:read("a")
    file:close()
    return text:gmatch("([^\n]*)\n"), text
end

-- { [class] = { [name] = what follows it } } of the forms that the head of the file lists; `locals` finds the local of
-- a class.
local function read_types(path)
    local classes, locals, current = {}, {}, nil
    local function add(class, name, rest)
        classes[class] = classes[class] or {}
        classes[class][name] = rest
    end
    local lines, text = lines_of(path)
    assert(load(text, "@" .. FILE)) -- it must be Lua, if only for editors
    for line in lines do
        local class = line:match("^%-%-%-@class ([%w_.]+)")
        local field, kind = line:match("^%-%-%-@field ([%w_]+)%??%s+(%S+)")
        local variable = line:match("^local ([%w_]+) = {}")
        local owner, name, arguments = line:match("^function ([%w_.]-)[.:]([%w_]+)(%b())")
        if not owner then owner, name, arguments = line:match("^([%w_.]-)%.([%w_]+) = ()") end
        if class then
            current = class
            classes[class] = classes[class] or {}
        elseif field then
            add(current, field, kind)
        elseif variable then
            locals[variable] = current
        elseif owner then
            add(locals[owner] or owner, name, arguments)
        end
    end
    local variables = {}
    for variable, class in pairs(locals) do variables[class] = variable end
    return classes, variables, locals
end

local findings

local function found(format, ...)
    findings[#findings + 1] = format:format(...)
end

local function sorted(names)
    local list = {}
    for name in pairs(names) do list[#list + 1] = name end
    table.sort(list)
    return list
end

-- `real`: name -> value, of which only functions matter. `form(name, value)`: what to write for a missing one.
local function compare(classes, class, real, form)
    local typed = classes[class]
    if not typed then
        found("%s has no class %s: add `---@class %s` and below it `%s`, ...", FILE, class, class,
            form(sorted(real)[1] or "NAME", real[sorted(real)[1]]))
        return
    end
    for _, name in ipairs(sorted(real)) do
        if not typed[name] then
            found("%s lacks '%s' of %s: add `%s` below `---@class %s`", FILE, name, class, form(name, real[name]), class)
        end
    end
    for _, name in ipairs(sorted(typed)) do
        if real[name] == nil then
            found("%s: class %s has '%s', which the engine does not: remove it, or mend its name", FILE, class, name)
        end
    end
end

-- pelt and the tables in it.
local function compare_library(classes, path, t)
    local names = {}
    for name, value in pairs(t) do
        names[name] = value
        if type(value) == "table" then compare_library(classes, path .. "." .. name, value) end
    end
    compare(classes, path, names, function(name, value)
        if type(value) == "function" then return ("function %s.%s(...) end"):format(path, name) end
        if type(value) == "table" then return ("%s.%s = {}"):format(path, name) end
        return ("---@field %s TYPE"):format(name)
    end)
end

-- The names of an object whose __index is a function: what an instance shows.
local function names_of(instance, said)
    local names = {}
    for _, name in ipairs(said) do
        local value = instance[name]
        names[name] = value ~= nil and value or false -- there, if empty
    end
    return names
end

-- "...; it has a, b, c" and "...; known are a, b, c"
local function listed(message)
    local list = {}
    local text = assert(message:match("; it has ([^\n]*)") or message:match("; known are ([^\n]*)"), message)
    for name in text:gmatch("[%w_]+") do list[#list + 1] = name end
    return list
end

local function field(name)
    return ("---@field %s TYPE"):format(name)
end

-- Objects: every metatable in the registry that luaL_newmetatable made under a name of ours.
local function compare_objects(classes, variables, instances)
    for name, metatable in pairs(require "registry") do
        if type(name) == "string" and name:find("^pelt%.") and type(metatable) == "table"
            and rawget(metatable, "__name") == name and rawget(metatable, "__index") then
            local variable = variables[name] or name:match("[%w_]+$")
            local function form(method, value)
                return type(value) == "function" and ("function %s:%s(...) end"):format(variable, method) or field(method)
            end
            local index = rawget(metatable, "__index")
            if type(index) == "table" then
                compare(classes, name, index, form)
            elseif instances[name] then
                compare(classes, name, instances[name], form)
            elseif not classes[name] then
                found("%s has no class %s: add `---@class %s` with its fields", FILE, name, name)
            end
        end
    end
end

local function compare_keys(classes, class, message)
    local names = {}
    for _, name in ipairs(listed(message)) do names[name] = true end
    compare(classes, class, names, field)
end

-- Tables that scripts pass: a key that nothing is near to is refused by a list of all.
local function compare_options(classes)
    local http, load = pelt.http, pelt.load
    local refused = {
        ["pelt.RequestOptions"] = { http.get, "/", { ["?"] = 1 } },
        ["pelt.Trace"] = { http.get, "/", { trace = { ["?"] = 1 } } },
        ["pelt.StreamOptions"] = { http.stream, "/", { ["?"] = 1 } },
        ["pelt.ClientOptions"] = { http.client, { ["?"] = 1 } },
        ["pelt.ConnectOptions"] = { pelt.ws.connect, "/", { ["?"] = 1 } },
        ["pelt.Load"] = { load.users, { ["?"] = 1 } },
        ["pelt.LoadSustained"] = { load.sustained, { ["?"] = 1 } },
        ["pelt.LoadBurst"] = { load.burst, { ["?"] = 1 } },
        ["pelt.LoadBenchmark"] = { load.benchmark, { ["?"] = 1 } },
        ["pelt.LoadPart"] = { load.mix, { part = { ["?"] = 1 } } },
        ["pelt.LoadReplay"] = { load.replay, "a.log", { ["?"] = 1 } },
        ["pelt.LoadRamp"] = { load.ramp, { ["?"] = 1 } },
        ["pelt.LoadStages"] = { load.stages, { stages = {}, ["?"] = 1 } },
        ["pelt.LoadFunction"] = { load.shape, { ["?"] = 1 } },
        ["pelt.LoadStress"] = { load.stress, { ["?"] = 1 } },
        ["pelt.LlmOptions"] = { pelt.llm.chat, "/", { ["?"] = 1 } },
        ["pelt.GrpcOptions"] = { pelt.grpc, { ["?"] = 1 } },
        ["pelt.LlmSlo"] = { pelt.llm.chat, "/", { prompt = "", slo = { ["?"] = 1 } } },
        ["pelt.PromptOptions"] = { pelt.llm.prompts, { ["?"] = 1 } },
        ["pelt.PromptPrefix"] = { pelt.llm.prompts, { words = 1, prefix = { ["?"] = 1 } } },
        ["pelt.PromptReuse"] = { pelt.llm.prompts, { words = 1, reuse = { ["?"] = 1 } } },
        ["pelt.Stage"] = { load.stages, { { ["?"] = 1 } } },
    }
    for _, class in ipairs(sorted(refused)) do
        local ok, message = pcall(table.unpack(refused[class]))
        assert(not ok, class)
        compare_keys(classes, class, message)
    end
    compare_keys(classes, "pelt.Scenario", pelt.env("UNKNOWN_SCENARIO"))
    compare_keys(classes, "pelt.Task", pelt.env("UNKNOWN_TASK"))
    compare_keys(classes, "pelt.Http2", pelt.env("UNKNOWN_HTTP2"))
    compare_keys(classes, "pelt.Tls", pelt.env("UNKNOWN_TLS"))
    compare_keys(classes, "pelt.Agent", pelt.env("UNKNOWN_AGENT"))
    compare_keys(classes, "pelt.Threshold", pelt.env("UNKNOWN_THRESHOLD"))
end

-- What `auth` and `body` take: the keys that the engine lists when it refuses one, and the values that it lets by.
local function compare_values(classes)
    local ok, message = pcall(pelt.http.client, { auth = { ["?"] = 1 } })
    local keys = {}
    for key in message:gmatch("([%w_]+) = ") do keys[key] = true end
    assert(not ok and next(keys), message)
    compare(classes, "pelt.Auth", keys, field)
    for _, class in ipairs { "pelt.RequestOptions", "pelt.ClientOptions" } do
        if classes[class].auth ~= "pelt.Auth" then found("%s: auth of class %s is a pelt.Auth", FILE, class) end
    end
    local _, refusal = pcall(pelt.http.get, "/", { body = 1 })
    for kind in refusal:match("body: a ([^,]*) is expected"):gsub("or a ", ""):gmatch("%S+") do
        if not ("|" .. classes["pelt.RequestOptions"].body .. "|"):find("|" .. kind .. "|", 1, true) then
            found("%s: body of class pelt.RequestOptions may be a %s", FILE, kind)
        end
    end
end

-- Calls in the first column of the tables: no function of the types takes fewer arguments.
local function compare_documents(classes, locals)
    local documented = { r = "pelt.response", c = "pelt.websocket", rng = "pelt.random" } -- else the name of the local here
    local calls = 0
    for line in lines_of(pelt.env("DOCS")) do
        for owner, name, arguments in (line:match("^| (`.-) |") or ""):gmatch("`([%w_.]+)[.:]([%w_]+)(%([%w_, ]*%))`") do
            local last = owner:match("[%w_]+$")
            local class = classes[documented[last] or locals[last] or owner]
            local typed = class and class[name]
            if type(typed) == "string" then
                calls = calls + 1
                local _, documented_len = arguments:gsub("[%w_]+", "")
                local _, typed_len = typed:gsub("[%w_]+", "")
                if typed_len < documented_len then
                    found("%s: %s.%s%s is documented as %s%s", FILE, owner, name, typed, name, arguments)
                end
            end
        end
    end
    assert(calls > 30, "the tables of docs/SCENARIOS.md were not understood")
end

local function response_names()
    local r = pelt.http.get("/text", { keep_body = true })
    local _, message = pcall(function() return r["?"] end)
    return names_of(r, listed(message)), r.body, r.headers
end

local function stream_names()
    local s = pelt.http.stream("/text", { format = "lines" })
    local event = s()
    local _, of_stream = pcall(function() return s["?"] end)
    local _, of_event = pcall(function() return event["?"] end)
    return names_of(s, listed(of_stream)), names_of(event, listed(of_event))
end

local function user_names(user, typed)
    local names = {}
    for name, value in pairs(user) do names[name] = value end
    for name in pairs(typed or {}) do names[name] = names[name] or user[name] end
    return names
end

return {
    iteration = function(user)
        local classes, variables, locals = read_types(pelt.env("TYPES"))
        findings = nil -- a local of this file: there is one user only
        findings = {}
        compare_library(classes, "pelt", pelt)
        local of_stream, of_event = stream_names()
        compare_objects(classes, variables, {
            ["pelt.stream"] = of_stream,
            ["pelt.event"] = of_event,
            ["pelt.response"] = response_names(),
            ["pelt.user"] = user_names(user, classes["pelt.user"]),
        })
        compare_options(classes)
        compare_values(classes)
        compare_documents(classes, locals)
        if #findings > 0 then error("\n" .. table.concat(findings, "\n"), 0) end
    end,
}
