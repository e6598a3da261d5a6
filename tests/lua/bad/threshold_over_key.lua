-- expects: thresholds[2]: unknown key 'ovr': did you mean 'over'?
return { iteration = print, thresholds = { "errors share < 1%", { metric = "errors", stat = "share", max = "1%", ovr = 5 } } }
