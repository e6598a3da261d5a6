-- expects: alerts: a list is expected
return { load = { users = 1, duration = 1 }, iteration = print, alerts = { HighErrorRate = 'errors share < 5%' } }
