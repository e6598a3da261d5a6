-- expects: thresholds[1]: no stat
return { iteration = print, thresholds = { { metric = "http_response", max = "1s" } } }
