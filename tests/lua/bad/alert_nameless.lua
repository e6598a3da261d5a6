-- expects: alerts[1]: no name: write { alert = "HighErrorRate"
return { load = { users = 1, duration = 1 }, iteration = print, alerts = { { rule = 'errors share < 5%' } } }
