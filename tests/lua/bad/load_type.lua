-- expects: load: a table is expected
return { iteration = print, load = 20 }
