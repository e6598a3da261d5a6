-- expects: stages[2]: users and rates do not mix
return { iteration = print, load = { stages = { { duration = "1s", users = 1 }, { duration = "1s", rate = "1/s" } } } }
