-- expects: thresholds[1]: |over: "500ms" is not 1s to 1h in whole seconds
return { iteration = print, thresholds = { { metric = "errors", stat = "share", max = "1%", over = "500ms" } } }
