-- What comes back.
local pelt = require "pelt"
local http = pelt.http

return {
    iteration = function()
        local r = http.get("/status/404")
        assert(r.status == 404 and not r.ok and r.error == "http_status" and r:json("/method") == "GET")
        assert(http.get("/status/404", { expect = { 404, 410 } }).ok)
        assert(http.get("/status/404", { expect = 404 }).ok)

        r = http.get("/refused")
        assert(r.status == 0 and r.error == "connect" and r.body == nil and r:json("/x") == nil and not r.ok)
        assert(r.headers["Content-Type"] == nil)
        for _ in pairs(r.headers) do error("a header without an answer") end

        r = http.get("/text")
        assert(r.body == "plain text" and r:json() == nil and r:json("/x") == nil)
        assert(r.headers["content-TYPE"] == "application/json" and r.headers["X-None"] == nil)
        local names = {}
        for name, value in pairs(r.headers) do names[#names + 1] = name .. "=" .. value end
        assert(table.concat(names, ",") == "Content-Type=application/json,X-Two=a")
        assert(math.abs(r.duration - 0.005) < 1e-9 and math.abs(r.service - 0.004) < 1e-9 and not r.body_cut)
        assert(tostring(r) == "response: ok, status 200, 10 bytes")

        local first, second = http.get("/1"), http.get("/2")
        assert(first:json("/target") == "/base/1" and second:json("/target") == "/base/2")
        assert(first:json("/target") == "/base/1")
        assert(first:json("/list/0") == 1 and first:json("/list/1") == 2.5 and first:json("/list/2") == "three")
        assert(first:json("/list/4") == nil and first:json("/list/-") == nil and first:json("/list/00") == nil)
        assert(first:json("/none") == nil and first:json().none == pelt.json.null)
        assert(pelt.json.encode(first:json("/list")) == '[1,2.5,"three",[]]')

        local ok, why = pcall(function() return r.stauts end)
        assert(not ok and why:find("a response has no field 'stauts'", 1, true))
        ok, why = pcall(r.json, {}, "/x")
        assert(not ok and why:find("pelt.response expected", 1, true))
        assert(getmetatable(r) == "pelt.response")
        ok, why = pcall(r.json, r, "x")
        assert(not ok and why:find("a JSON pointer starts with '/'", 1, true))
    end,
}
