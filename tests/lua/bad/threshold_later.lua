-- expects: thresholds[1]: |server.api.cpu.ratio needs an agent on the server, which this version of pelt has not
return { iteration = print, thresholds = { { metric = "server.api.cpu.ratio", stat = "max", max = "1s" } } }
