-- expects: agents.api: no url|http://10.0.0.5:9646
return { iteration = print, agents = { api = { token_file = "x" } } }
