-- Memory for series: SERIES series, each value in one of them by chance; values log-uniform from 10^LOW s to 10^HIGH s.
local pelt = require "pelt"

local wide = pelt.metric.trend("wide")
local series = tonumber(pelt.env("SERIES", "1000"))
local low, high = tonumber(pelt.env("LOW", "-6")), tonumber(pelt.env("HIGH", "-1"))

local tags = {}
for i = 1, series do
    tags[i] = { series = i }
end

return {
    name      = "wide",
    load      = { users = 40, duration = "10s" },
    pacing    = pelt.env("PACING", "20ms"),
    iteration = function(user)
        for _ = 1, 100 do
            wide:add(10 ^ user.rng:uniform(low, high), tags[user.rng:int(1, series)])
        end
    end,
}
