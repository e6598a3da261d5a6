-- Numbers of JSON as Lua has them: an integer that 64 bits do not hold is a float, and nothing else changes.
local pelt = require "pelt"

local function is(value, expected)
    assert(value == expected and math.type(value) == math.type(expected), ("%s, not %s"):format(value, expected))
end

return {
    load = { users = 1, duration = "1s" },
    iteration = function()
        local r = pelt.http.get("/wide")
        is(r:json("/id"), 12345678901234567890.0)
        is(r:json("/one"), 1)
        local decode = pelt.json.decode
        is(decode "9223372036854775807", math.maxinteger)
        is(decode "9223372036854775808", 9223372036854775808.0)
        is(decode "-9223372036854775808", math.mininteger)
        is(decode "-9223372036854775809", -9223372036854775809.0)
        local list = decode [=[[18446744073709551616,1,2.0,-3,1e2,"99999999999999999999\"8\\",{"99999999999999999999":[
            99999999999999999999 ,9007199254740993]},10000000000000000000]]=]
        is(list[1], 18446744073709551616.0)
        is(list[2], 1)
        is(list[3], 2.0)
        is(list[4], -3)
        is(list[5], 100.0)
        assert(list[6] == '99999999999999999999"8\\')
        is(list[7]["99999999999999999999"][1], 1e20)
        is(list[7]["99999999999999999999"][2], 9007199254740993)
        is(list[8], 1e19)
        is(decode(("[%s%s]"):format(("0,"):rep(2000), ("9"):rep(300)))[2001], tonumber(("9"):rep(300)))
        local nothing, why = decode "[99999999999999999999,x]"
        assert(nothing == nil and why:find("byte 23)", 1, true), why)
        nothing, why = decode("[" .. ("9"):rep(400) .. "]")
        assert(nothing == nil and why:find("overflow"), why)
    end,
}
