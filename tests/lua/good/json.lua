local json = require("pelt").json

return {
    iteration = function()
        assert(json.encode { 1, "a", true, json.null, 1.5 } == '[1,"a",true,null,1.5]')
        assert(json.encode {} == "{}" and json.encode(json.array {}) == "[]" and json.encode("x") == '"x"')
        assert(json.encode { 1.0, -0.5, 1e300, math.mininteger, math.maxinteger }
            == "[1.0,-0.5,1e+300,-9223372036854775808,9223372036854775807]")
        assert(json.encode { 19.99, 0.1 + 0.2, 5e-324, 1 / 3, 1e15, 1e17, -0.0 }
            == "[19.99,0.30000000000000004,4.94065645841247e-324,0.3333333333333333,1e+15,1e+17,-0.0]")
        assert(json.encode('"\\/\b\f\n\r\t\0\x1f\x7f é€😀') == '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001F\x7f é€😀"')
        for _, number in ipairs { 0.1, 1e-7, 123456789.125, 2 ^ 53, -1e100, 0.1 + 0.2, 1 / 3, 5e-324 } do
            local again = json.decode(json.encode(number))
            assert(again == number and math.type(again) == "float")
        end
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
        for _, bytes in ipairs { "\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff" } do
            refused(bytes, "value.list is not UTF-8 text")
            refused({ [bytes] = 1 }, "has a key that is not UTF-8 text")
        end
        refused({ { a = { 1, { b = print } } } }, "value.list[1].a[2].b is a function, which JSON does not have")
        local circle = {}
        circle[1] = circle
        refused(circle, "is nested too deep, or contains itself")
        refused({ 1, 2, foo = "x" }, "value.list.foo is in a list")
        refused({ 1, 2, [true] = "x" }, "value.list has keys that are neither 1..n nor strings")
        refused({ [1] = 1, [3] = 3 }, "value.list[3] is outside of 1..n: fill holes")
        refused({ 1, nil, 3 }, "value.list is a list with holes")
        refused(json.array { foo = 1 }, "value.list.foo is in a list")
    end,
}
