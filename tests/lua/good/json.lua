local json = require("pelt").json

return {
    iteration = function()
        assert(json.encode { 1, "a", true, json.null, 1.5 } == '[1,"a",true,null,1.5]')
        assert(json.encode {} == "{}" and json.encode(json.array {}) == "[]" and json.encode("x") == '"x"')
        local t = json.decode('{"a":[{"b":1}],"n":null,"big":9007199254740993}')
        assert(t.a[1].b == 1 and t.n == json.null and t.big == 9007199254740993)
        assert(json.encode(json.decode("[[],{}]")) == "[[],{}]")
        local value, why = json.decode("{nope}")
        assert(value == nil and why:find("byte"))
        local ok, message = pcall(json.encode, { a = { [true] = 1 } })
        assert(not ok and message:find("value.a has keys that are neither 1..n nor strings", 1, true))
        assert(not pcall(json.encode, 1 / 0))
        local function refused(value, why)
            local encoded, said = pcall(json.encode, { list = value })
            assert(not encoded and said:find(why, 1, true), said)
        end
        refused({ 1, 2, foo = "x" }, "value.list.foo is in a list")
        refused({ 1, 2, [true] = "x" }, "value.list has keys that are neither 1..n nor strings")
        refused({ [1] = 1, [3] = 3 }, "value.list[3] is outside of 1..n: fill holes")
        refused({ 1, nil, 3 }, "value.list is a list with holes")
        refused(json.array { foo = 1 }, "value.list.foo is in a list")
    end,
}
