-- expects: request_at_load.lua:3: http.get waits, and nothing may wait while the file is loaded
local pelt = require "pelt"
local r = pelt.http.get("http://127.0.0.1/")
return { iteration = print }
