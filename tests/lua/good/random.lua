-- Distributions, roughly; their shape is tested where they are made.
local pelt = require "pelt"

local load_time = pelt.random(3):int(1000) -- at load it may be used

local function mean_of(n, draw)
    local sum = 0
    for _ = 1, n do sum = sum + draw() end
    return sum / n
end

local function near(value, expected, tolerance)
    assert(math.abs(value - expected) < tolerance, ("%g is not near %g"):format(value, expected))
end

return {
    iteration = function(user)
        local rng = pelt.random(5)
        assert(pelt.random(3):int(1000) == load_time)
        near(mean_of(2000, function() return rng:uniform() end), 0.5, 0.05)
        near(mean_of(2000, function() return rng:uniform(10, 20) end), 15, 0.5)
        near(mean_of(2000, function() return rng:exponential("2s") end), 2, 0.3)
        near(mean_of(2000, function() return rng:normal(10, 2) end), 10, 0.3)
        near(mean_of(2000, function() return rng:int(1, 6) end), 3.5, 0.2)
        near(mean_of(2000, function() return rng:zipf(100, 1) end), 19.3, 4)
        local seen = {}
        for _ = 1, 100 do seen[rng:choice { "a", "b" }] = true end
        assert(seen.a and seen.b)
        assert(pelt.random(5):uniform() == pelt.random(5):uniform())
        assert(pelt.random():uniform() ~= pelt.random():uniform())
        local x = math.random()
        assert(x >= 0 and x < 1 and math.random(3) <= 3 and math.random(5, 5) == 5)
        assert(math.type(math.random(0)) == "integer")
        assert(not pcall(math.random, 2, 1) and not pcall(rng.choice, rng, {}) and not pcall(rng.exponential, rng, 0))
        assert(user.rng:uniform() ~= user.rng:uniform())
    end,
}
