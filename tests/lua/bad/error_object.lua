-- expects: error_object.lua: error object is a table value|error_object.lua:2:
error({})
