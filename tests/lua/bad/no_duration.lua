-- expects: load: no duration: add duration
return { iteration = print, load = { users = 1 } }
