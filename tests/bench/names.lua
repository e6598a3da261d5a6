-- Memory for series: requests of SERIES names, each with all its phases.
local pelt = require "pelt"

local series = tonumber(pelt.env("SERIES", "999"))

local named = {}
for i = 1, series do
    named[i] = { name = "name " .. i }
end

return {
    name      = "names",
    load      = { users = 64, duration = "10s" },
    iteration = function(user)
        pelt.http.get("/", named[user.rng:int(1, series)])
    end,
}
