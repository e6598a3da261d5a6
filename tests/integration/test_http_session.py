"""What a user of a web application does: logs in, is redirected, sends forms and files; against a server that minds."""
import os

import pytest

from program import PASSED, ROOT, USAGE, pelt, run
from webapp import Webapp

# Of users, their cookies and bodies; a user belongs to one thread.
pytestmark = [pytest.mark.sanitize, pytest.mark.one_thread]


@pytest.fixture
def app():
    with Webapp() as server:
        yield server


def scenario(tmp_path, iteration, top=""):
    path = tmp_path / "s.lua"
    path.write_text(f"""local pelt = require "pelt"
local http, check = pelt.http, pelt.check
{top}
return {{ load = {{ users = 3, duration = "1s" }}, iteration = function(user)
{iteration}
pelt.sleep("20ms")
end }}
""")
    return path


def passed(done, *names):
    assert done.code == PASSED, done.told()
    failed = {row["name"]: row["failed"] for row in done.report["checks"] if row["passed"] > 0}
    assert failed == {name: 0 for name in names}, done.told()


def row(done, name):
    return next(row for row in done.report["requests"] if row["name"] == name)


def test_a_user_logs_in_and_stays_logged_in(app, tmp_path):
    path = scenario(tmp_path, """
        if user.iteration == 0 then
            check("not yet", http.get("/me", { expect = 401, name = "before" }).status == 401)
            local r = http.post("/login", { form = { user = "u" .. user.id, password = "x&y" }, redirects = 1 })
            check("redirected", r.status == 200 and r.redirects == 1)
        end
        check("own cookie", http.get("/me"):json("/cookie") == "sid=u" .. user.id)
        if user.iteration == 2 then
            http.get("/logout")
            check("out", http.get("/me", { expect = 401, name = "after" }).status == 401)
            user:stop()
        end""")
    done = run(path, "--target", app.url, "-d", "60s", cwd=tmp_path)
    passed(done, "not yet", "redirected", "own cookie", "out")
    # each hop is an exchange under its own name; the server saw as many as were counted
    assert row(done, "POST /login")["started"] == 3
    assert row(done, "GET /me")["started"] == 3 + 9
    assert done.report["totals"]["started"] == len(app.seen)


def test_cookies_of_bodies_that_nobody_reads_count_too(app, tmp_path):
    path = scenario(tmp_path, """
        http.get("/login", { name = "login" })
        check("in", http.get("/me").status == 200)""")
    passed(run(path, "--target", app.url, cwd=tmp_path), "in")


def test_redirects_keep_or_change_the_method_and_end(app, tmp_path):
    path = scenario(tmp_path, """
        local r = http.post("/hop/302/3", { json = { a = 1 }, redirects = 3 })
        check("get", r:json("/method") == "GET" and r:json("/body") == "" and r.redirects == 3)
        r = http.put("/hop/307/2", { json = { a = 1 }, redirects = 2 })
        check("put", r:json("/method") == "PUT" and r:json("/body") == '{"a":1}')
        r = http.get("/loop", { redirects = 5 })
        check("loop", not r.ok and r.error == "too_many_redirects" and r.status == 302 and r.redirects == 5)
        r = http.get("/strange", { redirects = 5 })
        check("strange", not r.ok and r.error == "bad_redirect" and r.status == 302)
        check("off", http.get("/loop").ok)""")
    done = run(path, "--target", app.url, cwd=tmp_path)
    passed(done, "get", "put", "loop", "strange", "off")
    assert done.report["totals"]["started"] == len(app.seen)


def test_another_origin_gets_no_credentials(app, tmp_path):
    with Webapp() as other:
        path = scenario(tmp_path, f"""
            local r = http.get("/away/{other.port}", {{ auth = {{ bearer = "token-7" }}, redirects = 1,
                headers = {{ ["X-Own"] = "1" }} }})
            check("no secret", r:json("/headers/Authorization") == nil)
            check("own", r:json("/headers/X-Own") == "1")
            check("host", r:json("/headers/Host") == "127.0.0.1:{other.port}")""")
        passed(run(path, "--target", app.url, cwd=tmp_path), "no secret", "own", "host")
        assert {line for line in other.seen} == {("GET", "/echo")}


def test_redirects_to_ever_new_servers_end_at_a_limit(app, tmp_path):
    hosts = 1005
    path = scenario(tmp_path, f"""
        for i = 1, {hosts} do
            local r = http.get("/roam/" .. i, {{ redirects = 1, name = "roam" }})
            check(r.ok and "followed" or r.error, r.redirects == (r.ok and 1 or 0))
        end
        check("known", http.get("/roam/7", {{ redirects = 1 }}).ok)
        user:stop()""")
    resolve = [word for i in range(1, hosts + 1) for word in ("--resolve", f"h{i}:{app.port}:127.0.0.1")]
    done = run(path, "--target", app.url, "--users", "1", "-d", "60s", *resolve, cwd=tmp_path)
    passed(done, "followed", "too_many_servers", "known")
    counted = {row["name"]: row["passed"] for row in done.report["checks"]}
    assert counted == {"followed": 999, "too_many_servers": hosts - 999, "known": 1}  # the target is the first one
    assert done.err.count("a thread has asked 1000 servers (host and port), which is the most") == 1, done.told()


def test_auth_is_sent_and_never_shown(app, tmp_path):
    path = scenario(tmp_path, """
        check("basic", api:get("/private").ok)
        check("bearer", http.get("/private", { auth = { bearer = "token-7" } }).ok)
        check("none", http.get("/private", { expect = 401 }).status == 401)""",
                    top='local api = http.client { auth = { user = "ada", password = "lovelace" } }')
    passed(run(path, "--target", app.url, cwd=tmp_path), "basic", "bearer", "none")
    once = pelt("check", "--once", path, "--target", app.url, cwd=tmp_path)
    assert once.code == PASSED, once.told()
    assert "Authorization: (not shown)" in once.out.replace("Authorization:(", "Authorization: ("), once.told()
    for secret in ("YWRhOmxvdmVsYWNl", "lovelace", "token-7"):
        assert secret not in once.out + once.err


def test_check_once_shows_no_bytes_that_are_no_text(app, tmp_path):
    path = scenario(tmp_path, """
        http.get("/packed/9", { compressed = true })
        http.post("/echo", { body = "a\\0b" })
        http.post("/echo", { body = ("x"):rep(599) .. "\\u{e9}" })""")
    once = pelt("check", "--once", path, "--target", app.url, cwd=tmp_path)
    assert once.code == PASSED, once.told()
    assert "> (3 bytes that are no text)" in once.out and "\0" not in once.out, once.out
    assert '< {"words": ["word", ' in once.out.split("Content-Encoding: gzip")[1].split("\n\n")[0], once.out  # decoded
    assert "> " + 599 * "x" + "\n> ... 2 bytes more" in once.out  # no half of a character


def test_a_batch_uses_six_connections(app, tmp_path):
    path = scenario(tmp_path, """
        local list = {}
        for i = 1, 9 do list[i] = { "GET", "/slow/300?i=" .. i, { name = "slow" } } end
        local begun = pelt.now()
        local answers = http.batch(list)
        local took = pelt.now() - begun
        for i = 1, 9 do check("in order", answers[i]:json("/path") == "/slow/300?i=" .. i) end
        check("at once", took < 9 * 0.3)
        user:stop()""")
    done = run(path, "--target", app.url, "--users", "1", "-d", "60s", cwd=tmp_path)
    passed(done, "in order", "at once")
    assert app.most == 6
    assert row(done, "slow")["started"] == 9


def test_a_batch_under_way_when_the_load_ends_is_counted(app, tmp_path):
    path = scenario(tmp_path, """
        local list = {}
        for i = 1, 9 do list[i] = "/slow/60000" end
        http.batch(list)""")
    done = run(path, "--target", app.url, "--users", "1", "--grace", "200ms", cwd=tmp_path)
    assert done.report["totals"]["outcomes"] == {"unfinished": 6}, done.told()


def test_forms_and_files_arrive(app, tmp_path):
    (tmp_path / "note.txt").write_text("a note\r\n--not a boundary--")
    path = scenario(tmp_path, """
        local r = http.post("/upload", { multipart = { title = "Grüße", tags = { "a", 2 }, note = note } })
        check("note", r:json("/0/file") == "letzte.txt" and r:json("/0/type") == "text/plain"
              and r:json("/0/text") == "a note\\r\\n--not a boundary--")
        check("tags", r:json("/1/text") == "a" and r:json("/2/text") == "2" and r:json("/2/name") == "tags")
        check("title", r:json("/3/name") == "title" and r:json("/3/text") == "Grüße")
        check("body", http.post("/echo", { body = note }):json("/body"):sub(1, 6) == "a note")""",
                    top='local note = pelt.file("note.txt", { type = "text/plain", name = "letzte.txt" })')
    passed(run(path, "--target", app.url, cwd=tmp_path), "note", "tags", "title", "body")


def test_a_made_body_may_be_larger_than_json_may(app, tmp_path):
    (tmp_path / "film.bin").write_bytes(bytes(65 << 20))
    path = scenario(tmp_path, """
        check("answered", http.post("/nowhere", { multipart = { film = film }, expect = 404 }).status == 404)
        user:stop()""", top='local film = pelt.file("film.bin")')
    done = run(path, "--target", app.url, "--users", "1", "-d", "60s", cwd=tmp_path)
    passed(done, "answered")
    assert done.report["totals"]["bytes_sent"] > 65 << 20


def test_a_file_that_is_not_there_is_told_before_anything_is_sent(app, tmp_path):
    path = scenario(tmp_path, "", top='local note = pelt.file("none.txt")')
    done = run(path, "--target", app.url, cwd=tmp_path)
    assert done.code == USAGE
    assert "none.txt: No such file" in done.err and "s.lua:3" in done.err
    assert app.seen == []


def test_a_pipe_is_no_file_to_send(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    path = scenario(tmp_path, "", top='local note = pelt.file("pipe")')
    done = pelt("check", path, cwd=tmp_path)
    assert done.code == USAGE and len(done.err.splitlines()[0]) > 0, done.told()
    assert "s.lua:3: pelt.file: " in done.err and "pipe: is no regular file: " in done.err, done.told()


def test_compressed_bodies_are_read_decoded_and_counted_as_sent(app, tmp_path):
    path = scenario(tmp_path, """
        local r = http.get("/packed/1000", { compressed = true, name = "packed" })
        check("decoded", r:json("/words/999") == "word" and not r.body_cut)
        local bomb = http.get("/packed/400000", { compressed = true, name = "bomb" })
        check("too large", bomb.error == "body_too_large" and bomb.body == nil and bomb.status == 0)
        check("not read", http.get("/packed/400000", { compressed = true, keep_body = false, name = "bomb" }).ok)
        user:stop()""")
    done = run(path, "--target", app.url, "-d", "60s", cwd=tmp_path)
    passed(done, "decoded", "too large", "not read")
    assert done.report["totals"]["outcomes"] == {"ok": 6, "body_too_large": 3}
    assert done.report["errors"][0]["sample"] == "the gzip body decodes to more than 1048576 bytes"
    assert done.report["totals"]["bytes_received"] < 6 * 40_000


def test_values_are_taken_out_of_pages(app, tmp_path):
    path = scenario(tmp_path, """
        local r = http.get("/page")
        check("match", r:match('name="csrf" value="([^"]+)"') == "tok-41")
        check("regex", r:regex("price: (\\\\d+\\\\.\\\\d+)") == "12.50")""")
    passed(run(path, "--target", app.url, cwd=tmp_path), "match", "regex")


def examples(*sections):
    """The Lua of these sections of docs/SCENARIOS.md, a text each."""
    text = (ROOT / "docs/SCENARIOS.md").read_text()
    for section in sections:
        body = text.split(f"\n### {section}\n")[1].split("\n## ")[0].split("\n### ")[0]
        yield from (block.split("```")[0] for block in body.split("```lua\n")[1:])


@pytest.mark.parametrize("block", examples("Cookies", "Redirects", "Forms and files", "Several at once", "Responses"))
def test_an_example_of_the_documentation_runs(app, tmp_path, block):
    (tmp_path / "photo.jpg").write_bytes(b"JFIF")
    top, inside, iteration = block.partition("-- in the iteration:\n")
    path = scenario(tmp_path, iteration if inside else block, top=top if inside else "")
    done = pelt("check", "--once", path, "--target", app.url, cwd=tmp_path)
    assert done.code == PASSED and "failed" not in done.out, done.told()
    assert app.seen
