-- expects: pelt.load.replay: |nowhere.log|No such file
local load = require("pelt").load
return { load = load.replay("nowhere.log"), iteration = print }
