-- llm: one exchange with a language model behind an HTTP API of OpenAI's shape, and what is measured of it. What each
-- figure is, pelt says in its reports (engine/stats/own_metric.c); chunks are read and timed by the engine (lib_llm.c).

local parts, keys = ...
local http, core, tools = parts.http, parts.chat, parts.tools

local llm = { prompts = parts.prompts.new }

-- Members of the request's body that are options by themselves; `body` has all others.
local MEMBERS = { "model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "stop", "seed" }
-- Options of the request, as of any other.
local PASSED = { "name", "headers", "timeout", "auth", "cookies" }
local KNOWN = { "prompt", "stream", "usage", "body", "slo", "between" }
table.move(MEMBERS, 1, #MEMBERS, #KNOWN + 1, KNOWN)
table.move(PASSED, 1, #PASSED, #KNOWN + 1, KNOWN)

local BOUNDS = { "ttft", "ttft_due", "ttfo", "tpot", "e2e", "e2e_due" } -- of slo, and fields of an answer

local function fail(format, ...)
    error(("llm.chat: " .. format):format(...), 0)
end

-- ---- the request ----

-- A path of OpenAI's older completions takes a prompt, all others messages.
local function is_completions(path)
    return path:find("/completions$") ~= nil and not path:find("/chat/completions$")
end

-- "POST /v1/chat/completions": what http would call it, said here so that both kinds of metrics have one name.
local function default_name(path)
    return "POST " .. (path:gsub("^%a[%w+.-]*://[^/]*", ""))
end

local function body_of(path, options)
    local body = {}
    for key, value in pairs(options.body or {}) do body[key] = value end
    for _, key in ipairs(MEMBERS) do
        if options[key] ~= nil then body[key] = options[key] end
    end
    local prompt, messages = options.prompt, options.messages
    if type(prompt) == "table" then -- of prompts:next()
        body.max_tokens = body.max_tokens or prompt.max_tokens
        messages, prompt = messages or prompt.messages, prompt.text
    end
    if prompt == nil and messages == nil then fail("what is asked? Give prompt = \"...\" or messages = { ... }") end
    if prompt ~= nil and type(prompt) ~= "string" then fail("prompt: a text is expected, not a %s", type(prompt)) end
    if is_completions(path) then
        body.prompt = prompt
    else
        body.messages = messages or { { role = "user", content = prompt } }
    end
    return body
end

local function bounds_of(slo)
    if slo == nil then return nil end
    keys.check(slo, "llm.chat: slo", BOUNDS)
    local bounds = {}
    for name, value in pairs(slo) do bounds[name] = tools.duration_ns(value, "llm.chat: slo." .. name) / 1e9 end
    return bounds
end

-- ---- the answer ----

local function add_rest(r, rest)
    r.message = r.message or rest.unread or rest.error
    r.error = r.error or rest.unread and "llm_bad_chunk" or rest.error and "llm_error" or nil
    r.finish_reason = rest.finish_reason or r.finish_reason
    r.usage = rest.usage or r.usage
    r.tokens = rest.output_tokens or r.tokens
    r.prompt_tokens = rest.prompt_tokens or r.prompt_tokens
    r.cached_tokens = rest.cached_tokens or r.cached_tokens
end

-- What a server says of a status that is no answer: {"error": {"message": "..."}}, or nothing that can be read.
local function add_refusal(r, body)
    if not body then return end
    local _, rest = core.whole(body)
    r.message = rest and rest.error or body:sub(1, 200)
end

-- What http raises is the scenario's mistake: told at its line, which is `level` calls away.
local function send(level, client, method, path, call)
    local ok, result
    if client then
        ok, result = pcall(client[method], client, path, call)
    else
        ok, result = pcall(http[method], path, call)
    end
    if not ok then error(type(result) == "string" and result:gsub("^pelt%.llm:%d+: ", "") or result, level + 1) end
    return result
end

local function streamed(client, path, call, sink)
    local stream = send(3, client, "stream", path, call)
    local r = { status = stream.status, chunks = 0 }
    local text, thoughts, answer = {}, {}, core.answer(sink, stream.due, stream.sent or stream.due)
    local event = core.event
    for e in stream:events() do
        local piece, rest = event(e.data, e.at, answer)
        if piece then text[#text + 1] = piece end
        if rest then
            if rest.reasoning then thoughts[#thoughts + 1] = rest.reasoning end
            add_rest(r, rest)
        end
    end
    local done
    r.chunks, done, r.ttft, r.ttft_due, r.ttfo, r.e2e, r.e2e_due = core.seen(answer)
    if stream.error then
        r.error, r.message = stream.error, stream.reason
        add_refusal(r, stream.body)
    elseif not r.error and not done and not r.finish_reason then
        r.error, r.message = "llm_cut", "the stream ended without finish_reason and [DONE]"
    end
    r.text = table.concat(text)
    if #thoughts > 0 then r.reasoning = table.concat(thoughts) end
    if not r.tokens and r.chunks > 0 then r.tokens = r.chunks end
    return r
end

local function in_one_piece(client, path, call)
    call.keep_body = true
    local got = send(3, client, "post", path, call)
    local r = { status = got.status, error = got.error, chunks = 0 }
    if got.ok then
        local text, rest = core.whole(got.body or "")
        if rest then
            add_rest(r, rest)
            r.reasoning = rest.reasoning
        end
        r.text = text or ""
        r.e2e, r.e2e_due = got.service, got.duration
    else
        add_refusal(r, got.body)
    end
    return r
end

-- ---- what is counted of it ----

local function met(r, bounds)
    for name, bound in pairs(bounds) do
        local took = r[name]
        if took and took > bound or not took and name ~= "tpot" then return false end
    end
    return true
end

local function count(r, sink, bounds)
    local add = core.add
    r.ok = not r.error
    add(sink, "llm_complete", r.ok)
    if r.ok then
        if r.e2e then
            add(sink, "llm_e2e", r.e2e)
            add(sink, "llm_e2e_due", r.e2e_due)
        end
        if r.ttft and r.tokens > 1 then
            r.tpot = (r.e2e - r.ttft) / (r.tokens - 1)
            add(sink, "llm_tpot", r.tpot)
            if r.tpot > 0 then add(sink, "llm_tokens_per_s", 1 / r.tpot) end
        end
        if r.tokens then add(sink, "llm_output_tokens", r.tokens) end
        if r.prompt_tokens then add(sink, "llm_prompt_tokens", r.prompt_tokens) end
        if r.cached_tokens then add(sink, "llm_cached_tokens", r.cached_tokens) end
    end
    if bounds then
        r.good = r.ok and met(r, bounds)
        add(sink, "llm_goodput", r.good)
        add(sink, "llm_good", r.good and 1 or 0)
    end
end

local sinks, sinks_kept = {}, 0 -- by the name of the request

local function sink_of(name)
    local full = core.name(name)
    local sink = sinks[full]
    if not sink then
        sink = core.sink(full)
        if sinks_kept < 1000 then
            sinks[full], sinks_kept = sink, sinks_kept + 1
        end
    end
    return sink
end

-- Checks everything before anything is sent: what to send, and the bounds of slo.
local function prepare(client, path, options)
    if client ~= nil and type(client) ~= "userdata" then
        fail("a client (http.client) or nil is expected before the path, not a %s", type(client))
    end
    if type(path) ~= "string" then fail("a path is expected, such as \"/v1/chat/completions\", not a %s", type(path)) end
    if type(options) ~= "table" then
        fail("options are a table such as { prompt = \"hello\" }, not a %s", type(options))
    end
    keys.check(options, "llm.chat", KNOWN)
    local bounds, call = bounds_of(options.slo), { json = body_of(path, options) }
    for _, key in ipairs(PASSED) do call[key] = options[key] end
    call.name = call.name or default_name(path)
    if options.stream ~= false then
        call.method, call.between, call.json.stream = "POST", options.between, true
        if options.usage ~= false and call.json.stream_options == nil then
            call.json.stream_options = { include_usage = true }
        end
    end
    return call, bounds
end

-- llm.chat(client, path, options); the client may be nil, or left out.
function llm.chat(client, path, options)
    if type(client) == "string" then client, path, options = nil, client, path end
    local ok, call, bounds = pcall(prepare, client, path, options)
    if not ok then error(call, 2) end
    local sink, r = sink_of(call.name), nil
    if options.stream == false then
        r = in_one_piece(client, path, call)
    else
        r = streamed(client, path, call, sink)
    end
    count(r, sink, bounds)
    return r
end

parts.prompts.chat = llm.chat
return llm
