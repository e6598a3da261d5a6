-- expects: thresholds[1]: 
return { iteration = print, thresholds = { { metric = "http_response", stat = "p95", target = "1s", warning = "3s", critical = "2s" } } }
