-- expects: load: unknown key 'druation': did you mean 'duration'?
return { iteration = print, load = { users = 1, druation = "1s" } }
