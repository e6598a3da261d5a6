"""Thirty lines of curl as API documentation and browsers have them. @URL@ is the server. Files: photo.png, order.json."""

BASH = [
    "curl @URL@/echo",
    "curl -i '@URL@/echo?q=load+test&page=2'",
    "curl -s -o /dev/null -w '%{http_code}\\n' @URL@/echo",
    "curl -X POST @URL@/echo -H 'Content-Type: application/json' -d '{\"name\": \"Ada\", \"tags\": [\"a\", \"b\"], \"n\": 1.5, \"none\": null}'",
    "curl --request POST \\\n  --url @URL@/echo \\\n  --header 'authorization: Bearer eyJhbGciOi.abc' \\\n  --header 'content-type: application/json' \\\n  --data '{\n  \"model\": \"m\",\n  \"messages\": [{\"role\": \"user\", \"content\": \"Say \\\"hello\\\"\"}],\n  \"stream\": false,\n  \"stop\": [],\n  \"metadata\": {}\n}'",
    "curl @URL@/echo -u sk_test_4eC39HqLyjW: -d amount=2000 -d currency=usd -d 'description=My First Test'",
    "curl -u user:pass -X DELETE @URL@/echo/items/42",
    "curl -XPUT '@URL@/echo' -H 'Content-Type: application/json' -d'{\"settings\": {\"number_of_shards\": 3}}'",
    "curl -G @URL@/echo --data-urlencode 'query=a b&c=d' -d limit=10",
    "curl @URL@/echo --data-urlencode 'comment=50% off & more' --data-urlencode 'empty='",
    "curl -I @URL@/api/status",
    "curl --compressed -A 'Mozilla/5.0 (X11; Linux x86_64)' -e 'https://example.com/start' @URL@/echo",
    "curl -b 'sid=abc123; theme=dark' @URL@/echo",
    "curl --json '{\"ok\": true}' @URL@/echo",
    "curl -F 'title=My photo' -F 'photo=@photo.png;type=image/png' @URL@/echo",
    "curl -T order.json @URL@/echo",
    "curl -X PATCH @URL@/echo -H 'Content-Type: application/json' --data-binary @order.json",
    "curl -d 'raw text, no form' -H 'Content-Type: text/plain' @URL@/echo",
    "curl -d '{\"type\": \"left out\"}' @URL@/echo",
    "curl -H 'X-Empty;' -H 'X-Token: a\"b\\c' @URL@/echo",
    "curl -r 0-99 -m 5 --connect-timeout 2 --retry 3 @URL@/echo",
    "curl '@URL@/echo' \\\n  -H 'accept: application/json, text/plain, */*' \\\n  -H 'accept-language: en-US,en;q=0.9' \\\n  -H 'cache-control: no-cache' \\\n  -b 'session=xyz' \\\n  -H 'origin: https://app.example' \\\n  -H 'sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"' \\\n  -H 'sec-fetch-mode: cors' \\\n  --data-raw $'{\"text\":\"it\\'s \\\\u00e9t\\u00e9\\\\n\"}' \\\n  --insecure",
    "curl '@URL@/echo' --compressed -X POST -H 'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0' -H 'Accept: */*' -H 'Content-Type: application/x-www-form-urlencoded; charset=UTF-8' -H 'DNT: 1' --data-raw 'user=ada&pass=l%C3%B6we&user=bob'",
    "curl -fsSL -H \"Accept: application/vnd.github+json\" -H \"X-GitHub-Api-Version: 2022-11-28\" @URL@/echo/repos/o/r/issues?state=open",
    "# a comment before it\n$ curl -v @URL@/echo # and one behind",
    "curl --http2 -x http://127.0.0.1:9 --noproxy '*' @URL@/echo",
    "curl -X PURGE @URL@/echo/cache/item",
    "curl -X POST @URL@/echo/empty",
    "curl @URL@/echo/1 && curl -d a=1 @URL@/echo/2; curl @URL@/echo/3 | cat",
]

# "Copy as cURL (cmd)": what the browser had to say stands beside it, for a POSIX shell.
CMD = [
    ("curl ^\"@URL@/echo?a=1^&b=%^20x^\" ^\r\n  -H ^\"accept: */*^\" ^\r\n  -H ^\"content-type: application/json^\" ^\r\n"
     "  --data-raw ^\"^{^\\^\"name^\\^\":^\\^\"it's ^%^ 100^\\^\"^}^\"",
     "curl '@URL@/echo?a=1&b=%20x' -H 'accept: */*' -H 'content-type: application/json' --data-raw $'{\"name\":\"it\\'s % 100\"}'"),
]
