-- expects: alerts[1]: the name 'High error rate' has more than
return { load = { users = 1, duration = 1 }, iteration = print, alerts = { { alert = 'High error rate', rule = 'errors share < 5%' } } }
