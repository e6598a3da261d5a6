-- As guarded.lua, where a key that is not known counts as every name there is.
local pelt = require "pelt"
local own = {}
own.id, own.floor = 1, 2
own["\z"] = 5
own["format"] = 3
function own.get() return 4 end

return {
    iteration = function(user)
        assert(own.id == 1 and own.floor == 2 and own.format == 3 and own.get() == 4)
        assert((user.id == 0 or user.id == 1) and user.rng:int(1, 1) == 1 and user.none == nil)
        assert(user.iteration == (user.count or 0))
        user.count = (user.count or 0) + 1
        rawset(user, "mine", user.count)
        local seen = {}
        for key, value in pairs(user) do seen[key] = value end
        assert(seen.id == user.id and seen.rng == user.rng and seen.count == user.count and seen.mine == user.count)
        seen = {}
        for name in pairs(math) do seen[name] = true end
        assert(seen.floor and seen.ceil)
        assert(math.floor(1.5) == 1 and ("%d"):format(7) == "7" and string.format("%d", 7) == "7")
        assert(pelt.http.get("/x").status == 200)
        local _, message = pcall(function() return pelt.http.gett end)
        assert(message:find("pelt.http has no 'gett': did you mean 'get'?", 1, true))
        load("local t = {} t.ceil = 1")()
        assert(math.ceil(1.5) == 2)
        assert(not pcall(load("local user = ... user.stop = 1"), user))
        if user.iteration == 1 then user:stop() end
    end,
}
