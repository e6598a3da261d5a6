-- expects: agents[1]: unknown key 'tokenfile'|did you mean 'token_file'?
return { iteration = print, agents = { { url = "http://10.0.0.5:9646", tokenfile = "x" } } }
