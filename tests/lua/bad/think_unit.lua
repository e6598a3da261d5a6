-- expects: think|5 x
return { iteration = print, load = { users = 1, duration = 1 }, think = "5 x" }
