-- What is sent: method, target, headers, body.
local pelt = require "pelt"
local http = pelt.http

local api = http.client { headers = { ["X-Client"] = 7, ["X-Line"] = "client" }, timeout = "5s", base = "http://api:81" }

local function field(r, name) return r:json("/headers/" .. name) end

return {
    iteration = function(user)
        local r = http.get("/a?b=1#c")
        assert(r.status == 200 and r.ok and r.error == nil)
        assert(r:json("/method") == "GET" and r:json("/target") == "/base/a?b=1")
        assert(field(r, "host") == "target:80")
        assert(field(r, "x-line") == "from the command line")
        assert(field(r, "user-agent"):match("^pelt/%d"))
        assert(field(r, "content-length") == nil)

        r = http.get("http://other:99")
        assert(r:json("/target") == "/" and field(r, "host") == "other:99")

        r = http.post("/p", { json = { list = { 1, 2 }, text = "ü", nested = { x = true } } })
        assert(field(r, "content-type") == "application/json")
        local body = pelt.json.decode(r:json("/body"))
        assert(body.list[2] == 2 and body.text == "ü" and body.nested.x == true)
        assert(tonumber(field(r, "content-length")) == #r:json("/body"))

        r = http.post("/p", { json = {}, headers = { ["content-type"] = "application/x" } })
        assert(field(r, "content-type") == "application/x" and r:json("/body") == "{}")
        assert(http.post("/p", { json = pelt.json.array {} }):json("/body") == "[]")
        assert(http.put("/p", { body = "raw" }):json("/body") == "raw")
        assert(field(http.post("/p"), "content-length") == "0")

        r = api:get("/x", { headers = { ["x-line"] = "call", n1 = 1, n2 = 2, n3 = 3 } })
        assert(r:json("/target") == "/x" and field(r, "host") == "api:81")
        assert(field(r, "x-client") == "7" and field(r, "x-line") == "call")
        assert(r:json("/fields") == 7) -- Host, User-Agent, X-Client, x-line, n1, n2, n3
        assert(field(r, "n1") == "1" and field(r, "n2") == "2" and field(r, "n3") == "3")
        assert(field(api:get("/x"), "x-line") == "client")
        assert(field(api:get("/x", { headers = { Host = "virtual" } }), "host") == "virtual")

        for _, method in ipairs { "patch", "delete", "options" } do
            assert(http[method]("/m"):json("/method") == method:upper())
            assert(api[method](api, "/m"):json("/method") == method:upper())
        end
        assert(http.request("PURGE", "/m"):json("/method") == "PURGE")
        assert(api:request("PURGE", "/m", { body = "b" }):json("/body") == "b")
        assert(http.head("/m").status == 200)
    end,
}
