-- bodies: answers of 128 KB whose bodies are kept (KEEP=yes) or which nobody reads (KEEP=no).
--
--   KEEP=no pelt run tests/bench/bodies.lua --target http://127.0.0.1:PORT -u 64 -d 10s    # a pelt-target

local pelt = require "pelt"

local options = { keep_body = pelt.env("KEEP") == "yes", name = "128 KB" }

return {
    load = { users = 64, duration = "10s" },
    iteration = function()
        pelt.http.get("/bytes/131072", options)
    end,
}
