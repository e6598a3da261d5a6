-- expects: returns 2 values: a scenario returns one table
return { iteration = print }, { }
