-- expects: thresholds[1]: unknown key 'treshold'
return { iteration = print, thresholds = { { metric = "http_response", stat = "p95", treshold = "1s" } } }
