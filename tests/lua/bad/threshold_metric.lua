-- expects: thresholds[1]: |http_respnse
return { iteration = print, thresholds = { "http_respnse p95 < 1s" } }
