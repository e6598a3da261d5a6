-- trim: memory that was freed is not yet given back: the service looks as if it leaked, until it is told to let go.
--
--   pelt-target --cache 64m --body-size 16k --threads 1 & pelt-agent --port service=18800 &
--   pelt run scenarios/systems/trim.lua --agent http://127.0.0.1:9646

local pelt = require "pelt"
local http, check = pelt.http, pelt.check

local count = pelt.shared.counter("asked")

return {
    target = pelt.env("TARGET", "http://127.0.0.1:18800"),
    load = { rate = "300/s", duration = "15s" },
    iteration = function()
        local n = count:add(1)
        if n == 3000 then
            http.delete("/admin/cache?tag=old", { name = "purge" })
        elseif n == 3600 then
            local r = http.post("/admin/trim", { name = "trim" })
            check("given back", r.status == 200 and r:json("/resident_after_bytes") <= r:json("/resident_before_bytes"))
        end
        http.get("/work?item=" .. n, { name = "work", headers = { ["Cache-Tag"] = n % 60 == 0 and "new" or "old" } })
    end,
    thresholds = { { metric = "errors", stat = "share", max = "1%" } },
}
