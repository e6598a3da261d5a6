-- expects: metric_name.lua:2: metric 'http_mine': pelt's own|try 'my_http_mine'
require("pelt").metric.counter("http_mine")
return { iteration = print }
