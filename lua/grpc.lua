-- grpc: calls of a service over HTTP/2. How an exchange ends, the engine says (engine/client/grpc.c): its outcome is
-- recorded before the message is read here.

local parts, keys, protobuf = ...
local core, http, file, tools = parts.grpc, parts.http, parts.file, parts.tools

local OPTIONS = { "descriptors", "service", "base", "metadata", "timeout", "max_message", "expect" }
local CALL = { "metadata", "timeout", "name" }
local STREAM = { "metadata", "timeout", "name", "between" }
for _, list in ipairs { CALL, STREAM } do
    for _, key in ipairs(list) do list[key] = true end
end

local function fail(format, ...)
    error(("grpc: " .. format):format(...), 0)
end

-- What the scenario's author did wrong is told at the line of the call of pelt.
local function guarded(f, ...)
    local ok, a, b = pcall(f, ...)
    if not ok then error(type(a) == "string" and a:gsub("^pelt%.grpc:%d+: ", "") or a, 3) end
    return a, b
end

-- ---- requests ----

local function timeout_of(value)
    local ms = math.max(1, tools.duration_ns(value, "grpc: timeout") // 1000000)
    return ms <= 99999999 and ("%dm"):format(ms) or ("%dS"):format(math.min(ms // 1000, 99999999))
end

local function fields_of(metadata, timeout)
    local fields = {}
    if metadata ~= nil and type(metadata) ~= "table" then
        fail("metadata: a table of names and texts is expected, not a %s", type(metadata))
    end
    for name, value in pairs(metadata or {}) do fields[name] = value end
    if timeout ~= nil then fields["grpc-timeout"] = timeout_of(timeout) end
    return fields
end

local function method_of(service, name, streams)
    local method = service.methods[name]
    if not method then
        fail("%s has no method '%s'%s", service.name, tostring(name), keys.did_you_mean(tostring(name), service.names)
            or "; it has " .. table.concat(service.names, ", "))
    elseif method.client_streaming then
        fail("%s: its requests are streamed, which cannot be called so far", name)
    elseif (method.server_streaming or false) ~= streams then
        fail("%s: its answers are %s: use %s", name, streams and "single" or "streamed", streams and ":call" or ":stream")
    end
    return method
end

local function request_of(service, name, message, options, known)
    local method = method_of(service, name, known == STREAM)
    local request = { body = string.pack(">Bs4", 0, protobuf.encode(method.input, message == nil and {} or message)) }
    if options ~= nil then
        if type(options) ~= "table" then
            fail("options are a table such as { timeout = \"1s\" }, not a %s", type(options))
        end
        for key in pairs(options) do
            if not known[key] then keys.check(options, "grpc", { table.unpack(known) }) end
        end
        request.headers = fields_of(options.metadata, options.timeout)
        request.timeout, request.name, request.between = options.timeout, options.name, options.between
    end
    if known == STREAM then request.method = "POST" end
    return method, request
end

-- ---- answers ----

-- Number and name of the status, what the server says of it; nil where none came.
local function status_of(headers)
    local text = headers and headers["grpc-message"]
    local code, name = core.status(headers and headers["grpc-status"])
    return code, name, text and (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function answer_of(method, r)
    local headers = r.headers
    local a = { ok = r.ok, error = r.error, headers = headers, duration = r.duration, service = r.service }
    a.code, a.status, a.reason = status_of(headers)
    if a.code == 0 and a.ok then
        local message, why = protobuf.decode(method.output, r.body, 6)
        a.message = message
        if why then a.ok, a.error, a.reason = false, "grpc_message", why end
    end
    return a
end

local Stream, stream_methods = { __name = "pelt.grpc.stream" }, {}

function stream_methods.next(s)
    local event = s.events:next()
    if not event then return nil end
    local message, why = protobuf.decode(s.method.output, event.data, 1)
    if why then
        s.unread = why
        s.events:close()
    end
    return message
end

function stream_methods.close(s) s.events:close() end

Stream.__call, Stream.__close = stream_methods.next, stream_methods.close

function Stream.__index(s, key)
    local method = stream_methods[key]
    if method then return method end
    local events = s.events
    if key == "code" or key == "status" then
        local code, name = status_of(events.headers)
        return key == "code" and code or key == "status" and name or nil
    elseif key == "error" then
        return rawget(s, "unread") and "grpc_message" or events.error
    elseif key == "reason" then
        local _, _, text = status_of(events.headers)
        return rawget(s, "unread") or text or events.reason
    elseif key == "unread" then
        return nil
    end
    return events[key]
end

-- ---- services ----

local Service = { __name = "pelt.grpc.service" }
Service.__index = Service

-- service:call(method, message, { metadata, timeout, name }): the answer, whatever the server did.
function Service.call(service, name, message, options)
    local method, request = guarded(request_of, service, name, message, options, CALL)
    return answer_of(method, (guarded(core.call, service.client, method.path, request, service.limits)))
end

-- service:stream(method, message, { metadata, timeout, name, between }): its messages, for a generic for or one by one.
function Service.stream(service, name, message, options)
    local method, request = guarded(request_of, service, name, message, options, STREAM)
    local events = guarded(core.stream, service.client, method.path, request, service.limits)
    local s = setmetatable({ events = events, method = method }, Stream)
    return s, nil, nil, s
end

local function expected_of(expect)
    local bits, numbers, names = 0, {}, {}
    for i = 0, 16 do
        local number, name = core.status(tostring(i))
        numbers[name], names[#names + 1] = number, name
    end
    for _, name in ipairs(type(expect) == "table" and expect or { expect }) do
        if not numbers[name] then
            fail("expect: '%s' is no status%s", tostring(name), keys.did_you_mean(tostring(name), names)
                or ", such as \"NOT_FOUND\"")
        end
        bits = bits | 1 << numbers[name]
    end
    return bits
end

local function methods_of(o, path)
    local ok, type_of, services = pcall(protobuf.schema, core.bytes(file(path)))
    if not ok then fail("%s: %s", path, type_of) end
    local list, known = services[o.service], {}
    for name in pairs(services) do known[#known + 1] = name end
    table.sort(known)
    if not list then
        fail("%s has no service '%s'%s", path, tostring(o.service), keys.did_you_mean(tostring(o.service), known)
            or "; it has " .. table.concat(known, ", "))
    end
    local methods, names = {}, {}
    for _, d in ipairs(list) do
        local linked, input, output = pcall(function() return (type_of(d.input_type)), (type_of(d.output_type)) end)
        if not linked then fail("%s: %s", path, input) end
        names[#names + 1] = d.name
        methods[d.name] = { path = "/" .. o.service .. "/" .. d.name, input = input, output = output,
            client_streaming = d.client_streaming, server_streaming = d.server_streaming }
    end
    return methods, names
end

local function new(o)
    if type(o) ~= "table" then
        fail("a table is expected, such as { descriptors = \"hello.pb\", service = \"package.Service\" }")
    end
    keys.check(o, "grpc", OPTIONS)
    if type(o.descriptors) ~= "string" then
        fail("descriptors: a file is expected, as `protoc --include_imports --descriptor_set_out=FILE` makes it")
    end
    local max = o.max_message or core.message
    if math.type(max) ~= "integer" or max < 1 or max > core.message_max then
        fail("max_message: bytes are expected, 1 to %d", core.message_max)
    end
    local methods, names = methods_of(o, o.descriptors)
    local fields = fields_of(o.metadata, o.timeout)
    fields["Content-Type"], fields.TE = "application/grpc", "trailers"
    return setmetatable({
        name = o.service, methods = methods, names = names,
        client = http.client { base = o.base, headers = fields, timeout = o.timeout, cookies = false },
        limits = core.limits(max, expected_of(o.expect)),
    }, Service)
end

-- pelt.grpc { descriptors, service, base, metadata, timeout, max_message, expect }
return function(options) return (guarded(new, options)) end
