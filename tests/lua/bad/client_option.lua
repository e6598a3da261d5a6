-- expects: client_option.lua:2: http.client: unknown option 'header': did you mean 'headers'?
local c = require("pelt").http.client { header = {} }
