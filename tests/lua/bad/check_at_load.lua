-- expects: check_at_load.lua:2: check belongs into an iteration
require("pelt").check("x", true)
