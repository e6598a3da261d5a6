-- expects: threshold_huge.lua: thresholds[1]: max: 1e+300 seconds: give 0 to 10 years
return { iteration = print, thresholds = { { metric = "http_response", stat = "p95", max = 1e300 } } }
