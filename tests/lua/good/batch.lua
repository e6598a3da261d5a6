-- Several requests of one user at once.
local pelt = require "pelt"
local http = pelt.http

local api = http.client { headers = { ["X-Api"] = "1" } }

local function iteration(user)
    local list = http.batch {
        "/a",
        { "POST", "/b", { json = { n = 1 }, name = "b" } },
        { "GET", "/status/404", { expect = 404 } },
        "/refused",
        { "get-it", "/c" },
    }
    assert(#list == 5)
    assert(list[1]:json("/target") == "/base/a")
    assert(list[2]:json("/body") == '{"n":1}' and list[2]:json("/method") == "POST")
    assert(list[3].status == 404 and list[3].ok)
    assert(list[4].status == 0 and list[4].error == "connect")
    assert(list[5]:json("/method") == "get-it")

    assert(api:batch({ "/a" })[1]:json("/headers/x-api") == "1")
    assert(#http.batch {} == 0)

    -- more than there are connections
    local many = {}
    for i = 1, 40 do many[i] = "/n/" .. i end
    list = http.batch(many)
    for i = 1, 40 do assert(list[i]:json("/target") == "/base/n/" .. i) end

    -- cookies and redirects
    list = http.batch { "/cookie/one=1", { "GET", "/redirect/302/there", { redirects = 2 } }, "/cookie/two=2" }
    assert(list[2]:json("/target") == "/base/there" and list[2].redirects == 1)
    assert(user.cookies:get("one") == "1" and user.cookies:get("two") == "2")
    user.cookies:clear()

    for _, case in ipairs {
        { { 7 }, "entry 1: a URL" }, { { "/a", {} }, "entry 2: a URL" }, { { { "GET" } }, "entry 1" },
        { { { "GET", "/a", {}, 1 } }, "entry 1" }, { { { "GET", "/a", { nmae = 1 } } }, "did you mean 'name'" },
        { { { "GET", "a b" } }, "http.batch: " },
    } do
        local ok, why = pcall(http.batch, case[1])
        assert(not ok and why:find(case[2], 1, true), why)
    end
    local ok, why = pcall(http.batch, "/a")
    assert(not ok and why:find("a list of requests is expected", 1, true), why)
    for i = 1, 101 do many[i] = "/x" end
    ok, why = pcall(http.batch, many)
    assert(not ok and why:find("101 requests: at most 100", 1, true), why)
end

return { iteration = iteration }
