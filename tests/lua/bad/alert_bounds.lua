-- expects: alerts[1]: unknown key 'warning'; known are alert, rule, metric
return { load = { users = 1, duration = 1 }, iteration = print, alerts = { { alert = 'High', metric = 'errors', stat = 'share', max = '1%', warning = '5%' } } }
