-- What few scripts need is made when one first asks for it, also in an iteration, and is then like any other library.
local pelt = require "pelt"
local own = {}
own.llm = 1 -- an assignment to a field of this name: pelt's own is guarded

local function names_of(t)
    local names = {}
    for name, value in pairs(t) do names[name] = value end
    return names
end

local function refused(what, f)
    local ok, message = pcall(f)
    assert(not ok and message:find(what, 1, true), message)
end

return {
    iteration = function(user)
        local load, llm = pelt.load, pelt.llm
        assert(pelt.load == load and pelt.llm == llm and rawequal(llm, pelt.llm))
        assert(names_of(pelt).load == load and names_of(pelt).llm == llm and names_of(pelt).http == pelt.http)
        local kinds = names_of(load)
        assert(kinds.stress == load.stress and kinds.users and kinds.mix and kinds.replay)
        assert(load.burst { base = 1, peak = 2, duration = "2m" }.kind == "burst")
        assert(type(llm.chat) == "function" and type(pelt.ws.fanout) == "function" and names_of(pelt.ws).fanout == pelt.ws.fanout)
        refused("pelt has no 'lod': did you mean 'load'?", function() return pelt.lod end)
        refused("pelt.load has no 'stres': did you mean 'stress'?", function() return load.stres end)
        refused("pelt.load.stress is written", function() load.stress = 1 end)
        refused("pelt.llm is written", function() pelt.llm = 1 end)
        refused("pelt.llm.chat is written", function() llm.chat = nil end)
        refused("pelt.load.mine is written", function() load.mine = 1 end)
        refused("pelt.load.stress: a table is expected", function() pelt.load.stress(1) end)
        if user.iteration == 1 then user:stop() end
    end,
}
