-- auth: what is sent, and that a message never shows it.
local pelt = require "pelt"
local http = pelt.http

local function sent(options) return http.get("/x", options):json("/headers/authorization") end

local function refused(auth, text)
    local ok, why = pcall(http.get, "/x", { auth = auth })
    assert(not ok and why:find(text, 1, true), why)
    assert(not why:find("secret", 1, true), why)
end

local function iteration(user)
    for _ = 1, 4 do
        assert(sent { auth = { user = "ada", password = "secret" } } == "Basic YWRhOnNlY3JldA==")
        assert(sent { auth = { bearer = "tok" } } == "Bearer tok")
        assert(sent { auth = { user = "ada", password = "" } } == "Basic YWRhOg==")
    end
    local changing = { auth = { bearer = "1" } }
    for i = 1, 4 do
        changing.auth.bearer = tostring(i)
        assert(sent(changing) == "Bearer " .. i)
    end

    local api = http.client { auth = { user = "ada", password = "secret" } }
    assert(api:get("/x"):json("/headers/authorization") == "Basic YWRhOnNlY3JldA==")
    assert(api:get("/x", { auth = { bearer = "b" } }):json("/headers/authorization") == "Bearer b")
    assert(api:get("/x", { headers = { Authorization = "Own 1" } }):json("/headers/authorization") == "Own 1")

    refused("secret", "auth: a table is expected")
    refused({}, "give user and password, digest, or bearer")
    refused({ user = "ada" }, "give user and password, digest, or bearer")
    refused({ user = "a", password = "secret", bearer = "secret" }, "give user and password, digest, or bearer")
    refused({ user = "a:b", password = "secret" }, "no ':'")
    refused({ bearer = "secret\nX: y" }, "a line break is in it")
    refused({ bearer = 7 }, "bearer: a string is expected, not a number")
    refused({ basic = { "a", "secret" } }, "auth: unknown key 'basic': write { user = ")
end

return { iteration = iteration }
