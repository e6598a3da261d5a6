-- expects: thresholds: a list is expected
return { iteration = print, thresholds = { p95 = "1s" } }
