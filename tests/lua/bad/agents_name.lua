-- expects: the name 'a.b' has more than letters, digits
return { iteration = print, agents = { { url = "http://10.0.0.5:9646", name = "a.b" } } }
