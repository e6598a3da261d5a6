-- expects: pelt.load.burst.duration: 15s ends before the first spike does: it begins at 10 s and is over after 20 s
local load = require("pelt").load
return { load = load.burst { peak = 20, duration = "15s" }, iteration = print }
