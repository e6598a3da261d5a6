-- expects: returns a number: a scenario returns one table
return 5
