-- expects: pacing: it is for users who come back
return { iteration = print, load = { rate = "1/s", duration = 1 }, pacing = 1 }
