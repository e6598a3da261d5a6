-- expects: unknown key 'zzzzzz'; known are name, target
return { zzzzzz = 1, iteration = print }
