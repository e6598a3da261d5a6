-- expects: alerts[1]: High: |eror|errors
return { load = { users = 1, duration = 1 }, iteration = print, alerts = { { alert = 'High', rule = 'eror share < 5%' } } }
