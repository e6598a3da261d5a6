-- expects: threshold_nan.lua: thresholds[1]: min: not a number (0/0): give 0 to 10 years
return { iteration = print, thresholds = { { metric = "http_response", stat = "p95", min = 0 / 0 } } }
