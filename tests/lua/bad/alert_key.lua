-- expects: alerts[1]: unknown key 'metrics'|metric
return { load = { users = 1, duration = 1 }, iteration = print, alerts = { { alert = 'High', metrics = 'errors', stat = 'share', max = '5%' } } }
