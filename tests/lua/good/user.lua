-- What belongs to a user, and what setup hands to all.
local pelt = require "pelt"

return {
    iteration = function(user, data)
        assert(user.id == 0 or user.id == 1)
        assert(user.iteration == (user.count or 0))
        user.count = (user.count or 0) + 1
        assert(user.none == nil)
        assert(data.token == "t" and #data.list == 3 and data.list[3].x == pelt.json.null)
        local keys = {}
        for key in pairs(data) do keys[#keys + 1] = key end
        table.sort(keys)
        assert(table.concat(keys, " ") == "expect headers list options token")
        local sum = 0
        for _, value in ipairs(data.list) do sum = sum + (type(value) == "number" and value or 0) end
        assert(sum == 3)
        assert(pelt.http.post("/x", { json = data.list }):json("/body") == '[1,2,{"x":null}]')
        assert(pelt.check("yes", user.id) == true)
        assert(pelt.stopping() == false)
        assert(pelt.env("PELT_NONE") == nil and pelt.env("PELT_NONE", 5) == 5)
        assert(select("#", pelt.sleep("1ms")) == 0)
        pelt.sleep(user.rng:exponential("1s"))
        local before = pelt.now()
        assert(math.type(before) == "float" and pelt.now() >= before)
        pelt.log("debug", "quiet")
        assert(pcall(pelt.http.get, "/x"))
        local generator = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
        assert(generator() == 1 and generator() == 2)
    end,
}
