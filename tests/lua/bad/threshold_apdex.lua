-- expects: thresholds[1]: |apdex needs t
return { iteration = print, thresholds = { { metric = "apdex", name = "chat", min = 0.9 } } }
