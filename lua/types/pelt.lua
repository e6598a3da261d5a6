---@meta pelt
-- What require "pelt" gives, for editors: lua-language-server reads this folder as a library. Nothing runs it.
-- docs/SCENARIOS.md says what all of it means.
--
-- A test (types_test) compares the names here with those of the engine, both ways, and the arguments with those that
-- docs/SCENARIOS.md has. The forms it reads:
--   a table of the library     ---@class pelt.http          and   pelt.http = {}
--   a function of it           function pelt.http.get(url, options) end
--   an object that scripts get ---@class NAME, where NAME is what its metatable is called (luaL_newmetatable), and
--                              a local for its methods: local random = {}, function random:uniform(low, high) end
--   a field or an option       ---@field NAME TYPE

---@alias pelt.Duration string|number # "500ms" "10s" "5m" "1h" "1m30s", or a number of seconds
---@alias pelt.Rate string # "200/s" "60/m"
---@alias pelt.Level number|pelt.Rate # a number of users, or arrivals
---@alias pelt.Share number|string # above 0 and below 1: 0.05, or "5%"
---@alias pelt.Arrivals "uniform"|"poisson"|"gamma"
---@alias pelt.LogLevel "debug"|"info"|"warning"|"error"
---@alias pelt.Json nil|boolean|number|string|table # a value that JSON has

---@class pelt
local pelt = {}

---Counts the condition under the name. Does not change a request's outcome.
---@param name string
---@param condition any
---@return boolean condition
function pelt.check(name, condition) end

---Think time: waits; never moves a due time.
---@param duration pelt.Duration
function pelt.sleep(duration) end

---Runs the function; names of requests inside begin with "name / ".
---@generic T
---@param name string
---@param f fun(...): T
---@return T
function pelt.group(name, f, ...) end

---Monotonic time, for differences.
---@return number seconds
function pelt.now() end

---The load is over, its ramp-down wants this user no more, or it was stopped: end long iterations.
---@return boolean
function pelt.stopping() end

---The value of --set KEY=VALUE, else of the environment, else the default.
---@param key string
---@param default? string
---@return string
---@overload fun(key: string): string?
function pelt.env(key, default) end

---To the log, with the user's id; all of it, while of print 100 lines a second of a run are shown.
---@param level pelt.LogLevel
---@param text string
---@overload fun(text: string)
function pelt.log(level, text) end

---Random numbers of its own, to be made within an iteration.
---@param seed integer
---@return pelt.random
function pelt.random(seed) end

---@class pelt.file what the function of this name makes

---A file's content, as a body or a field of multipart.
---@param path string relative to the scenario's file
---@param options? { type?: string, name?: string }
---@return pelt.file
function pelt.file(path, options) end

-- ---- requests ----

---@class pelt.http
pelt.http = {}

---Either user and password (Basic), or bearer.
---@class pelt.Auth
---@field user? string
---@field password? string
---@field bearer? string
---@field digest? pelt.Digest answers challenges of Digest authentication (RFC 7616)

---@class pelt.Digest
---@field user string
---@field password string

---@class pelt.Behaviour
---@field read_rate? integer|string bytes of the answer that are received a second
---@field write_rate? integer|string bytes of the request that are sent a second
---@field abandon_after? integer|string the exchange ends as abandoned once so many bytes of the answer came
---@field half_close? boolean closes our side of the connection behind the request (HTTP/1.1)

---@class pelt.RequestOptions
---@field headers? table<string, string|number> win over the client's and --header
---@field body? string|pelt.file sent as it is
---@field json? pelt.Json encoded as the body
---@field name? string name of the series in the report
---@field timeout? pelt.Duration of the whole exchange, default 120 s
---@field expect? integer|integer[] statuses that count as ok, besides 200 to 399
---@field keep_body? boolean whether the response's body is kept for reading
---@field form? table<string, any> urlencoded as the body
---@field multipart? table<string, any> multipart/form-data as the body
---@field auth? pelt.Auth
---@field cookies? boolean whether the user's cookies are sent and kept, default true
---@field redirects? integer so many are followed, 0 to 50, default 0
---@field compressed? boolean|string asks for gzip, deflate, br or zstd, or for what the text says; decoded
---@field behave? pelt.Behaviour a client that servers must endure
---@field expect_continue? boolean|integer|string the body, or one of at least so many bytes, waits for 100 (Continue), 1 s at most
---@field retry_stale? boolean what ends as stale_reuse is called again, as an exchange of its own
---@field trace? boolean|pelt.Trace ids for the server's traces and logs; default: the scenario's

---@class pelt.Trace
---@field traceparent? boolean W3C Trace Context, default true
---@field correlation? string name of a header that has the trace's id

---@class pelt.ClientOptions
---@field headers? table<string, string|number> of every call
---@field timeout? pelt.Duration of the whole exchange
---@field base? string URL in place of the target
---@field auth? pelt.Auth
---@field cookies? boolean whether the user's cookies are sent and kept, default true
---@field redirects? integer so many are followed, 0 to 50, default 0
---@field compressed? boolean|string asks for gzip, deflate, br or zstd, or for what the text says; decoded
---@field retry_stale? boolean what ends as stale_reuse is called again, as an exchange of its own

---@param url string a path, or an http:// URL
---@param options? pelt.RequestOptions
---@return pelt.response
function pelt.http.get(url, options) end

---@param url string
---@param options? pelt.RequestOptions
---@return pelt.response
function pelt.http.post(url, options) end

---@param url string
---@param options? pelt.RequestOptions
---@return pelt.response
function pelt.http.put(url, options) end

---@param url string
---@param options? pelt.RequestOptions
---@return pelt.response
function pelt.http.patch(url, options) end

---@param url string
---@param options? pelt.RequestOptions
---@return pelt.response
function pelt.http.delete(url, options) end

---@param url string
---@param options? pelt.RequestOptions
---@return pelt.response
function pelt.http.head(url, options) end

---@param url string
---@param options? pelt.RequestOptions
---@return pelt.response
function pelt.http.options(url, options) end

---@param method string
---@param url string
---@param options? pelt.RequestOptions
---@return pelt.response
function pelt.http.request(method, url, options) end

---@class pelt.StreamOptions
---@field method? string default GET, with a body POST
---@field between? pelt.Duration the longest silence, default 60 s
---@field format? "auto"|"sse"|"jsonl"|"lines" default auto: by Content-Type
---@field first? string|fun(event: pelt.event): any which event stream_match waits for: a function, a JSON pointer or a pattern
---@field resume? integer so often a lost connection is made anew, 0 to 1000, default 0
---@field headers? table<string, string|number> win over the client's and --header
---@field body? string|pelt.file sent as it is
---@field json? pelt.Json encoded as the body
---@field name? string name of the series in the report
---@field timeout? pelt.Duration of the whole exchange, default 120 s
---@field expect? integer|integer[] statuses that count as ok, besides 200 to 399
---@field form? table<string, any> urlencoded as the body
---@field multipart? table<string, any> multipart/form-data as the body
---@field auth? pelt.Auth
---@field cookies? boolean whether the user's cookies are sent and kept, default true

---Opens a stream of events; returns once the head of the answer has come. For a generic for, or to be kept.
---@param url string
---@param options? pelt.StreamOptions
---@return pelt.stream
function pelt.http.stream(url, options) end

---Fixes options for several calls, which are made with a colon.
---@param options pelt.ClientOptions
---@return pelt.http.client
function pelt.http.client(options) end

---Sends up to 100 requests at once.
---@param requests (string|table)[] a URL, or { method, url, options }
---@return pelt.response[] in the same order
function pelt.http.batch(requests) end

---@class pelt.http.client
local client = {}

---@param requests (string|table)[] a URL, or { method, url, options }
---@return pelt.response[] in the same order
function client:batch(requests) end

---@param url string a path, or an http:// URL
---@param options? pelt.RequestOptions
---@return pelt.response
function client:get(url, options) end

---@param url string
---@param options? pelt.RequestOptions
---@return pelt.response
function client:post(url, options) end

---@param url string
---@param options? pelt.RequestOptions
---@return pelt.response
function client:put(url, options) end

---@param url string
---@param options? pelt.RequestOptions
---@return pelt.response
function client:patch(url, options) end

---@param url string
---@param options? pelt.RequestOptions
---@return pelt.response
function client:delete(url, options) end

---@param url string
---@param options? pelt.RequestOptions
---@return pelt.response
function client:head(url, options) end

---@param url string
---@param options? pelt.RequestOptions
---@return pelt.response
function client:options(url, options) end

---@param method string
---@param url string
---@param options? pelt.RequestOptions
---@return pelt.response
function client:request(method, url, options) end

---@param url string
---@param options? pelt.StreamOptions
---@return pelt.stream
function client:stream(url, options) end

---@class pelt.stream
---@field status integer 0: no head came
---@field error? string nil if all is well so far; else the outcome's name
---@field reason? string of the error, for people
---@field headers? pelt.headers
---@field body? string of an answer whose status is not ok
---@field name string of its series in the report, with the groups it is in
---@field count integer events handed out so far
---@field last_id string the last event id
---@field resumed integer connections made anew
---@field due number seconds on the clock of pelt.now()
---@field sent? number
---@field first_byte? number
---@field ended? number
---@overload fun(): pelt.event?
local stream = {}

---The next event, waited for; nil: the stream has ended.
---@return pelt.event?
function stream:next() end

---For a generic for; leaving the loop closes the stream.
---@return fun(): pelt.event?
function stream:events() end

---Closes it; what was not received is given up.
function stream:close() end

---@class pelt.event
---@field data string
---@field type string
---@field id string
---@field at number when it was received: seconds on the clock of pelt.now()
---@field coalesced boolean it came in one receive with another event
local event = {}

---The value at a JSON pointer into the data, without one the whole; nil if absent, null or no JSON.
---@param pointer? string
---@return any
function event:json(pointer) end

---What a Lua pattern finds in the data: its captures, or all of it.
---@param pattern string
---@param init? integer where to begin, default 1
---@return string?
function event:match(pattern, init) end

---@class pelt.response
---@field status integer 0: no whole answer
---@field ok boolean 200 to 399, or expected
---@field error? string nil if ok; else the class: "http_status", "timeout", ...
---@field body? string up to 1 MiB; nil without an answer
---@field body_cut boolean the body was longer
---@field headers pelt.headers
---@field duration number seconds from due to done
---@field service number seconds from sent to done; 0 if nothing was sent
---@field redirects integer hops that were followed before this answer
---@field trace_id? string the id that the server was given; nil without `trace`
local response = {}

---The value at a JSON pointer into the body ("/choices/0/text"), without one the whole; nil if absent, null or no JSON.
---@param pointer? string
---@return any
function response:json(pointer) end

---What a Lua pattern finds in the body: its captures, or all of it.
---@param pattern string
---@param init? integer where to begin, default 1
---@return string?
function response:match(pattern, init) end

---What a regular expression (PCRE2) finds in the body: its captures, or all of it.
---@param pattern string
---@return string?
function response:regex(pattern) end

---The first field of a name, case ignored; pairs() gives all.
---@class pelt.headers
---@field [string] string?

-- ---- WebSockets ----

---@class pelt.ws
pelt.ws = {}

---@class pelt.ConnectOptions
---@field subprotocol? string|string[] asked for, in order of preference
---@field headers? table<string, string|number> of the opening handshake; win over --header
---@field auth? pelt.Auth
---@field deflate? boolean offers permessage-deflate, default false
---@field name? string name of the series in the report, default "WS /path"
---@field timeout? pelt.Duration of the opening handshake, default 120 s
---@field max_message? integer bytes of a message that comes, default 1 MiB

---Opens a WebSocket. What the server did never raises: look at `open` and `error`.
---@param url string a path, or a ws:// or wss:// URL
---@param options? pelt.ConnectOptions
---@return pelt.websocket
function pelt.ws.connect(url, options) end

---The room of this name: what becomes of messages that a server hands from one user to others. At the top of the file.
---@param name string
---@return pelt.ws.room
function pelt.ws.fanout(name) end

---@class pelt.ws.room
local room = {}

---Text to be put anywhere into a message, anew for each.
---@param user pelt.user who publishes
---@return string
function room:stamp(user) end

---From now on the user is to get what is published.
---@param user pelt.user
function room:join(user) end

---The user got the message: ws_delivery, ws_duplicate or ws_reordered.
---@param user pelt.user
---@param message string
---@return number? seconds since it was stamped; nil: no stamp of the room
function room:take(user, message) end

---The user listens no longer: what it never got is ws_lost.
---@param user pelt.user
---@return integer lost
function room:leave(user) end

---@class pelt.websocket
---@field open boolean can be spoken to
---@field status integer of the opening handshake: 101; 0: no whole answer
---@field error? string what the newest call, the handshake or the WebSocket failed with: "timeout", "reset", ...
---@field code? integer of the close, once there was one; 1006: it ended without
---@field reason? string the server's, or what was wrong with what it sent
---@field clean? boolean both sides said close; nil while it is open
---@field subprotocol? string that the server chose
---@field deflate boolean messages may be compressed
---@field connect_time number seconds from the call to the answer
local websocket = {}

---How a request's answer is known: `match` is an id that stands in it, a JSON pointer to what is the same in both
---("/id"), or a function that says so; `pattern` is a Lua pattern; neither: it is the next message.
---@class pelt.WsRequestOptions
---@field match? string|integer|fun(message: string, binary: boolean): any
---@field pattern? string
---@field timeout? pelt.Duration default 60 s
---@field binary? boolean the message is sent as binary

---@param message string|table a table is sent as JSON
---@return true|nil sent, string? error
function websocket:send(message) end

---@param bytes string
---@return true|nil sent, string? error
function websocket:send_binary(bytes) end

---The oldest message that was not taken yet; waits for one.
---@param timeout? pelt.Duration default 60 s
---@return string? message, boolean|string binary or, without a message, the error
function websocket:recv(timeout) end

---Sends a message and waits for its answer; the time between is a ws_rtt. Other messages stay for recv.
---@param message string|table a table is sent as JSON
---@param options? pelt.WsRequestOptions
---@return string? answer, boolean|string binary or, without an answer, the error
function websocket:request(message, options) end

---for message, binary in c:messages() do: until it closes, the load is over, or nothing came for so long.
---@param timeout? pelt.Duration default 60 s
---@return fun(): string?, boolean?
function websocket:messages(timeout) end

---@param timeout? pelt.Duration default 60 s
---@return number? seconds to its pong, string? error
function websocket:ping(timeout) end

---Says close and waits for the server's, 2 s at most.
---@param code? integer default 1000
---@param reason? string
---@return integer? code, boolean? clean
function websocket:close(code, reason) end

-- ---- users ----

---@class pelt.user
---@field id integer 0, 1, ... unique in the run
---@field iteration integer iterations this user began before this one
---@field rng pelt.random its random numbers
---@field cookies pelt.user.cookies
---@field [any] any your own; kept from iteration to iteration
local user = {}

---It starts no further iteration.
function user:stop() end

---@class pelt.user.cookies
local cookies = {}

---@param name string
---@param url? string only what would be sent there
---@return string?
function cookies:get(name, url) end

---@param name string
---@param value string
---@param url? string default: the target
function cookies:set(name, value, url) end

---@param name? string default: all
function cookies:clear(name) end

---@class pelt.random
local random = {}

---@param low? number|pelt.Duration
---@param high? number|pelt.Duration
---@return number # in [0, 1), or [low, high)
function random:uniform(low, high) end

---@param mean number|pelt.Duration
---@return number
function random:exponential(mean) end

---@param mean number|pelt.Duration
---@param deviation number|pelt.Duration
---@return number
function random:normal(mean, deviation) end

---@param n integer
---@param s number
---@return integer # 1 to n, k with weight k^-s
function random:zipf(n, s) end

---@param low integer
---@param high integer
---@return integer # bounds included
---@overload fun(self: pelt.random, high: integer): integer
function random:int(low, high) end

---@generic T
---@param list T[]
---@return T
function random:choice(list) end

-- ---- JSON ----

---@class pelt.json
---@field null lightuserdata null inside a document
pelt.json = {}

---Raises naming the key of what JSON does not have.
---@param value pelt.Json
---@return string
function pelt.json.encode(value) end

---@param text string
---@return any value
---@return string? why it is nil
function pelt.json.decode(text) end

---Marks a table as a list, so that an empty one is [].
---@generic T: table
---@param list T
---@return T
function pelt.json.array(list) end

-- ---- load ----

---@class pelt.load
pelt.load = {}

---A number of users (closed loop) or a rate (open loop).
---@class pelt.Load
---@field users? integer closed loop: the level; with rate: most users in the pool
---@field rate? pelt.Rate open loop: iterations a second
---@field duration? pelt.Duration of the whole load, ramp included
---@field ramp? pelt.Duration climbs from 0 to the level in the first part
---@field ramp_down? pelt.Duration falls to 0 in the last part
---@field arrivals? pelt.Arrivals
---@field shape? number with "gamma": 1 is Poisson, less is burstier
---@field waiting? integer open loop: most arrivals that wait for a user
---@field grace? pelt.Duration how long what is in flight at the end may finish
---@field iterations? integer of all users together, after which the run ends
---@field iterations_per_user? integer after which a user ends
---@field stop_when? "saturated" open loop: ends once arrivals pile up

---@class pelt.LoadRamp
---@field from? pelt.Level default 0
---@field to pelt.Level
---@field duration pelt.Duration of the climb
---@field hold? pelt.Duration time at `to` afterwards
---@field users? integer
---@field arrivals? pelt.Arrivals
---@field shape? number
---@field waiting? integer
---@field grace? pelt.Duration
---@field iterations? integer of all users together, after which the run ends
---@field iterations_per_user? integer after which a user ends
---@field stop_when? "saturated" open loop: ends once arrivals pile up
---@field curve? "linear"|"exponential"

---@class pelt.LoadStages
---@field stages pelt.Stage[]
---@field users? integer
---@field arrivals? pelt.Arrivals
---@field shape? number
---@field waiting? integer
---@field grace? pelt.Duration
---@field iterations? integer of all users together, after which the run ends
---@field iterations_per_user? integer after which a user ends
---@field stop_when? "saturated" open loop: ends once arrivals pile up

---Linear from the level before, or from `from`, to the given one.
---@class pelt.Stage
---@field duration pelt.Duration
---@field users? integer
---@field rate? pelt.Rate
---@field from? pelt.Level
---@field curve? "linear"|"exponential" how it climbs

---What was measured in some seconds, as a load's function is told.
---@class pelt.Stats
---@field t integer the last of them; -1: none yet
---@field seconds integer how many
---@field level number users, or arrivals a second, planned for the last one
---@field users integer at its end
---@field planned_per_s number arrivals
---@field started_per_s number exchanges
---@field ok_per_s number
---@field iterations_per_s number that ended
---@field errors number share of the exchanges that ended
---@field error? string the most frequent one: "http_status", "timeout", ...; nil: none
---@field p50_ms? number response time; nil: too few samples
---@field p95_ms? number
---@field p99_ms? number
---@field in_flight integer exchanges, at the end of the last one
---@field waiting integer arrivals without a user, likewise
---@field backlog integer arrivals that have not ended, likewise
---@field growth number of the backlog over these seconds
---@field late number share of the arrivals that this host sent more than 10 ms late
---@field dropped integer arrivals
---@field window fun(seconds: integer): pelt.Stats the same over the last seconds, at most 60

---@class pelt.LoadFunction
---@field shape fun(t: integer, stats: pelt.Stats): pelt.Level?, string?, integer? level of second t, nil to end; part, span
---@field max pelt.Level its largest level, and whether levels are users or arrivals a second
---@field duration pelt.Duration the longest
---@field users? integer
---@field arrivals? pelt.Arrivals
---@field gamma? number with "gamma": 1 is Poisson, less is burstier
---@field waiting? integer
---@field grace? pelt.Duration
---@field iterations? integer of all users together, after which the run ends
---@field iterations_per_user? integer after which a user ends
---@field stop_when? "saturated"

---@class pelt.LoadStress
---@field from pelt.Level the first level
---@field step pelt.Level by which it climbs
---@field max pelt.Level
---@field every? pelt.Duration length of a step, default 10s; one second more until all of it is known
---@field settle? pelt.Duration of its begin that is not judged, default 2s, at most a fifth; 2s less than every, or shorter
---@field slo? string|(string|pelt.Threshold)[] default: the scenario's thresholds, judged by the steps that verified
---@field resolution? number|string default "5%"
---@field verify? integer so often the level must hold, default 3
---@field hysteresis? boolean over the edge and back, default true
---@field duration? pelt.Duration the longest, default 1h
---@field users? integer
---@field arrivals? pelt.Arrivals
---@field gamma? number
---@field waiting? integer
---@field grace? pelt.Duration
---@field iterations? integer of all users together, after which the run ends
---@field iterations_per_user? integer after which a user ends
---@field stop_when? "saturated"

---@class pelt.LoadSustained
---@field users? integer closed loop: the level; with rate: most users in the pool
---@field rate? pelt.Rate open loop: iterations a second
---@field duration? pelt.Duration of the whole load, ramps included
---@field ramp? pelt.Duration climbs from 0 to the level in the first part
---@field ramp_down? pelt.Duration falls to 0 in the last part
---@field arrivals? pelt.Arrivals
---@field shape? number
---@field waiting? integer
---@field grace? pelt.Duration
---@field iterations? integer of all users together, after which the run ends
---@field iterations_per_user? integer after which a user ends
---@field stop_when? "saturated" open loop: ends once arrivals pile up
---@field effect? pelt.Share smallest drift worth a word, default "5%"
---@field family? pelt.Share of a steady run: probability that any figure is said to drift, default "1%"

---@class pelt.LoadBurst
---@field base? pelt.Level between spikes, default 0
---@field peak pelt.Level of a spike
---@field every? pelt.Duration from spike to spike, default 30 s
---@field length? pelt.Duration at the peak, default 10 s
---@field edges? pelt.Duration to rise and to fall, default 0
---@field first? pelt.Duration when the first one begins
---@field duration pelt.Duration of the whole
---@field percentile? number that has to come back, default 99
---@field tolerance? pelt.Share above that of the base, default "10%"
---@field users? integer most users in the pool
---@field arrivals? pelt.Arrivals
---@field shape? number
---@field waiting? integer
---@field grace? pelt.Duration
---@field iterations? integer of all users together, after which the run ends
---@field iterations_per_user? integer after which a user ends
---@field stop_when? "saturated" open loop: ends once arrivals pile up

---@class pelt.LoadBenchmark
---@field users? integer closed loop: the level; with rate: most users in the pool
---@field rate? pelt.Rate
---@field duration pelt.Duration of a trial
---@field trials? integer default 3
---@field warmup? pelt.Duration|"auto" before the first trial; default "auto"
---@field pause? pelt.Duration between two trials
---@field percentile? number default 99
---@field confidence? pelt.Share of the interval, default "95%"
---@field precision? pelt.Share of the interval, default "5%"
---@field effect? pelt.Share smallest difference of two runs worth a word, default "5%"
---@field arrivals? pelt.Arrivals
---@field shape? number
---@field waiting? integer
---@field grace? pelt.Duration
---@field iterations? integer of all users together, after which the run ends
---@field iterations_per_user? integer after which a user ends
---@field stop_when? "saturated" open loop: ends once arrivals pile up

---One of several loads side by side.
---@class pelt.LoadPart
---@field users? integer closed loop: the level; with rate: most users in the pool
---@field rate? pelt.Rate open loop: iterations a second
---@field duration? pelt.Duration of the whole load, ramps included
---@field ramp? pelt.Duration climbs from 0 to the level in the first part
---@field ramp_down? pelt.Duration falls to 0 in the last part
---@field arrivals? pelt.Arrivals
---@field shape? number
---@field waiting? integer
---@field grace? pelt.Duration
---@field iterations? integer of all users together, after which the run ends
---@field iterations_per_user? integer after which a user ends
---@field stages? pelt.Stage[]
---@field load? pelt.LoadShape|pelt.Load|pelt.LoadStages instead of a level or stages here
---@field tasks? string[] names of the scenario's tasks, default all
---@field iteration? fun(user: pelt.user, data: any) instead of tasks
---@field start? pelt.Duration when it begins, default 0
---@field start_after? string the load whose end is its beginning

---@class pelt.LoadReplay
---@field speed? number so many times as fast, default 1
---@field format? "combined"|"jsonl"
---@field users? integer most users in the pool
---@field waiting? integer
---@field grace? pelt.Duration
---@field iterations? integer
---@field iterations_per_user? integer
---@field stop_when? "saturated" open loop: ends once arrivals pile up

---@class pelt.TraceRow
---@field method string
---@field path string
---@field headers? table<string, string>
---@field body? string
---@field t number seconds since the first

---@class pelt.LoadShape what the functions below make

---What pelt.load.replay makes.
---@class pelt.LoadReplayed: pelt.LoadShape
local replayed = {}

---The request of the arrival that runs.
---@return pelt.TraceRow
function replayed:next() end

---@param load pelt.Load
---@return pelt.LoadShape
function pelt.load.users(load) end

---@param load pelt.Load
---@return pelt.LoadShape
function pelt.load.rate(load) end

---@param load pelt.LoadSustained
---@return pelt.LoadShape
function pelt.load.sustained(load) end

---@param load pelt.LoadBurst
---@return pelt.LoadShape
function pelt.load.burst(load) end

---@param load pelt.LoadBenchmark
---@return pelt.LoadShape
function pelt.load.benchmark(load) end

---@param loads table<string, pelt.LoadPart>
---@return pelt.LoadShape
function pelt.load.mix(loads) end

---@param path string access log or JSON lines, as seen from the scenario's folder
---@param options? pelt.LoadReplay
---@return pelt.LoadReplayed
function pelt.load.replay(path, options) end

---@param load pelt.LoadRamp
---@return pelt.LoadShape
function pelt.load.ramp(load) end

---@param load pelt.LoadStages|pelt.Stage[]
---@return pelt.LoadShape
function pelt.load.stages(load) end

---@param load pelt.LoadFunction
---@return pelt.LoadShape
function pelt.load.shape(load) end

---@param load pelt.LoadStress
---@return pelt.LoadShape
function pelt.load.stress(load) end

-- ---- data and state shared by all users ----

---@class pelt.data
pelt.data = {}

---@class pelt.DataOptions
---@field order? "sequential"|"random"|"shuffle"|"unique"
---@field on_end? "stop"|"error"|"wrap" of unique, when all rows were taken
---@field separator? string of csv, one character

---A file whose first line names the columns; a row is a table of texts by these names.
---@param path string relative to the scenario's file
---@param options? pelt.DataOptions
---@return pelt.feed
function pelt.data.csv(path, options) end

---A list of objects; a row is a table of its JSON values.
---@param path string
---@param options? pelt.DataOptions
---@return pelt.feed
function pelt.data.json(path, options) end

---An object a line.
---@param path string
---@param options? pelt.DataOptions
---@return pelt.feed
function pelt.data.jsonl(path, options) end

---@class pelt.feed
---@operator len: integer
local feed = {}

---The user's next row.
---@return table
function feed:next() end

---Row k, 1 to #feed, also while the file is loaded, in setup and in teardown.
---@param k integer
---@return table
function feed:row(k) end

---@class pelt.shared
pelt.shared = {}

---The counter of this name, 0 at first.
---@param name string
---@return pelt.shared.counter
function pelt.shared.counter(name) end

---The queue of this name.
---@param name string
---@return pelt.shared.queue
function pelt.shared.queue(name) end

---@class pelt.shared.counter
local counter = {}

---@param n? integer default 1
---@return integer value which nobody else gets
function counter:add(n) end

---@return integer
function counter:get() end

---@class pelt.shared.queue
local queue = {}

---Adds a copy at the end.
---@param value pelt.Json
function queue:push(value) end

---Takes out the oldest; nil at once if there is none.
---@return pelt.Json
function queue:pop() end

---@return integer
function queue:len() end

---@class pelt.metric
pelt.metric = {}

---@class pelt.MetricOptions
---@field unit? string of the values; a trend without one takes times
---@field decimals? integer of a trend with a unit, 0 to 3

---Whole numbers from 0 that are added up. Declared at the top of the file, as all metrics.
---@param name string
---@param options? pelt.MetricOptions
---@return pelt.metric.handle
function pelt.metric.counter(name, options) end

---A value that goes up and down: last, min, max.
---@param name string
---@param options? pelt.MetricOptions
---@return pelt.metric.handle
function pelt.metric.gauge(name, options) end

---How often it was true.
---@param name string
---@param options? pelt.MetricOptions
---@return pelt.metric.handle
function pelt.metric.share(name, options) end

---Times, or with a unit numbers: percentiles.
---@param name string
---@param options? pelt.MetricOptions
---@return pelt.metric.handle
function pelt.metric.trend(name, options) end

---@class pelt.metric.handle
local handle = {}

---@param value any what the kind of metric takes
---@param tags? table<string, string>
function handle:add(value, tags) end

-- ---- the table that a scenario returns ----

---@class pelt.Scenario
---@field name? string name of the run; default: the file's name
---@field target? string base URL of relative paths; --target wins
---@field load? pelt.Load|pelt.LoadStages|pelt.LoadShape
---@field iteration? fun(user: pelt.user, data: any) either this or tasks
---@field tasks? pelt.Task[] one is drawn for each iteration
---@field user_init? fun(user: pelt.user, data: any) once before a user's first iteration
---@field user_exit? fun(user: pelt.user, data: any) once when a user ends
---@field pacing? pelt.Duration from start to start of a user's iterations
---@field think? pelt.Duration|fun(user: pelt.user): pelt.Duration between two iterations
---@field dns_ttl? pelt.Duration how long the addresses of a name are used, default 30 s
---@field connections? "shared" the users of a thread share connections; default: each user has its own
---@field http2? boolean|pelt.Http2 HTTP/2 is spoken, to all servers; --http2 does so, too
---@field tls? pelt.Tls of its https requests; options of the command line win
---@field trace? boolean|pelt.Trace requests carry ids for the server's traces and logs
---@field agents? string|table<integer|string, string|pelt.Agent> pelt-agents on the hosts under test: URLs, "NAME=URL", or by name; --agent wins
---@field observe? ("server_timing"|"cache")[]|"server_timing"|"cache" what of the answers' own words is measured
---@field setup? fun(): pelt.Json runs once before the load; what it returns is `data`
---@field teardown? fun(data: any) runs once after the load
---@field thresholds? (string|pelt.Threshold|(string|pelt.Threshold)[])[]
---@field alerts? pelt.Alerts what is told while the run goes, and judges nothing

---@class pelt.Alerts
---@field [integer] pelt.Alert|pelt.Alerts
---@field webhook? string URL to which each alert that fires or is resolved is posted

---@class pelt.Alert
---@field alert string its name: "HighErrorRate"
---@field rule? string what must hold, as a threshold's text: "errors share < 5% over 10s"; or as keys:
---@field metric? string
---@field name? string
---@field stat? string not of apdex
---@field t? number|string of apdex and goodput: the time within which a request counts
---@field max? number|string
---@field min? number|string
---@field over? number|string whole seconds: the window whose figure is looked at, once a second; default one second
---@field for? number|string whole seconds: fires when broken for so long in a row
---@field delay? number|string whole seconds in which nothing is looked at

---@class pelt.Http2
---@field streams? integer requests in flight on a connection at most; default 100
---@field window? string|integer bytes of a body that the server may send before it hears that they were read; default "6m"

---@class pelt.Tls
---@field backend? "mbedtls"|"openssl" the library, default mbedtls
---@field ca? string file or folder of certificates to trust instead of the system's
---@field cert? string file of a client certificate with its chain
---@field key? string file of its key; default: in the file of cert
---@field insecure? boolean accept any certificate
---@field min? "1.2"|"1.3" lowest version, default 1.2
---@field max? "1.2"|"1.3" highest version
---@field ciphers? string names of OpenSSL or IANA, with colons between
---@field resume? boolean false: each connection has a full handshake

---@class pelt.Agent
---@field url string where pelt-agent listens: "http://10.0.0.5:9646"
---@field name? string of metrics and reports: server.NAME.nofile.ratio; default: as the agent says
---@field token_file? string file whose first line is its bearer token

---@class pelt.Task
---@field name string
---@field weight? number above 0, default 1
---@field run fun(user: pelt.user, data: any)

---@class pelt.Threshold
---@field metric string
---@field name? string
---@field stat? string not of apdex
---@field t? number|string of apdex and goodput: the time within which a request counts
---@field max? number|string
---@field min? number|string
---@field target? number|string
---@field warning? number|string
---@field critical? number|string
---@field over? number|string whole seconds: the worst window of this length
---@field for? number|string whole seconds: missed only if broken for so long in a row
---@field trend? boolean the change over the run, as a share of the mean
---@field abort? boolean missed, it stops the run
---@field delay? number|string whole seconds in which nothing is judged

---@class pelt.GrpcOptions
---@field descriptors string file, from the scenario's folder: protoc --include_imports --descriptor_set_out=FILE
---@field service string with its package: "helloworld.Greeter"
---@field base? string URL of the server, default the target
---@field metadata? table<string, string|number> sent with each call
---@field timeout? pelt.Duration of a call, told to the server as well; default 120 s, and not told
---@field max_message? integer bytes of a message of the server, default 4194304
---@field expect? string|string[] statuses that are ok as well: "NOT_FOUND"

---@class pelt.GrpcCallOptions
---@field metadata? table<string, string|number> win over the service's
---@field timeout? pelt.Duration
---@field name? string name of the series in the report, default "POST /PACKAGE.SERVICE/METHOD"

---@class pelt.GrpcStreamOptions
---@field metadata? table<string, string|number>
---@field timeout? pelt.Duration of the whole exchange
---@field name? string
---@field between? pelt.Duration the longest silence, default 60 s

---A service of gRPC, over HTTP/2; call it where the file is loaded.
---@param options pelt.GrpcOptions
---@return pelt.GrpcService
function pelt.grpc(options) end

---@class pelt.GrpcService
local service = {}

---Calls a method that answers with one message.
---@param method string
---@param message? table by the names of the fields
---@param options? pelt.GrpcCallOptions
---@return pelt.GrpcAnswer
function service:call(method, message, options) end

---Calls a method that answers with a stream of messages. For a generic for, or to be kept.
---@param method string
---@param message? table
---@param options? pelt.GrpcStreamOptions
---@return pelt.GrpcStream
function service:stream(method, message, options) end

---@class pelt.GrpcAnswer
---@field ok boolean
---@field message? table nil unless the status is OK
---@field code? integer of the status: 0 is OK; nil: none came
---@field status? string its name: "OK", "NOT_FOUND", ...
---@field reason? string what the server says of it, for people
---@field error? string the class: grpc_status grpc_message http_status timeout bad_body body_too_large ...
---@field headers pelt.headers of head and trailer
---@field duration number seconds from due to done
---@field service number seconds from sent to done

---@class pelt.GrpcStream as pelt.stream, of which it has all other fields
---@field code? integer
---@field status? string
---@field reason? string
---@field error? string
local messages = {}

---The next message, waited for; nil: the stream has ended.
---@return table?
function messages:next() end

---Gives up what has not come.
function messages:close() end

---@class pelt.llm
pelt.llm = {}

---@class pelt.LlmSlo
---@field ttft? pelt.Duration first content after the request was sent
---@field ttft_due? pelt.Duration first content after the request was due
---@field ttfo? pelt.Duration first content that is not reasoning, after the request was sent
---@field tpot? pelt.Duration time per output token after the first
---@field e2e? pelt.Duration last content after the request was sent
---@field e2e_due? pelt.Duration last content after the request was due

---@class pelt.LlmOptions
---@field prompt? string|pelt.Prompt what is asked, as one message of a user; or what prompts:next() gave
---@field messages? table[] the whole conversation instead: { { role = "user", content = "..." }, ... }
---@field model? string
---@field max_tokens? integer
---@field max_completion_tokens? integer
---@field temperature? number
---@field top_p? number
---@field stop? string|string[]
---@field seed? integer
---@field body? table<string, pelt.Json> further members of the request's body
---@field stream? boolean default true; false: the answer in one piece
---@field usage? boolean default true: a streamed answer is asked for its usage
---@field slo? pelt.LlmSlo bounds that an answer must meet to count as good
---@field between? pelt.Duration the longest silence of a stream, default 60 s
---@field name? string name of the series in the report
---@field headers? table<string, string|number> win over the client's and --header
---@field timeout? pelt.Duration of the whole exchange, default 120 s
---@field auth? pelt.Auth
---@field cookies? boolean whether the user's cookies are sent and kept, default true

---@class pelt.Answer
---@field ok boolean it came whole
---@field text? string nil: no answer in one piece came
---@field reasoning? string
---@field finish_reason? string
---@field status integer 0: no head came
---@field error? string the class: http_status llm_cut llm_error llm_bad_chunk truncated timeout ...
---@field message? string of the error, for people: the server's own where it gave one
---@field tokens? integer of the output, as counted in llm_output_tokens
---@field prompt_tokens? integer
---@field cached_tokens? integer
---@field usage? table as the server gave it
---@field chunks integer with content
---@field ttft? number seconds; nil: there was none
---@field ttft_due? number
---@field ttfo? number
---@field tpot? number
---@field e2e? number
---@field e2e_due? number
---@field good? boolean met the slo; nil: there was none

---Asks a language model behind an API of OpenAI's shape, and counts llm_* of its answer.
---@param client pelt.http.client? may also be left out
---@param path string
---@param options pelt.LlmOptions
---@return pelt.Answer
---@overload fun(path: string, options: pelt.LlmOptions): pelt.Answer
function pelt.llm.chat(client, path, options) end

---@alias pelt.Law number|table # { "lognormal", mean = 200, sigma = 0.5, min = 1, max = 4000 }; fixed uniform normal exponential zipf

---@class pelt.PromptPrefix
---@field groups integer so many different beginnings
---@field words pelt.Law their length
---@field share? pelt.Share of the prompts that begin with one, default all
---@field zipf? number group k comes with weight k^-zipf; default: all equally often

---@class pelt.PromptReuse
---@field prompts? integer how many there are; of a file: the first so many rows, default all
---@field zipf? number prompt k comes with weight k^-zipf; default: all equally often

---@class pelt.PromptOptions
---@field words? pelt.Law length of texts that are made of words
---@field file? string or texts of a file, an object a line: { "prompt": "...", "max_tokens": 100 }
---@field field? string which member of a row is the text, default prompt, text or message
---@field order? "sequential"|"random"|"shuffle"|"unique" of the rows
---@field on_end? "stop"|"error"|"wrap" of unique rows
---@field prefix? pelt.PromptPrefix beginnings that prompts share
---@field reuse? pelt.PromptReuse a pool of prompts that come again
---@field max_tokens? pelt.Law of answers
---@field turns? pelt.Law of a session, default 1
---@field think? pelt.Law of durations: time before each turn but the first
---@field system? string a session's first message

---Prompts for users; call it where the file is loaded.
---@param options pelt.PromptOptions
---@return pelt.Prompts
function pelt.llm.prompts(options) end

---@class pelt.Prompt
---@field text? string
---@field messages? table[] of a row that has them
---@field words? integer of a text made of words
---@field max_tokens? integer
---@field number? integer in the pool
---@field group? integer whose beginning it has
---@field row? table of the file

---@class pelt.Prompts
local prompts = {}

---The running user's next prompt.
---@return pelt.Prompt
function prompts:next() end

---Prompt k of the pool.
---@param k integer 1 to #prompts
---@return pelt.Prompt
function prompts:at(k) end

---A conversation of the running user.
---@return pelt.Session
function prompts:session() end

---@class pelt.Session
---@field messages table[] what was said so far
---@field turn integer 1 for the first
---@field turns integer
---@field prompt? pelt.Prompt of this turn, until it is asked
---@field max_tokens? integer of this turn
local session = {}

---Goes on to the next turn, after the think time; false: it is over.
---@return boolean
function session:next() end

---Asks this turn's prompt behind all that was said; what is not answered is taken back.
---@param client pelt.http.client? may also be left out
---@param path string
---@param options? pelt.LlmOptions
---@return pelt.Answer
---@overload fun(self: pelt.Session, path: string, options?: pelt.LlmOptions): pelt.Answer
function session:chat(client, path, options) end

return pelt
