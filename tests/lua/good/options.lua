-- Options tables that are used again: what is sent is what they say at the call, not what they said at the first one.
local pelt = require "pelt"
local http = pelt.http

local function field(r, name) return r:json("/headers/" .. name) end

local opts = { headers = { ["X-A"] = "1", ["X-B"] = "2" }, name = "item", expect = { 404 } }

-- Enough calls for what can be kept to be kept.
local function warm(o)
    for _ = 1, 4 do http.get("/warm", o) end
end

local function changes()
    local o = { headers = { ["X-A"] = "1", ["X-B"] = "2" }, name = "item", expect = { 404 } }
    warm(o)
    assert(field(http.get("/1", o), "x-a") == "1")
    o.headers["X-A"] = "changed"
    assert(field(http.get("/1", o), "x-a") == "changed")
    o.headers["X-C"] = "added"
    assert(field(http.get("/1", o), "x-c") == "added")
    o.headers["X-B"] = nil
    assert(field(http.get("/1", o), "x-b") == nil)
    o.headers = { ["X-D"] = "d" }
    local r = http.get("/1", o)
    assert(field(r, "x-d") == "d" and field(r, "x-a") == nil)

    assert(http.get("/status/404", o).ok and not http.get("/status/410", o).ok)
    o.expect[1] = 410
    assert(http.get("/status/410", o).ok and not http.get("/status/404", o).ok)
    o.expect = nil
    assert(not http.get("/status/410", o).ok)

    o.body = "one"
    assert(http.post("/1", o):json("/body") == "one")
    o.body = "two and more"
    r = http.post("/1", o)
    assert(r:json("/body") == "two and more" and field(r, "content-length") == "12")
    o.body, o.json = nil, { n = 1 }
    r = http.post("/1", o)
    assert(r:json("/body") == '{"n":1}' and field(r, "content-type") == "application/json")
    o.json.n = { 2, "x" }
    assert(http.post("/1", o):json("/body") == '{"n":[2,"x"]}')
    o.json = nil
    r = http.post("/1", o)
    assert(field(r, "content-length") == "0" and field(r, "content-type") == nil)

    o.nmae = "x"
    local ok, why = pcall(http.get, "/1", o)
    assert(not ok and why:find("did you mean 'name'", 1, true), why)
    o.nmae, o.headers["X-D"] = nil, "a\nb"
    ok, why = pcall(http.get, "/1", o)
    assert(not ok and why:find("its value has a line break", 1, true), why)
end

-- Values that look alike.
local function alike()
    local o = { headers = { N = 1 } }
    warm(o)
    assert(field(http.get("/1", o), "n") == "1")
    o.headers.N = 1.0
    assert(field(http.get("/1", o), "n") == "1.0")
    o.headers.N = "1.00"
    assert(field(http.get("/1", o), "n") == "1.00")
    local long = ("x"):rep(50)
    for i = 1, 6 do -- long strings are not one object for one content
        o.headers.N = long .. i
        assert(field(http.get("/1", o), "n") == long .. i)
        warm { headers = { N = long .. i } }
        collectgarbage()
    end
end

-- One table with several methods, clients and origins.
local function elsewhere()
    local other = http.client { headers = { ["X-A"] = "client", ["X-E"] = "e" }, base = "http://api:81/v1/" }
    for _ = 1, 4 do
        local r = http.get("/1", opts)
        assert(r:json("/method") == "GET" and r:json("/target") == "/base/1" and field(r, "x-e") == nil)
        assert(http.delete("/1", opts):json("/method") == "DELETE")
        assert(http.request("PURGE", "/1", opts):json("/method") == "PURGE")
        r = other:get("/1?q=1#f", opts)
        assert(r:json("/target") == "/v1/1?q=1" and field(r, "host") == "api:81")
        assert(field(r, "x-a") == "1" and field(r, "x-e") == "e")
        r = http.get("http://third:82/1", opts)
        assert(r:json("/target") == "/1" and field(r, "host") == "third:82" and field(r, "x-b") == "2")
        r = http.get("http://third:82?q", opts)
        assert(r:json("/target") == "/?q")
    end
    local ok, why = pcall(http.get, "/a b", opts)
    assert(not ok and why:find('path "/a b": blanks', 1, true), why)
end

-- What setup returned is read through a view.
local function from_setup(data)
    for _ = 1, 4 do
        local r = http.get("/1", { headers = data.headers, expect = data.expect })
        assert(field(r, "x-data") == "from setup")
        assert(http.get("/status/418", { headers = data.headers, expect = data.expect }).ok)
    end
    assert(http.post("/1", { json = data.list }):json("/body") == '[1,2,{"x":null}]')
    assert(http.post("/1", data.options):json("/body") == "given")
end

local function many()
    for i = 1, 200 do
        local o = { headers = { ["X-I"] = "i" .. i % 70 } }
        assert(field(http.get("/1", o), "x-i") == "i" .. i % 70)
    end
end

return {
    iteration = function(user, data)
        changes()
        alike()
        elsewhere()
        from_setup(data)
        if user.iteration == 0 then many() end
    end,
}
