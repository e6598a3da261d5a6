-- Coroutines of the script's own behave as the manual says.
local function fails(with, f, ...)
    local ok, message = pcall(f, ...)
    assert(not ok and message == with, tostring(message))
end

local function sum(a, b)
    local c = coroutine.yield(a + b)
    local d, e = coroutine.yield(c * 2)
    return d, e
end

return {
    iteration = function()
        local co = coroutine.create(sum)
        local function resumed(...) return table.concat({ tostring((...)), select(2, ...) }, " ") end
        assert(resumed(coroutine.resume(co, 1, 2)) == "true 3" and coroutine.status(co) == "suspended")
        assert(resumed(coroutine.resume(co, 5)) == "true 10")
        assert(resumed(coroutine.resume(co, "d", "e")) == "true d e" and coroutine.status(co) == "dead")
        assert(resumed(coroutine.resume(co)) == "false cannot resume dead coroutine")
        local inner
        inner = coroutine.create(function() return coroutine.resume(inner) end)
        local ok, resumed_itself, why = coroutine.resume(inner)
        assert(ok and not resumed_itself and why == "cannot resume non-suspended coroutine")

        local odd = {}
        for i in coroutine.wrap(function() for i = 1, 5, 2 do coroutine.yield(i) end end) do odd[#odd + 1] = i end
        assert(table.concat(odd, ",") == "1,3,5")
        local thrown = {}
        ok, why = pcall(coroutine.wrap(function() error(thrown) end))
        assert(not ok and why == thrown)
        ok, why = pcall(coroutine.wrap(function() error("inside", 0) end))
        assert(not ok and why:find("inside$"))
        fails("bad argument #1 to 'coroutine.wrap' (function expected, got number)", coroutine.wrap, 1)

        local closed = 0
        local function holds()
            local _ <close> = setmetatable({}, { __close = function() closed = closed + 1 end })
            coroutine.yield()
            error("after")
        end
        co = coroutine.create(holds)
        coroutine.resume(co)
        assert(coroutine.close(co) == true and closed == 1 and coroutine.status(co) == "dead")
        assert(coroutine.close(co) == true and coroutine.close(coroutine.create(print)) == true)
        local wrapped = coroutine.wrap(holds)
        wrapped()
        assert(not pcall(wrapped) and closed == 2)
        co = coroutine.create(function()
            local _ <close> = setmetatable({}, { __close = function() error("closing", 0) end })
            coroutine.yield()
        end)
        coroutine.resume(co)
        ok, why = coroutine.close(co)
        assert(not ok and why == "closing")
        coroutine.wrap(function()
            local outer = coroutine.running()
            coroutine.wrap(function() fails("cannot close a normal coroutine", coroutine.close, outer) end)()
            fails("cannot close a running coroutine", coroutine.close, outer)
        end)()

        local handled
        ok, why = xpcall(function(a) error(a, 0) end, function(m) handled = m return m .. "!" end, "oh")
        assert(not ok and why == "oh!" and handled == "oh")
        assert(select("#", xpcall(function(...) return ... end, print, 1, nil)) == 3)
        assert(not pcall(xpcall, error))
    end,
}
