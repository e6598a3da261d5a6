-- expects: runtime_error.lua:2: attempt to index a nil value|stack traceback|in upvalue 'helper'
local function helper() local t; return t.x end
local function outer() local v = helper() return v end
return { iteration = print, name = outer() }
