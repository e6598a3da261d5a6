-- expects: error_object.lua:2: error object is a table value
error({})
