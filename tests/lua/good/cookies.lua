-- A user's cookies: what answers set is sent back, to whom it belongs.
local pelt = require "pelt"
local http = pelt.http

local bare = http.client { cookies = false }
local other = { name = "other" }

local function sent(url, options) return http.get(url, options):json("/headers/cookie") end

local function iteration(user)
    if user.iteration == 0 then
        assert(sent("/x") == nil and user.cookies:get("sid") == nil)
        assert(http.get("/cookie/sid=" .. user.id .. ";Path=/").ok)
    end
    -- kept from iteration to iteration, by this user alone
    assert(sent("/x") == "sid=" .. user.id)
    assert(sent("/x", { name = "with options" }) == "sid=" .. user.id)
    assert(user.cookies:get("sid") == tostring(user.id))

    http.get("/cookie/deep=1;Path=/base/deep")
    assert(sent("/deep/x") == "deep=1; sid=" .. user.id)
    assert(sent("/x") == "sid=" .. user.id)
    http.get("/cookie/safe=1;Path=/;Secure")
    http.get("/cookie/foreign=1;Path=/;Domain=foreign.example")
    assert(sent("/x") == "sid=" .. user.id)
    assert(http.get("http://other/x"):json("/headers/cookie") == nil)

    -- switched off: neither sent nor taken
    assert(bare:get("/x"):json("/headers/cookie") == nil)
    assert(sent("/x", { cookies = false }) == nil)
    bare:get("/cookie/new=1;Path=/")
    http.get("/cookie/new=1;Path=/", { cookies = false })
    assert(user.cookies:get("new") == nil)
    assert(bare:get("/x", { cookies = true }):json("/headers/cookie") == "sid=" .. user.id)
    -- a call's own field stands alone
    assert(sent("/x", { headers = { Cookie = "mine=1" } }) == "mine=1")

    user.cookies:set("lang", "en")
    assert(sent("/x") == "sid=" .. user.id .. "; lang=en")
    user.cookies:set("there", "1", "http://other/")
    assert(sent("http://other/y") == "there=1")
    assert(user.cookies:get("there", "http://target:80/") == nil)
    assert(user.cookies:get("there", "http://other/y") == "1")
    user.cookies:clear("lang")
    assert(sent("/x") == "sid=" .. user.id)
    http.get("/cookie/sid=;Path=/;Max-Age=0")
    assert(sent("/x") == nil)
    user.cookies:set("a", "b")
    user.cookies:clear()
    assert(sent("/x") == nil and http.get("/x", other):json("/headers/cookie") == nil)
    http.get("/cookie/sid=" .. user.id .. ";Path=/")

    for _, wrong in ipairs { { "a=b", "c" }, { "a", "b;c" }, { "", "x" }, { "a", "b\n" } } do
        local ok, why = pcall(user.cookies.set, user.cookies, wrong[1], wrong[2])
        assert(not ok and why:find("no ';'", 1, true), why)
    end
    local ok, why = pcall(user.cookies.get, "sid")
    assert(not ok and why:find("with a colon", 1, true), why)
    ok, why = pcall(http.get, "/x", { cookies = "no" })
    assert(not ok and why:find("cookies: true or false is expected", 1, true), why)
end

return { iteration = iteration }
