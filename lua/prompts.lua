-- prompts: what users ask a language model: texts of a file or made of words, whose lengths, shared beginnings and
-- popularity are set. Like rows of data, a user's next prompt depends on the seed, the user, the iteration and how many it
-- took in it, and on nothing else: random draws are made by a generator of the prompt's own, from its key.

local parts, keys = ...
local core, tools, random = parts.chat, parts.tools, parts.random.new

local KNOWN = { "file", "order", "on_end", "field", "words", "prefix", "reuse", "max_tokens", "turns", "think", "system" }
local MOST_WORDS = 1000000

local function fail(format, ...)
    error(format:format(...), 0)
end

-- ---- laws: what numbers are drawn by ----

local function number_in(spec, key, what, duration, default)
    local value = spec[key]
    if value == nil then value = default end
    if value == nil then fail("%s: %s is missing", what, key) end
    if duration and type(value) == "string" then return tools.duration_ns(value, what .. "." .. key) / 1e9 end
    if type(value) ~= "number" or value ~= value or value < 0 or value == math.huge then
        fail("%s.%s: a number of at least 0 is expected, not %s", what, key, tostring(value))
    end
    return value
end

local function above_0(value, key, what)
    if not (value > 0) then fail("%s.%s: above 0 is expected, not %s", what, key, tostring(value)) end
    return value
end

-- What each law has besides min and max; each gives function(rng), a number.
local LAWS = {
    fixed = { { "value" }, function(spec, what, duration)
        local value = number_in(spec, "value", what, duration)
        return function() return value end
    end },
    uniform = { {}, function(spec, what, duration)
        local low, high = number_in(spec, "min", what, duration), number_in(spec, "max", what, duration)
        if duration then return function(rng) return rng:uniform(low, high) end end
        low, high = math.floor(low), math.floor(high)
        if low > high then fail("%s: min (%d) is above max (%d)", what, low, high) end
        return function(rng) return rng:int(low, high) end
    end },
    normal = { { "mean", "deviation" }, function(spec, what, duration)
        local mean, deviation = number_in(spec, "mean", what, duration), number_in(spec, "deviation", what, duration)
        return function(rng) return rng:normal(mean, deviation) end
    end },
    lognormal = { { "mean", "sigma" }, function(spec, what, duration)
        local mean = above_0(number_in(spec, "mean", what, duration), "mean", what)
        local sigma = number_in(spec, "sigma", what)
        local mu = math.log(mean) - sigma * sigma / 2 -- so that `mean` is that of the numbers, not of their logarithms
        return function(rng) return math.exp(rng:normal(mu, sigma)) end
    end },
    exponential = { { "mean" }, function(spec, what, duration)
        local mean = above_0(number_in(spec, "mean", what, duration), "mean", what)
        return function(rng) return rng:exponential(mean) end
    end },
    zipf = { { "s" }, function(spec, what, duration)
        if duration then fail("%s: zipf is of whole numbers, not of durations", what) end
        local most = math.floor(above_0(number_in(spec, "max", what), "max", what))
        local s = above_0(number_in(spec, "s", what, false, 1), "s", what)
        return function(rng) return rng:zipf(most, s) end
    end },
}
local LAW_NAMES = {}
for name in pairs(LAWS) do LAW_NAMES[#LAW_NAMES + 1] = name end
table.sort(LAW_NAMES)

-- { "lognormal", mean = 200, sigma = 0.5, max = 4000 }, or a number: function(rng), which gives whole numbers from `least`
-- on, or of `duration` seconds. What lies outside of min and max becomes these.
local function law_of(spec, what, least, duration)
    if type(spec) == "number" or duration and type(spec) == "string" then spec = { "fixed", value = spec } end
    if type(spec) ~= "table" then
        fail("%s: a number or a law is expected, such as { \"exponential\", mean = 200 }, not a %s", what, type(spec))
    end
    local name = spec[1]
    local law = LAWS[name]
    if not law then
        fail("%s: no law '%s'%s", what, tostring(name), type(name) == "string" and keys.did_you_mean(name, LAW_NAMES)
            or "; there are " .. table.concat(LAW_NAMES, ", "))
    end
    keys.check(spec, what, table.move(law[1], 1, #law[1], 4, { 1, "min", "max" }))
    local low = math.max(number_in(spec, "min", what, duration, least), least)
    local high = spec.max and number_in(spec, "max", what, duration) or math.maxinteger
    if low > high then fail("%s: min is above max", what) end
    local draw = law[2](spec, what, duration)
    if duration then
        return function(rng) return math.min(math.max(draw(rng), low), high) end
    end
    low, high = math.ceil(low), math.floor(high)
    return function(rng) return math.floor(math.min(math.max(draw(rng), low), high) + 0.5) end
end

local function optional_law(t, key, what, least, duration)
    return t[key] ~= nil and law_of(t[key], what .. "." .. key, least, duration) or nil
end

local function share_of(value, what)
    local share = value
    if type(value) == "string" then
        local percent = value:match("^([%d.]+)%%$")
        share = percent and tonumber(percent) and tonumber(percent) / 100
    end
    if type(share) ~= "number" or not (share >= 0 and share <= 1) then
        fail("%s: a share is expected, such as 0.8 or \"80%%\", not %s", what, tostring(value))
    end
    return share
end

local function count_in(t, key, what)
    local n = t[key]
    if math.type(n) ~= "integer" or n < 1 then
        fail("%s.%s: a whole number above 0 is expected, not %s", what, key, tostring(n))
    end
    return n
end

-- ---- shared beginnings, and a pool whose prompts come again ----

-- function(rng): a number 1 to n, each equally likely, or k with weight k^-zipf.
local function chooser(n, zipf, what)
    if zipf == nil then return function(rng) return rng:int(n) end end
    if type(zipf) ~= "number" then fail("%s.zipf: a number above 0 is expected, not a %s", what, type(zipf)) end
    above_0(zipf, "zipf", what)
    return function(rng) return rng:zipf(n, zipf) end
end

local function prefix_of(t, what)
    if t == nil then return nil end
    if type(t) ~= "table" then fail("%s: a table is expected, such as { groups = 8, words = 500 }", what) end
    keys.check(t, what, { "groups", "words", "share", "zipf" })
    if t.words == nil then fail("%s: words is missing: how long the shared beginning is", what) end
    local groups = count_in(t, "groups", what)
    return {
        choose = chooser(groups, t.zipf, what),
        words = law_of(t.words, what .. ".words", 1),
        share = t.share == nil and 1 or share_of(t.share, what .. ".share"),
    }
end

local function pool_of(t, rows, what)
    if t == nil then return nil end
    if type(t) ~= "table" then fail("%s: a table is expected, such as { prompts = 1000, zipf = 1 }", what) end
    keys.check(t, what, { "prompts", "zipf" })
    if t.prompts == nil and not rows then fail("%s: prompts is missing: how many there are", what) end
    local size = t.prompts == nil and rows or count_in(t, "prompts", what)
    if rows and size > rows then fail("%s.prompts: the file has %d, not %d", what, rows, size) end
    return { size = size, choose = chooser(size, t.zipf, what) }
end

-- ---- a prompt ----

-- Keys of what is drawn for one prompt, mixed into the prompt's own.
local DRAWS, WORDS, PREFIX = 1, 2, 3

local function text_of_row(self, row)
    if self.field then return row[self.field] end
    if type(row.messages) == "table" then return nil end
    return row.prompt or row.text or row.message
end

-- The prompt of this key; `row` of the file, or nil.
local function make(self, key, number, row)
    local rng = random(core.mix(key, DRAWS))
    local prompt = { number = number, row = row }
    if row then
        prompt.text = text_of_row(self, row)
        prompt.messages = not prompt.text and row.messages or nil
        prompt.max_tokens = row.max_tokens
        if type(prompt.text) ~= "string" and not prompt.messages then
            error(("%s: a row has no text '%s': say which field it is in: field = \"...\""):format(self.file,
                self.field or "prompt"), 0)
        end
    else
        prompt.words = self.words(rng)
        prompt.text = core.text(core.mix(key, WORDS), math.min(prompt.words, MOST_WORDS))
    end
    local prefix = self.prefix
    if prefix and prompt.text and rng:uniform() < prefix.share then
        prompt.group = prefix.choose(rng)
        local beginning = core.mix(core.mix(self.common, PREFIX), prompt.group)
        local words = prefix.words(random(beginning))
        prompt.text = core.text(beginning, math.min(words, MOST_WORDS)) .. (prompt.text ~= "" and " " or "") .. prompt.text
        prompt.words = prompt.words and prompt.words + words
    end
    if self.max_tokens then prompt.max_tokens = self.max_tokens(rng) end
    return prompt
end

local function pooled(self, k)
    return make(self, core.mix(self.common, k), k, self.feed and self.feed:row(k))
end

-- The one of this key: of the pool, or made for it alone; or the file's next row.
local function drawn(self, key)
    if self.pool then return pooled(self, self.pool.choose(random(key))) end
    return make(self, key, nil, self.feed and self.feed:next())
end

local prompts = {}

-- The user's next prompt.
function prompts:next()
    return drawn(self, core.turn(self.number))
end

-- Prompt k of the pool, 1 to #prompts.
function prompts:at(k)
    if not self.pool then error("prompts:at: only a pool has numbers: say reuse = { prompts = 1000 }", 2) end
    if math.type(k) ~= "integer" or k < 1 or k > self.pool.size then
        error(("prompts:at: %s is none of 1 to %d"):format(tostring(k), self.pool.size), 2)
    end
    return pooled(self, k)
end

-- ---- sessions ----

local session = {}

-- Goes on to the next turn, after the think time; false: the session is over.
function session:next()
    if self.turn == self.turns then return false end
    if self.turn > 0 and self.prompts.think then
        local think = self.prompts.think(self.rng)
        if think > 0 then parts.core.sleep(think) end
    end
    self.turn = self.turn + 1
    self.prompt = drawn(self.prompts, core.mix(self.key, self.turn))
    self.max_tokens = self.prompt.max_tokens
    return true
end

-- Asks what next() drew, behind all that was said before; a question that was not answered is taken back.
function session:chat(client, path, options)
    local messages = self.messages
    if not self.prompt then error("session:chat: call session:next() first, once a turn", 2) end
    if type(client) == "string" then client, path, options = nil, client, path end
    local asked, before = {}, #messages
    for key, value in pairs(options or {}) do asked[key] = value end
    if self.prompt.messages then
        table.move(self.prompt.messages, 1, #self.prompt.messages, before + 1, messages)
    else
        messages[before + 1] = { role = "user", content = self.prompt.text }
    end
    asked.messages, asked.max_tokens, self.prompt = messages, asked.max_tokens or self.max_tokens, nil
    local r = parts.prompts.chat(client, path, asked)
    if r.ok then
        messages[#messages + 1] = { role = "assistant", content = r.text }
    else
        for i = #messages, before + 1, -1 do messages[i] = nil end
    end
    return r
end

-- A conversation of the running user: so many turns, each with a prompt of its own.
function prompts:session()
    local key = core.turn(self.number)
    local rng = random(core.mix(key, DRAWS))
    local messages = {}
    if self.system then messages[1] = { role = "system", content = self.system } end
    return setmetatable({ prompts = self, key = key, rng = rng, turn = 0, turns = self.turns and self.turns(rng) or 1,
        messages = messages }, { __index = session })
end

-- ---- making ----

local function build(t)
    local what = "llm.prompts"
    if type(t) ~= "table" then fail("%s: a table is expected, such as { words = 200 }, not a %s", what, type(t)) end
    keys.check(t, what, KNOWN)
    if (t.file == nil) == (t.words == nil) then fail("%s: give either file = \"prompts.jsonl\" or words = 200", what) end
    for _, key in ipairs { "order", "on_end", "field" } do
        if t[key] ~= nil and not t.file then fail("%s: %s is of a file", what, key) end
    end
    if t.reuse and (t.order or t.on_end) then
        fail("%s: order and on_end say how rows come one after the other; with reuse they are drawn", what)
    end
    if t.system ~= nil and type(t.system) ~= "string" then fail("%s.system: a text is expected, not a %s", what, type(t.system)) end
    local self = { field = t.field, file = t.file, system = t.system }
    self.prefix = prefix_of(t.prefix, what .. ".prefix")
    self.feed = t.file and parts.data.jsonl(t.file, { order = t.order, on_end = t.on_end })
    self.words = t.words ~= nil and law_of(t.words, what .. ".words", t.prefix and 0 or 1)
    self.pool = pool_of(t.reuse, self.feed and #self.feed, what .. ".reuse")
    self.max_tokens = optional_law(t, "max_tokens", what, 1)
    self.turns = optional_law(t, "turns", what, 1)
    self.think = optional_law(t, "think", what, 0, true)
    self.number = core.number()
    self.common = core.common(self.number)
    return setmetatable(self, { __index = prompts, __len = function() return self.pool and self.pool.size or 0 end })
end

local function new(t)
    local ok, result = pcall(build, t)
    if not ok then error(type(result) == "string" and result:gsub("^pelt%.prompts:%d+: ", "") or result, 2) end
    return result
end

return { new = new }
