-- pelt: puts together what require "pelt" returns, and replaces what scripts of the standard library would misuse. Returns
-- that, and what the engine calls. library(name) is a file of this folder, a function; `parts` are written in C.

local parts, library = ...
local tools, core = parts.tools, parts.core
local keys = library("pelt.keys")(tools)
local guard = library("pelt.guard")(keys)

print = tools.print
math.random = parts.random.math_random
math.randomseed = parts.random.math_randomseed

local load_of -- what `load = ...` of a scenario means
local function open_load()
    local load, of, kinds = library("pelt.load")(tools, keys, library, parts.http)
    load_of = of
    return guard.strict("pelt.load", load, kinds)
end

local function open_llm()
    parts.prompts = library("pelt.prompts")(parts, keys)
    return guard.strict("pelt.llm", library("pelt.llm")(parts, keys))
end

local function open_grpc()
    return library("pelt.grpc")(parts, keys, library("pelt.protobuf")(keys))
end

local function open_fanout()
    return library("pelt.ws.fanout")(parts.shared, tools, core.now)
end

local pelt = guard.strict("pelt", {
    http = guard.strict("pelt.http", parts.http),
    ws = guard.strict("pelt.ws", parts.ws, { fanout = open_fanout }),
    json = guard.strict("pelt.json", parts.json),
    data = guard.strict("pelt.data", parts.data),
    shared = guard.strict("pelt.shared", parts.shared),
    file = parts.file,
    metric = guard.strict("pelt.metric", parts.metric),
    check = core.check,
    group = core.group,
    sleep = core.sleep,
    env = core.env,
    log = core.log,
    now = core.now,
    stopping = core.stopping,
    random = parts.random.new,
}, { load = open_load, llm = open_llm, grpc = open_grpc })

local engine = { hide_assigned = guard.hide_assigned, readonly = guard.readonly }

-- (how many values the file returned, the first): the table that lua/scenario.lua makes of it.
function engine.check(count, returned)
    if not load_of then local _ = pelt.load end
    return library("pelt.scenario")(tools, keys, load_of)(count, returned)
end

-- Loads have been told by now: what knows them need not stay in each state.
function engine.freeze(globals, is_assigned)
    guard.freeze(globals, is_assigned)
    load_of = nil
    guard.let_go(pelt, "load", "pelt.load")
end

return pelt, engine
