-- expects: alerts[1]: a table is expected
return { load = { users = 1, duration = 1 }, iteration = print, alerts = { 'errors share < 5%' } }
