-- expects: thresholds[1]: |no metric "server.api.cpu"|server.AGENT.LIMIT.used
return { iteration = print, thresholds = { { metric = "server.api.cpu", stat = "max", max = "1s" } } }
