-- expects: table: |error_object.lua:2:
error({})
