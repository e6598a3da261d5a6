"""Options tables are read once where nothing can change them: whatever a script does to one, the next request says it."""
import re

import pytest

from program import PASSED, run

pytestmark = [pytest.mark.sanitize, pytest.mark.one_thread]

SCENARIO = """
local pelt = require "pelt"
local options = { headers = { ["X-Old"] = "old" }, name = "it" }
%s
local n = 0
return {
  load = { users = 1, iterations = 8 },
  iteration = function()
    n = n + 1
    if n == 6 then change() end
    local r = pelt.http.post("/echo", options)
    pelt.log("warning", ("%%d %%s|%%s|%%s"):format(n, tostring(r:json("/headers/X-Old")), tostring(r:json("/headers/X-New")),
      tostring(r:json("/body"))))
  end,
}
"""

# what change() does, and then header X-Old, header X-New and the body
CHANGES = {
    "a field that is there": ("local function change() options.headers['X-Old'] = 'other' end", "other|nil|nil"),
    "a header that was not": ("local function change() options.headers['X-New'] = 'new' end", "old|new|nil"),
    "by a name in a variable": ("local key = 'X-New' local function change() options.headers[key] = 'new' end", "old|new|nil"),
    "a body": ("local function change() options.body = 'late' end", "old|nil|late"),
    "other headers": ("local function change() options.headers = { ['X-New'] = 'new' } end", "nil|new|nil"),
    "no headers": ("local function change() options.headers = nil end", "nil|nil|nil"),
    "through another local": ("local h = options.headers local function change() h['X-New'] = 'new' end", "old|new|nil"),
    "in a function's name": ("local function change() function options.unused() end options.unused = nil options.body = 'late' end",
                             "old|nil|late"),
    "with rawset": ("local set = rawset local function change() set(options, 'body', 'late') end", "old|nil|late"),
    "by code made at run time": ("local function change() load('local o = ... o.bo' .. 'dy = [[late]]')(options) end", "old|nil|late"),
    "as the globals of such code": ("local function change() load('body = [[late]]', 'c', 't', options)() end", "old|nil|late"),
    "in a long string": ("local function change() options.headers[ [[\nX-Old]] ] = 'other' end", "other|nil|nil"),
    "in a loop": ("local function change() for k, v in pairs(options) do if k == 'headers' then v['X-New'] = 'new' end end end",
                  "old|new|nil"),
    "several at once": ("local function change() local a a, options.body = 1, 'late' end", "old|nil|late"),
    "a metatable's index": ("local function change() setmetatable({}, { __newindex = options }).body = 'late' end", "old|nil|late"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_is_sent(change, target, tmp_path):
    code, after = CHANGES[change]
    server = target()
    path = tmp_path / "change.lua"
    path.write_text(SCENARIO % code)
    done = run(path, "--target", server.url, "-t", 1, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    said = dict(re.findall(r"(\d) (\S+\|\S+\|\S+)$", done.err, re.M))
    assert said == {**{str(n): "old|nil|nil" for n in range(1, 6)}, **{str(n): after for n in range(6, 9)}}, done.err


def test_deep_payloads_are_no_part_of_what_is_read(target, tmp_path):
    server = target()
    path = tmp_path / "deep.lua"
    path.write_text("""
local pelt = require "pelt"
local deep = {}
for _ = 1, 90 do deep = { deep } end
local options = { json = deep }
return {
  load = { users = 30, iterations = 600 },
  iteration = function() pelt.http.post("/echo", options) end,
}
""")
    done = run(path, "--target", server.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert server.count()["total"] == 600
