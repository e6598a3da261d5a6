-- Bodies: compressed ones, and what is taken out of them.
local pelt = require "pelt"
local http = pelt.http

local function iteration(user)
    -- asked for: the client undoes it (it is said to the request)
    local r = http.get("/decoded/x", { compressed = true })
    assert(r:json("/headers/accept-encoding") == "gzip, deflate, br, zstd")
    assert(r.body:sub(1, 1) == "{" and not r.body_cut and r.headers["X-Decoded"] == "yes")
    assert(http.get("/decoded", { headers = { ["Accept-Encoding"] = "gzip" } }).headers["X-Decoded"] == "yes")
    assert(http.get("/decoded").headers["X-Decoded"] == "no")
    r = http.get("/decoded", { compressed = "br;q=1.0, gzip;q=0.5" })
    assert(r:json("/headers/accept-encoding") == "br;q=1.0, gzip;q=0.5" and r.headers["X-Decoded"] == "yes")

    local api = http.client { compressed = true }
    assert(api:get("/x"):json("/headers/accept-encoding") == "gzip, deflate, br, zstd")
    assert(http.client({ compressed = "br" }):get("/x"):json("/headers/accept-encoding") == "br")
    assert(api:get("/x", { compressed = false }):json("/headers/accept-encoding") == nil)

    -- two responses at once: each has its own body
    local a, b = http.get("/decoded/a", { compressed = true }), http.get("/decoded/b", { compressed = true })
    for _ = 1, 2 do
        assert(a:match("/decoded/(%w)") == "a" and b:match("/decoded/(%w)") == "b")
    end

    r = http.get("/text") -- "plain text"
    assert(r:match("plain") == "plain" and r:match("(%a+) (%a+)") == "plain")
    assert(select(2, r:match("(%a+) (%a+)")) == "text")
    assert(r:match("^text") == nil and r:match("text", 7) == "text" and r:match("plain", 2) == nil)
    assert(r:match("()text") == 7)

    assert(r:regex("pl.in") == "plain")
    assert(r:regex("(?i)(PLAIN) (t.*)") == "plain" and select(2, r:regex("(?i)(PLAIN) (t.*)")) == "text")
    assert(r:regex("absent") == nil)
    local x, y = r:regex("(absent)|(text)")
    assert(x == nil and y == "text")
    assert(r:regex("(?<=plain )\\w+") == "text")
    assert(http.get("/refused"):regex("x") == nil and http.get("/refused"):match("x") == nil)

    local ok, why = pcall(r.regex, r, "(open")
    assert(not ok and why:find("pattern '(open', at character 6", 1, true), why)
    ok, why = pcall(r.match, r, "(plain")
    assert(not ok and why:find("unfinished capture", 1, true), why)
    ok, why = pcall(r.regex, r)
    assert(not ok, why)
    local slow = http.post("/x", { body = ("a"):rep(3000) })
    ok, why = pcall(slow.regex, slow, "(aa+)+\"t")
    assert(not ok and why:find("needs more than 10", 1, true), why)
    ok, why = pcall(http.get, "/x", { compressed = 1 })
    assert(not ok and why:find("compressed: true or false is expected", 1, true), why)
    for i = 1, 300 do assert(r:regex("plain|" .. i) == "plain") end
end

return { iteration = iteration }
