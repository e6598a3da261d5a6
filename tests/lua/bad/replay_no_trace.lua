-- expects: replay_no_trace.lua: none of its |lines is a request (read as combined): line 1: no time such as
local load = require("pelt").load
return { load = load.replay("replay_no_trace.lua"), iteration = print }
