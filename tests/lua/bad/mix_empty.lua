-- expects: pelt.load.mix: no load: add chat =
local load = require("pelt").load
return { load = load.mix {}, iteration = print }
