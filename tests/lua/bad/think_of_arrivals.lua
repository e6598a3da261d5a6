-- expects: think: it is for users who come back
return { iteration = print, load = { rate = "1/s", duration = 1 }, think = function() return 1 end }
