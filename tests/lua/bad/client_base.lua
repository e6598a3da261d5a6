-- expects: client_base.lua:2: http.client: base: |localhost
local c = require("pelt").http.client { base = "localhost:80" }
