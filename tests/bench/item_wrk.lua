-- item.lua for wrk: the same path, header and check by wrk's own means.
--
--   wrk -t1 -c64 -d10s -s tests/bench/item_wrk.lua http://127.0.0.1:PORT/

wrk.headers["X-Tenant"] = "bench"
failed = 0

function request()
    return wrk.format("GET", "/item/" .. math.random(1, 1000000))
end

function response(status, headers, body)
    if status ~= 200 then failed = failed + 1 end
end
