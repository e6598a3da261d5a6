-- replay: the requests of a trace, each sent when it came then. What the trace says is read by the engine (script/trace.c).

local common = ...
local fail = common.fail

local KEYS = common.with_common { "speed", "format", "users", "waiting" }
local FORMATS = { combined = true, jsonl = true }

-- What a scenario without an iteration does: the request of the row, as it stands there.
local function sender(trace)
    return function()
        local row = trace:next()
        local options = nil
        if row.body or row.headers then options = { body = row.body, headers = row.headers } end
        common.http.request(row.method, row.path, options)
    end
end

local function build(path, options, what)
    if type(path) ~= "string" then fail("%s: a path is expected, such as \"access.log\", not a %s", what, type(path)) end
    if type(options) ~= "table" then
        fail("%s: options are a table such as { speed = 2 }, not a %s", what, type(options))
    end
    common.check_keys(options, what, KEYS)
    local speed = options.speed == nil and 1 or options.speed
    if type(speed) ~= "number" or not (speed > 0 and speed < math.huge) then
        fail("%s.speed: a number above 0 is expected, not %s", what, tostring(speed))
    end
    if options.format ~= nil and not FORMATS[options.format] then
        fail("%s.format: '%s' is none of combined, jsonl", what, tostring(options.format))
    end
    local trace, length_ns, count = common.tools.trace(path, options.format, what)
    local scaled = math.max(math.floor(length_ns / speed + 0.5), 1)
    local level = count * 1e9 / scaled
    local stages = { { duration_ns = scaled, from = level, to = level } }
    local load = common.finish(options, what, "open", stages, "replay", { requests = count })
    load.trace, load.speed, load.iteration = trace, speed, sender(trace)
    load.next = function() return trace:next() end
    return load
end

return function(path, options)
    local ok, result = pcall(build, path, options or {}, "pelt.load.replay")
    if not ok then error(result, 2) end
    return result
end
