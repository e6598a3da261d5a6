"""What scenarios send and read of answers, held against what the server saw and sent."""
import pytest

from program import PASSED, USAGE, pelt, run

# Of a script and its user; a state of Lua belongs to one thread.
pytestmark = [pytest.mark.sanitize, pytest.mark.one_thread]


def scenario(tmp_path, iteration):
    path = tmp_path / "s.lua"
    path.write_text(f"""local pelt = require "pelt"
local http, check = pelt.http, pelt.check
return {{ load = {{ users = 2, duration = "1s" }}, iteration = function(user)
{iteration}
end }}
""")
    return path


def checks_of(done):
    return {row["name"]: row["failed"] for row in done.report["checks"] if row["passed"] > 0}


def test_options_that_change_between_calls_are_sent_as_they_are(target, tmp_path):
    path = scenario(tmp_path, """
        user.opts = user.opts or { headers = { ["X-Same"] = "same" }, name = "echo" }
        local opts = user.opts
        for i = 1, 20 do
            opts.headers["X-Number"] = i % 3
            opts.body = ("b"):rep(1 + i % 3)
            local r = http.post("/echo?i=" .. i, opts)
            check("header", r:json("/headers/X-Number") == tostring(i % 3))
            check("unchanged header", r:json("/headers/X-Same") == "same")
            check("body", r:json("/body") == opts.body)
            check("query", r:json("/query/i") == tostring(i))
        end""")
    done = run(path, "--target", target().url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert checks_of(done) == {"header": 0, "unchanged header": 0, "body": 0, "query": 0}
    assert [row["name"] for row in done.report["requests"]] == ["echo"]


def test_a_body_that_nobody_reads_is_counted_all_the_same(target, tmp_path):
    size = 3_000_000
    path = scenario(tmp_path, f"""
        local r = http.get("/bytes/{size}")
        check("answered", r.status == 200 and r.ok)
        check("length", tostring(r) == "response: ok, status 200, {size} bytes")
        local small = http.get("/status/204")
        check("empty", small.status == 204)""")
    instance = target()
    done = run(path, "--target", instance.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert checks_of(done) == {"answered": 0, "length": 0, "empty": 0}
    large = next(row for row in done.report["requests"] if "bytes" in row["name"])
    assert done.report["totals"]["bytes_received"] >= large["started"] * size
    assert large["started"] == instance.count()["paths"]["/bytes/N"]


def test_a_read_that_the_source_does_not_show_says_so(target, tmp_path):
    read = """
        local r = http.get("/bytes/10"{options})
        local key = "bo" .. "dy"
        check("read", #r[key] == 10)"""
    instance = target()
    done = pelt("run", scenario(tmp_path, read.replace("{options}", "")), "--target", instance.url, "--no-run-file", cwd=tmp_path)
    assert done.code == USAGE, done.told()
    assert "s.lua:7: a response's body is read, but its body was not kept" in done.err, done.told()
    assert "write r.body, or give the request keep_body = true" in done.err, done.told()
    done = run(scenario(tmp_path, read.replace("{options}", ", { keep_body = true }")), "--target", instance.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert checks_of(done) == {"read": 0}


def test_a_module_that_reads_bodies_gets_them(target, tmp_path):
    (tmp_path / "reader.lua").write_text("return function(r) return r.body, r.headers['content-length'] end\n")
    path = scenario(tmp_path, """
        local body, length = require("reader")(http.get("/bytes/10"))
        check("body", body == ("x"):rep(10))
        check("header", length == "10")""")
    done = run(path, "--target", target().url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert checks_of(done) == {"body": 0, "header": 0}


def test_check_once_shows_a_body_that_nobody_reads(target, tmp_path):
    done = pelt("check", scenario(tmp_path, 'http.get("/bytes/10")'), "--once", "--target", target().url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert "x" * 10 in done.out, done.out
