-- Redirects are followed on request only.
local pelt = require "pelt"
local http = pelt.http

local follow = { redirects = 3 }

local function iteration(user)
    local r = http.get("/redirect/302/there")
    assert(r.status == 302 and r.ok and r.redirects == 0 and r.error == nil)

    r = http.get("/redirect/302/there", follow)
    assert(r.status == 200 and r.ok and r.redirects == 1)
    assert(r:json("/target") == "/base/there" and r:json("/method") == "GET")
    assert(http.get("/plain", follow).redirects == 0)

    -- method and body
    for _, status in ipairs { 301, 302, 303 } do
        r = http.post("/redirect/" .. status .. "/there", { redirects = 1, json = { a = 1 } })
        assert(r:json("/method") == "GET" and r:json("/body") == "")
        assert(r:json("/headers/content-type") == nil and r:json("/headers/content-length") == nil)
    end
    for _, status in ipairs { 307, 308 } do
        r = http.post("/redirect/" .. status .. "/there", { redirects = 1, json = { a = 1 } })
        assert(r:json("/method") == "POST" and r:json("/body") == '{"a":1}')
        assert(r:json("/headers/content-type") == "application/json")
    end

    -- secrets stay with their origin; other headers go along
    local with = { redirects = 2, auth = { bearer = "t" }, headers = { ["X-Own"] = "1" } }
    r = http.get("/redirect/302/there", with)
    assert(r:json("/headers/authorization") == "Bearer t" and r:json("/headers/x-own") == "1")
    r = http.get("/away/302/there", with)
    assert(r:json("/headers/authorization") == nil and r:json("/headers/x-own") == "1")
    assert(r:json("/headers/host") == "other:80" and r:json("/target") == "/there")

    -- cookies of the user where they belong
    user.cookies:set("sid", "1")
    assert(http.get("/redirect/302/there", follow):json("/headers/cookie") == "sid=1")
    assert(http.get("/away/302/there", follow):json("/headers/cookie") == nil)
    user.cookies:clear()

    -- how it ends when it does not end well
    r = http.get("/redirect/302/redirect/302/redirect/302/there", { redirects = 2 })
    assert(r.status == 302 and r.redirects == 2 and not r.ok and r.error == "too_many_redirects")
    assert(http.get("/redirect/302/redirect/302/redirect/302/there", follow).status == 200)
    r = http.get("/away/302/further", follow)
    assert(r.status == 302 and r.redirects == 0 and not r.ok and r.error == "too_many_servers")
    local ok, why = pcall(http.get, "http://further/")
    assert(not ok and why:find("more than 1000 servers", 1, true))
    r = http.get("/redirect/302//host:99999/", follow)
    assert(r.status == 302 and not r.ok and r.error == "bad_redirect" or r.status == 200)
    assert(http.get("/status/304", follow).status == 304)
    assert(http.get("/status/301", follow).ok) -- without a Location it is the answer
    r = http.get("/redirect/302/refused", follow)
    assert(r.status == 0 and r.error == "connect" and r.redirects == 1)

    -- a client's
    local api = http.client { redirects = 1 }
    assert(api:get("/redirect/302/there").status == 200)
    assert(api:get("/redirect/302/there", { redirects = 0 }).status == 302)

    for _, wrong in ipairs { -1, 51, 1.5, "3", true } do
        local ok, why = pcall(http.get, "/x", { redirects = wrong })
        assert(not ok and why:find("redirects: '" .. tostring(wrong) .. "': give how many hops", 1, true), why)
    end
end

return { iteration = iteration }
