-- pelt: puts together what require "pelt" returns, and replaces what scripts of the standard library would misuse.

local parts = ...
local core, guard = parts.core, parts.guard

print = parts.tools.print
math.random = parts.random.math_random
math.randomseed = parts.random.math_randomseed

return guard.strict("pelt", {
    http = guard.strict("pelt.http", parts.http),
    ws = guard.strict("pelt.ws", parts.ws),
    json = guard.strict("pelt.json", parts.json),
    load = guard.strict("pelt.load", parts.load),
    data = guard.strict("pelt.data", parts.data),
    shared = guard.strict("pelt.shared", parts.shared),
    file = parts.file,
    metric = guard.strict("pelt.metric", parts.metric),
    llm = guard.strict("pelt.llm", parts.llm),
    check = core.check,
    group = core.group,
    sleep = core.sleep,
    env = core.env,
    log = core.log,
    now = core.now,
    stopping = core.stopping,
    random = parts.random.new,
})
