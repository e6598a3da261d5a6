-- expects: thresholds[1].abort: a boolean is expected, not a string
return { iteration = print, thresholds = { { metric = "errors", stat = "share", max = "1%", abort = "yes" } } }
