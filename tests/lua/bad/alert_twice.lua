-- expects: alerts[2]: there are two alerts 'High'
return { load = { users = 1, duration = 1 }, iteration = print, alerts = { { alert = 'High', rule = 'errors share < 5%' }, { alert = 'High', rule = 'errors share < 9%' } } }
