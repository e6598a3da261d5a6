-- expects: unexpected symbol near 'for': as a key of a table, for is written ["for"]
return { iteration = print, thresholds = { { metric = "errors", stat = "share", max = "1%", for = "3s" } } }
