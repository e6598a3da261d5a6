-- require finds files beside the scenario; functions may be global if they are made while loading.
local helper = require "helper.numbers"

function global_helper() return helper.two end

return {
    iteration = function()
        assert(global_helper() == 2 and _G.global_helper == global_helper)
        local found = false
        for name in pairs(_G) do found = found or name == "global_helper" end
        assert(found)
        assert(package.loadlib == nil and package.loaded["helper.numbers"] == helper and #package.path > 0)
        local names = {}
        for name in pairs(package.loaded) do names[name] = true end
        assert(names.pelt and names["helper.numbers"])
        assert(require("helper.reader") == package.loaded["helper.reader"])
        local own = rawset({}, "a", 1)
        assert(own.a == 1 and getmetatable("").__index.rep == string.rep)
        assert(os.exit == nil and os.execute == nil and io.popen == nil and debug.getinfo == nil)
        assert(os.time() > 0 and debug.traceback():find("traceback"))
        local f = assert(io.open(helper.path or "/dev/null"))
        f:close()
    end,
}
