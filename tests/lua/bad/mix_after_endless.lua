-- expects: pelt.load.mix.a.start_after: nobody knows when 'b' will be over
local load = require("pelt").load
return { load = load.mix { a = { users = 2, duration = 1, start_after = "b" }, b = { users = 2, iterations = 1 } }, iteration = print }
