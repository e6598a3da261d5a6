-- expects: pelt.load.replay.format: 'csv' is none of combined, jsonl
local load = require("pelt").load
return { load = load.replay("replay_format.lua", { format = "csv" }), iteration = print }
