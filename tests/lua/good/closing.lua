-- A variable that is closed where its block ends, or by an error that a pcall around it catches, may wait meanwhile.
local pelt = require "pelt"
local http = pelt.http

local function session(user)
    http.get("/login")
    return setmetatable({}, { __close = function()
        pelt.sleep("1ms")
        user.left = (user.left or 0) + (http.get("/logout").status == 200 and 1 or 0)
    end })
end

return {
    iteration = function(user)
        user.left = 0
        do local s <close> = session(user) end
        local function work()
            local s <close> = session(user)
            return http.get("/work").status
        end
        assert(work() == 200 and user.left == 2)
        local ok, message = pcall(function()
            local s <close> = session(user)
            http.get("/work")
            error("failed")
        end)
        assert(not ok and message:find("failed") and user.left == 3)
    end,
}
