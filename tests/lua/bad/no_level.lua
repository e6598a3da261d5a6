-- expects: load: neither users nor rate
return { iteration = print, load = { duration = "1s" } }
