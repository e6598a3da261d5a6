-- expects: alerts[1]: High: 'abort' means nothing for an alert
return { load = { users = 1, duration = 1 }, iteration = print, alerts = { { alert = 'High', rule = 'errors share < 5% abort' } } }
