-- expects: syntax_error.lua:2: unexpected symbol near
return { iteration = = }
