-- How a client behaves, bodies that wait, what is called again: options as they are read, from call to call.
local pelt = require "pelt"
local http = pelt.http

local function refused(options, text)
    local ok, why = pcall(http.get, "/x", options)
    assert(not ok and why:find(text, 1, true), why)
end

local function expects(options) return http.post("/x", options):json("/headers/expect") end

local function iteration()
    for _ = 1, 4 do -- also by a kept template
        assert(expects { body = "hello", expect_continue = true } == "100-continue")
        assert(expects { body = "hello", expect_continue = "1k" } == nil)
        assert(expects { body = ("x"):rep(1024), expect_continue = "1k" } == "100-continue")
        assert(expects { body = "", expect_continue = true } == nil)
        assert(expects { expect_continue = true } == nil)
        assert(expects { body = "hello", expect_continue = false } == nil)
        assert(http.get("/x", { behave = { read_rate = "1k", abandon_after = 0, half_close = true } }).ok)
        assert(http.get("/x", { retry_stale = true }).ok)
    end
    local changing = { behave = { read_rate = 1 } }
    for i = 1, 4 do
        changing.behave.read_rate = i < 4 and i or nil
        assert(http.get("/x", changing).ok)
    end
    assert(http.client({ retry_stale = true }):get("/x").ok)

    refused({ behave = { write_rate = 0 } }, "write_rate: 0 bytes a second")
    refused({ behave = { abandon = 1 } }, "unknown option 'abandon'")
    refused({ behave = true }, "behave: a table is expected")
    refused({ expect_continue = -1 }, "expect_continue: a size is expected")
    refused({ retry_stale = "yes" }, "retry_stale: true or false is expected")
    -- a login of Digest: nothing is sent of it before it is asked for
    local login = { auth = { digest = { user = "ada", password = "secret" } } }
    for _ = 1, 3 do assert(http.get("/x", login):json("/headers/authorization") == nil) end
    local api = http.client { auth = { digest = { user = "ada", password = "secret" } } }
    assert(api:get("/x"):json("/headers/authorization") == nil)
    assert(api:get("/x", { auth = { bearer = "b" } }):json("/headers/authorization") == "Bearer b")
    assert(http.client({ auth = { bearer = "b" } }):get("/x", login):json("/headers/authorization") == nil)
    refused({ auth = { digest = { user = "ada" } } }, "digest: give user and password")
    refused({ auth = { digest = { user = "ada", password = "a", realm = "x" } } }, "unknown key 'realm'")
end

return { iteration = iteration }
