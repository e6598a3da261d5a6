-- expects: alerts.webhook: a string is expected
return { load = { users = 1, duration = 1 }, iteration = print, alerts = { webhook = 5 } }
