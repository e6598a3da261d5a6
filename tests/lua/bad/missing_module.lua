-- expects: missing_module.lua:2: module 'no.such.module' not found
require "no.such.module"
