-- expects: nothing to do: add iteration
return { load = { users = 1, duration = "1s" } }
