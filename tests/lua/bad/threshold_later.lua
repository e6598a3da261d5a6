-- expects: thresholds[1]: |ws_rtt needs WebSocket, which this version of pelt has not
return { iteration = print, thresholds = { { metric = "ws_rtt", stat = "p95", max = "1s" } } }
