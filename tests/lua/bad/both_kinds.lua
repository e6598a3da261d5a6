-- expects: iteration and tasks: give one of the two
return { iteration = print, tasks = {} }
