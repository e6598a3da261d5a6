-- expects: alerts[1]: what must hold is either rule
return { load = { users = 1, duration = 1 }, iteration = print, alerts = { { alert = 'High', rule = 'errors share < 5%', metric = 'errors' } } }
