-- Reads a body on behalf of a scenario whose own source does not.
return function(r) return r.body end
