-- form, multipart, files.
local pelt = require "pelt"
local http = pelt.http

local photo = pelt.file("helper/photo.txt", { type = "image/x-test", name = "my \"photo\".txt" })
local plain = pelt.file("helper/photo.txt")

local function iteration(user)
    for i = 1, 4 do
        local r = http.post("/f", { form = { b = "x y&z", a = i, c = true, list = { "1", 2 } } })
        assert(r:json("/body") == "a=" .. i .. "&b=x+y%26z&c=true&list=1&list=2", r:json("/body"))
        assert(r:json("/headers/content-type") == "application/x-www-form-urlencoded")
    end
    assert(http.post("/f", { form = {} }):json("/headers/content-length") == "0")

    local r = http.post("/m", { multipart = { title = "hello", file = photo } })
    local type = r:json("/headers/content-type")
    local boundary = type:match("^multipart/form%-data; boundary=(pelt%-%x+)$")
    local expected = table.concat({
        "--" .. boundary, 'Content-Disposition: form-data; name="file"; filename="my %22photo%22.txt"',
        "Content-Type: image/x-test", "", "picture\n",
        "--" .. boundary, 'Content-Disposition: form-data; name="title"', "", "hello",
        "--" .. boundary .. "--", "" }, "\r\n")
    assert(r:json("/body") == expected, r:json("/body"))
    assert(#expected == tonumber(r:json("/headers/content-length")))
    local second = http.post("/m", { multipart = { file = plain } })
    assert(second:json("/headers/content-type") == type)
    assert(second.body:find('filename=\\"photo.txt\\"', 1, true))
    assert(second.body:find("application/octet-stream", 1, true))

    -- only multipart itself knows its boundary
    local typed = http.client { headers = { ["Content-Type"] = "text/own" } }
    assert(typed:post("/m", { multipart = { a = 1 } }):json("/headers/content-type") == type)
    assert(typed:post("/m", { form = { a = 1 } }):json("/headers/content-type") == "text/own")

    assert(http.post("/p", { body = plain }):json("/headers/content-length") == "8")
    assert(#plain == 8)

    local function refused(options, text)
        local ok, why = pcall(http.post, "/x", options)
        assert(not ok and why:find(text, 1, true), why)
    end
    refused({ form = "a=b" }, "form: a table of fields is expected")
    refused({ form = { "a" } }, "form: '1' is no name of a field")
    refused({ form = { a = {  {} } } }, "form: field 'a': text, a number, true or false is expected, not a table")
    refused({ form = { f = plain } }, "form: field 'f'")
    refused({ form = {}, json = {} }, "give one of body, json, form and multipart")
    refused({ body = "", multipart = {} }, "give one of body")
    refused({ body = 7 }, "body: a string or a pelt.file is expected, not a number")
    local ok, why = pcall(pelt.file, "helper/photo.txt")
    assert(not ok and why:find("call it at the top of the file", 1, true), why)
end

local ok, why = pcall(pelt.file, "helper/none.txt")
assert(not ok and why:find("helper/none.txt: No such file", 1, true), why)
ok, why = pcall(pelt.file, "helper")
assert(not ok and why:find("helper: is a folder: give a file", 1, true), why)
ok, why = pcall(pelt.file, "helper/photo.txt", { tpye = "x" })
assert(not ok and why:find("did you mean 'type'", 1, true), why)

return { iteration = iteration }
