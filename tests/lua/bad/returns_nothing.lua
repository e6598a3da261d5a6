-- expects: returns_nothing.lua: returns nothing
local x = 1
