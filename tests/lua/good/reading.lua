-- Bodies: compressed ones, and what is taken out of them.
local pelt = require "pelt"
local http = pelt.http

local function iteration(user)
    -- asked for, and decoded when read
    local r = http.get("/gzip/x", { compressed = true })
    assert(r:json("/headers/accept-encoding") == "gzip, deflate")
    assert(r.body:sub(1, 1) == "{" and not r.body_cut)
    assert(r:match('"target":"([^"]*)"') == "/base/gzip/x")
    assert(http.get("/gzip", { headers = { ["Accept-Encoding"] = "gzip" } }):json("/method") == "GET")
    -- not asked for: as it came
    r = http.get("/gzip")
    assert(r.body:byte(1) == 0x1f and r:json() == nil)
    -- damaged, or not compressed at all
    r = http.get("/damaged", { compressed = true })
    assert(r.ok and r.body == nil and r:json() == nil and r:match("x") == nil and r:regex("x") == nil)
    assert(http.get("/x", { compressed = true }):json("/method") == "GET")

    local api = http.client { compressed = true }
    assert(api:get("/x"):json("/headers/accept-encoding") == "gzip, deflate")
    assert(api:get("/x", { compressed = false }):json("/headers/accept-encoding") == nil)

    -- two responses at once: each has its own body
    local a, b = http.get("/gzip/a", { compressed = true }), http.get("/gzip/b", { compressed = true })
    for _ = 1, 2 do
        assert(a:match("/gzip/(%w)") == "a" and b:match("/gzip/(%w)") == "b")
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
