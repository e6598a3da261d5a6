-- spool: each request leaves a file: what happens when the disk fills up?
--
--   mount -t tmpfs -o size=64m tmpfs /mnt && pelt-target --spool /mnt --spool-bytes 256k --spool-high 90% --spool-low 50%
--   pelt run scenarios/systems/spool.lua

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = pelt.env("RATE", "100/s"), duration = "15s" },
    observe = { "server_timing" },
    iteration = function()
        local r = http.get("/work", { name = "work" })
        check("kept", r.status == 200)
    end,
    thresholds = { "server_timing{entry=spool} p99 < 50ms", { metric = "errors", stat = "share", max = "1%" } },
}
