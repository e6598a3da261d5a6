-- insert, remove, concat and sort are pelt's own, or wrapped: they do and raise what the manual says.
local function fails(with, f, ...)
    local ok, message = pcall(f, ...)
    assert(not ok and message:find(with, 1, true), tostring(message))
end

local function text(t) return table.concat(t, ",") end

return {
    iteration = function()
        local t = { 1, 2, 3 }
        table.insert(t, 4)
        table.insert(t, 1, 0)
        table.insert(t, 6, 5)
        assert(text(t) == "0,1,2,3,4,5")
        fails("bad argument #2 to", table.insert, t, 8, 1)
        fails("position out of bounds", table.insert, t, 0, 1)
        fails("wrong number of arguments to 'insert'", table.insert, t)
        fails("table expected", table.insert, nil, 1)
        assert(table.remove(t) == 5 and table.remove(t, 1) == 0 and table.remove(t, 2) == 2 and text(t) == "1,3,4")
        assert(table.remove(t, 4) == nil and text(t) == "1,3,4")
        fails("position out of bounds", table.remove, t, 5)
        assert(table.remove({}) == nil and table.remove({ [0] = "a" }, 0) == "a")

        assert(table.concat {} == "" and table.concat({ 1, 2.5, "x" }, "-") == "1-2.5-x")
        assert(table.concat({ 1, 2, 3 }, ",", 2) == "2,3" and table.concat({ 1, 2, 3 }, ",", 3, 2) == "")
        assert(table.concat({ [math.maxinteger] = "end" }, ",", math.maxinteger, math.maxinteger) == "end")
        fails("invalid value (table) at index 2 in table for 'concat'", table.concat, { 1, {} })
        fails("invalid value (nil) at index 3 in table for 'concat'", table.concat, { 1, 2 }, "", 1, 3)

        local list = {}
        local view = setmetatable({}, { __len = function() return #list end,
            __index = function(_, i) return list[i] end, __newindex = function(_, i, v) list[i] = v end })
        for i = 1, 20 do table.insert(view, 1, i * 7 % 20) end
        assert(#list == 20 and table.remove(view) == 7 and table.remove(view, 1) == 0 and #text(view) == 45)
        table.sort(view)
        assert(list[1] == 1 and list[18] == 19)
        table.sort(view, function(a, b) return a > b end)
        assert(list[1] == 19 and list[18] == 1)
        fails("attempt to compare", table.sort, setmetatable({ 1, "x" }, {}))
        fails("function expected", table.sort, setmetatable({ 1, 2 }, {}), 5)
        table.sort(list, nil)
        assert(list[1] == 1)
    end,
}
