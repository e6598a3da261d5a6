-- expects: user_init: a function is expected
return { iteration = print, user_init = 1 }
