-- find, match, gmatch, gsub and rep as the manual shows them; comparison with Lua's own: tests/fuzz/pattern_fuzz.c.
local function list(...) return table.concat({ ... }, " ") end

return {
    iteration = function()
        assert(list(("hello world"):find("o w")) == "5 7" and list(("hello"):find("l+")) == "3 4")
        assert(list(("a.b"):find(".", 2, true)) == "2 2" and ("abc"):find("b", -1) == nil)
        assert(list(("abc"):find("", 4)) == "4 3" and ("abc"):find("", 5) == nil)
        assert(list(("key = value"):match("^(%w+)%s*=%s*(%w+)$")) == "key value")
        assert(list(("flaaap"):match("()aa()")) == "3 5" and ("2024-05"):match("%d+", 5) == "05")
        local words = {}
        for word in ("one two"):gmatch("%a+") do words[#words + 1] = word end
        assert(table.concat(words, ",") == "one,two")
        for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do words[k] = v end
        assert(words.a == "1" and words.b == "2")
        assert(list(("hello world"):gsub("(%w+)", "%1 %1")) == "hello hello world world 2")
        assert(list(("hello world"):gsub("%w+", "%0 %0", 1)) == "hello hello world 1")
        assert(list(("hello Lua"):gsub("(%w+)%s*(%w+)", "%2 %1")) == "Lua hello 1")
        assert(list(("$name-$version.tar.gz"):gsub("%$(%w+)", { name = "lua", version = 5.4 })) == "lua-5.4.tar.gz 2")
        assert(list(("4+5 = $return 4+5$"):gsub("%$(.-)%$", function(s) return load(s)() end)) == "4+5 = 9 1")
        assert(list(("THE (quick) fox"):find("%f[%a]%a+%f[%A]", 5)) == "6 10")
        assert(list(("abc"):gsub("", "-")) == "-a-b-c- 4")
        local text = "unchanged"
        assert(text:gsub("x", "y") == text)
        assert(("ab"):rep(3, ",") == "ab,ab,ab" and (""):rep(1 << 60) == "" and ("x"):rep(0) == "")
        assert(list(table.unpack(table.move({ 1, 2, 3 }, 2, 3, 1))) == "2 3 3")
        local ok, why = pcall(string.gsub, "x", "x", true)
        assert(not ok and why == "bad argument #3 to 'string.gsub' (string/function/table expected, got boolean)")
        ok, why = pcall(string.find, "x")
        assert(not ok and why == "bad argument #2 to 'string.find' (string expected, got no value)")
        ok, why = pcall(string.rep)
        assert(not ok and why == "bad argument #1 to 'string.rep' (string expected, got no value)")
    end,
}
