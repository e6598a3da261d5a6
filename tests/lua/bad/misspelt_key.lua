-- expects: unknown key 'iteratoin': did you mean 'iteration'?
return { iteratoin = print }
