"""http.stream: every event once, in order and to the byte; each stream ends in one outcome; times are those of the receive."""
import re
import signal
import time

import pytest

from eventserver import answer, serving
from program import PASSED, ROOT, SIGINT_CODE, SLOW, USAGE, Running, if_quiet, in_a_quiet_moment, outcomes_add_up, pelt, run

pytestmark = pytest.mark.sanitize


def scenario(tmp_path, iteration, load="{ users = 1, iterations_per_user = 1 }", more=""):
    """What `iteration` finds wrong it says by check()."""
    path = tmp_path / "stream.lua"
    path.write_text(f"""
local pelt = require "pelt"
local http, check = pelt.http, pelt.check
local function is(name, got, wanted)
    check(("%s: %s, wanted %s"):format(name, tostring(got), tostring(wanted)), got == wanted)
end
return {{
    load = {load},
    {more}
    iteration = function(user)
{iteration}
    end,
}}
""")
    return path


def failed_checks(done):
    return [check["name"] for check in done.report["checks"] if check["failed"]]


def right(done, code=PASSED):
    """It ran, all its checks hold; returns its outcomes."""
    assert done.code == code, done.told()
    outcomes_add_up(done.report)
    assert done.report["checks"] and failed_checks(done) == [], done.told()
    return done.report["totals"]["outcomes"]


def metrics(done):
    return {(row["name"], row["tags"].get("name")): row["stats"] for row in done.report["metrics"]}


# ---- counts, order, bytes ----

def test_each_event_comes_once_and_in_order(target, tmp_path):
    """10 users, 10 turns, two streams each: pelt-target sends 1 event for the role, 1 a word, 1 at the end, and [DONE]."""
    instance = target()
    path = scenario(tmp_path, """
        local function read(s)
            local words, n = {}, 0
            for event in s:events() do
                n = n + 1
                if event.data ~= "[DONE]" then words[#words + 1] = event:json("/choices/0/delta/content") or "" end
                is("at", event.at >= s.sent and event.type == "message" and event.id == "", true)
            end
            return table.concat(words), n
        end
        local asked = ("größer ja "):rep(1 + user.iteration)
        local api = http.stream("/api/chat", { method = "POST", json = { message = asked, stream = true }, name = "chat" })
        local text, n = read(api)
        is("text", text, "You said: " .. asked)
        is("count", n, 2 + 2 * (1 + user.iteration) + 3)
        is("status", api.status, 200)
        is("error", api.error, nil)
        is("headers", api.headers["content-type"], "text/event-stream")
        is("count told", api.count, n)
        is("name", api.name, "chat")
        local v1 = http.stream("/v1/chat/completions",
            { json = { stream = true, messages = { { role = "user", content = asked } } }, name = "v1" })
        is("v1", read(v1), "You said: " .. asked)
    """, "{ users = 10, iterations_per_user = 10 }")
    done = run(path, "--target", instance.url, cwd=tmp_path)
    assert right(done) == {"ok": 200}
    assert instance.settled_count()["total"] == 200
    told = metrics(done)
    assert told["stream_events", "chat"]["count"] == 10 * sum(2 + 2 * k + 3 for k in range(1, 11))
    for name in ("chat", "v1"):
        assert told["stream_events", name]["count"] == told["stream_coalesced", name]["count"]
        assert told["stream_gap", name]["count"] == told["stream_events", name]["count"] - 100
        assert told["stream_freeze", name]["count"] == told["stream_first", name]["count"] == 100


def test_an_event_comes_to_the_byte_in_any_split(tmp_path):
    whole = "\ufeffdata: größer\r\ndata\r\ndata: x\r\r: hello\nevent: add\nid: 7\ndata:y\n\nid\ndata: \0\n\ndata: not ended\n".encode()

    def split(connection):
        connection.head()
        for i in range(len(whole)):
            connection.piece(whole[i:i + 1])
        connection.end()
        return True

    def until_close(connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream;charset=utf-8\r\n\r\n" + whole)

    def length(connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: TEXT/Event-Stream\r\nContent-Length: %d\r\n\r\n" % len(whole))
        for i in range(0, len(whole), 7):
            connection.send(whole[i:i + 7])
            time.sleep(0.001)
        return True

    path = scenario(tmp_path, """
        for _, path in ipairs { "/split", "/until_close", "/length" } do
            local got = {}
            for e in http.stream(path) do got[#got + 1] = ("%s %s %s"):format(e.type, e.id, e.data) end
            is("count", #got, 3)
            is("first", got[1], "message  größer\\n\\nx")
            is("second", got[2], "add 7 y")
            is("third", got[3], "message  \\0")
        end
    """)
    with serving(split=split, until_close=until_close, length=length) as server:
        done = run(path, "--target", server.url, cwd=tmp_path)
        assert right(done) == {"ok": 3}
        assert [r.fields["accept"] for r in server.requests] == ["text/event-stream"] * 3


def test_lines_and_json_lines(tmp_path):
    path = scenario(tmp_path, """
        local got = {}
        for e in http.stream("/jsonl") do got[#got + 1] = e:json("/n") end
        is("jsonl", table.concat(got, ","), "1,2,3")
        got = {}
        for e in http.stream("/lines", { format = "lines" }) do got[#got + 1] = e.data end
        is("lines", table.concat(got, "|"), "a||b\\rc|last")
        for e in http.stream("/lines", { format = "sse" }) do check("no event", false) end
    """)
    with serving(jsonl=answer('{"n":1}\n{"n"', ':2}\r\n\n', '{"n":3}', type="application/x-ndjson"),
                 lines=answer("a\n\nb\rc\n", "last", type="text/plain")) as server:
        assert right(run(path, "--target", server.url, cwd=tmp_path)) == {"ok": 3}


# ---- how streams end ----

def test_breaking_out_is_abandoned_and_no_error(tmp_path, target):
    instance = target("--chat-gap", "constant:2ms")
    path = scenario(tmp_path, """
        local ask = { json = { message = ("word "):rep(200), stream = true }, name = "chat" }
        for event in http.stream("/api/chat", ask) do break end
        local s = http.stream("/api/chat", ask)
        for event in s:events() do if s.count == 3 then break end end
        is("error", s.error, "abandoned")
        is("after it", s(), nil)
        s = http.stream("/api/chat", ask)
        s:next() s:close() s:close()
        is("closed", s.error, "abandoned")
        do local t <close> = http.stream("/api/chat", ask) t() end
        pcall(function() for event in http.stream("/api/chat", ask) do error("out of it") end end)
        user.left = http.stream("/api/chat", ask) -- the iteration's end closes it
    """, "{ users = 2, iterations_per_user = 5 }", 'thresholds = { "errors share <= 0%" },')
    done = run(path, "--target", instance.url, cwd=tmp_path)
    assert right(done) == {"abandoned": 60}
    assert done.report["errors"] == [] and done.report["totals"]["sent"]["maybe"] == 60
    assert all(row["errors"] == 0 for row in done.report["seconds"])
    assert instance.settled_count()["total"] == 60


def test_a_stream_of_a_former_iteration_has_ended(tmp_path, target):
    path = scenario(tmp_path, """
        if user.left then
            is("error", user.left.error, "abandoned")
            while user.left() do end
            is("ended", user.left.ended ~= nil, true)
        end
        user.left = http.stream("/api/chat", { json = { message = "a b c", stream = true } })
        is("status", user.left.status, 200)
    """, "{ users = 1, iterations_per_user = 3 }")
    assert right(run(path, "--target", target("--chat-gap", "constant:20ms").url, cwd=tmp_path)) == {"abandoned": 3}


def test_a_server_that_cuts_off_truncates(tmp_path):
    def cut(connection):
        connection.head()
        connection.piece("data: 1\n\ndata: 2\n\n")
        connection.send(b"20\r\ndata: half")

    path = scenario(tmp_path, """
        local s = http.stream("/cut")
        local n = 0
        for e in s:events() do n = n + 1 end
        is("events", n, 2)
        is("error", s.error, "truncated")
        is("reason", s.reason, "the server closed the connection after 28 bytes of the body")
        is("status", s.status, 200)
    """)
    with serving(cut=cut) as server:
        done = run(path, "--target", server.url, cwd=tmp_path)
    assert right(done) == {"truncated": 1}
    assert done.report["errors"][0]["class"] == "truncated"


def test_a_freeze_ends_as_timeout(tmp_path):
    def freeze(connection):
        connection.head()
        connection.piece("data: 1\n\n")
        time.sleep(0.15)
        connection.piece(": still there\n\n")
        connection.socket.recv(1)  # until the client has gone

    path = scenario(tmp_path, """
        local s = http.stream("/freeze", { between = 0.3 })
        for e in s:events() do end
        is("error", s.error, "timeout")
        is("reason", s.reason, "no further byte within 0.3 s")
        is("late", s.ended - s.sent >= 0.45, true)
        s = http.stream("/freeze", { timeout = 0.2 })
        for e in s:events() do end
        is("reason", s.reason, "no whole response within 0.2 s")
        is("count", s.count, 1)
    """)
    with serving(freeze=freeze) as server:
        assert right(run(path, "--target", server.url, cwd=tmp_path)) == {"timeout": 2}


def test_what_is_no_stream_is_said(tmp_path):
    path = scenario(tmp_path, """
        local function events(s) local n = 0 for e in s:events() do n = n + 1 end return n end
        local s = http.stream("/json")
        is("type", s.error, "bad_stream")
        is("type", s.reason, "Content-Type application/json is none of a stream (`format` says what it is)")
        is("body", s.body, nil)
        is("none", events(s), 0)
        s = http.stream("/gzip")
        is("coding", s.reason, "Content-Encoding gzip: a stream is read as it is")
        s = http.stream("/status")
        is("status", s.error, "http_status")
        is("status", s.status, 503)
        is("reason", s.reason, "status 503")
        is("body", s.body, "come again")
        is("headers", s.headers["retry-after"], "9")
        is("none", events(s), 0)
        s = http.stream("/status", { expect = 503 })
        is("expected", s.error, nil)
        is("body", s.body, "come again")
        s = http.stream("/long")
        for e in s:events() do check("no event", false) end
        is("long", s.reason, "an event or a line above 1 MiB")
        s = http.stream("/none")
        is("none", s.error, nil)
        is("none", s.status, 204)
        is("none", events(s), 0)
        s = http.stream("http://127.0.0.1:1/")
        is("refused", s.error, "connect")
        is("refused", s.status, 0)
        is("refused", s.headers, nil)
        is("refused", s.sent, nil)
        is("refused", events(s), 0)
    """)

    def none(connection):
        connection.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        return True

    def long(connection):
        connection.head()
        for _ in range(33):
            connection.piece(b"data: " * 6000)

    with serving(json=answer('{"a":1}', type="application/json"), gzip=answer("xxx", Content_Encoding="gzip"),
                 status=answer("come ", "again", wait=0.05, status="503 Busy", type="text/plain", Retry_After="9"),
                 none=none, long=long) as server:
        done = run(path, "--target", server.url, cwd=tmp_path)
    assert right(done) == {"ok": 2, "bad_stream": 3, "http_status": 1, "connect": 1}
    assert done.report["totals"]["sent"] == {"yes": 6, "maybe": 0, "no": 1}


def test_a_lost_stream_goes_on_where_it_was(tmp_path):
    """Three events a connection, which then is cut: of twelve none is missing, none comes twice."""
    def cut(connection):
        first = 1 + int(connection.fields.get("last-event-id", 0))
        connection.head()
        connection.piece("retry: 20\n")
        for n in range(first, first + 3):
            connection.piece(f"id: {n}\ndata: {n}\n\n")
        connection.piece(f"id: {n + 1}\ndata: not ended")  # an event that was not ended has no id either
        if n < 12:
            return False
        connection.end()
        return True

    path = scenario(tmp_path, """
        local got = {}
        local s = http.stream("/cut", { resume = 5, json = { ask = "all" } })
        for e in s:events() do got[#got + 1] = e.data end
        is("events", table.concat(got, " "), "1 2 3 4 5 6 7 8 9 10 11 12")
        is("error", s.error, nil)
        is("resumed", s.resumed, 3)
        is("last id", s.last_id, "12")
        s = http.stream("/cut", { resume = 1 })
        for e in s:events() do end
        is("error", s.error, "truncated")
        is("count", s.count, 6)
    """)
    with serving(cut=cut) as server:
        done = run(path, "--target", server.url, cwd=tmp_path)
        asked = [(r.fields.get("last-event-id"), r.fields.get("content-length")) for r in server.requests]
    assert right(done) == {"ok": 1, "truncated": 5}
    assert asked == [(None, "13"), ("3", "13"), ("6", "13"), ("9", "13"), (None, None), ("3", None)]


# ---- at work ----

def test_a_slow_script_makes_the_server_wait(tmp_path):
    size = 32 << 20
    event = b"data: " + b"x" * 1016 + b"\n\n"
    waited = []

    def flood(connection):
        connection.head()
        for _ in range(size // len(event) // 64):
            connection.piece(event * 64)
        connection.end()
        return True

    def progress(connection):
        waited.append(connection.server.requests[0].sent)
        return answer("data: seen\n\n")(connection)

    path = scenario(tmp_path, """
        local n = 0
        for e in http.stream("/flood", { name = "flood" }) do
            n = n + 1
            if n == 1 then
                pelt.sleep(0.5)
                for _ in http.stream("/progress") do end
            end
            if #e.data ~= 1016 then check("length", false) end
        end
        is("events", n, %d)
    """ % (size // len(event)))
    with serving(flood=flood, progress=progress) as server:
        assert right(run(path, "--target", server.url, cwd=tmp_path)) == {"ok": 2}
    assert waited[0] < size * 3 // 4, "it was received while nobody took it"


def test_other_requests_go_on_beside_a_stream(target, tmp_path):
    path = scenario(tmp_path, """
        local a = http.stream("/api/chat", { json = { message = "one two three", stream = true } })
        local b = http.stream("/api/chat", { json = { message = "four five six", stream = true } })
        local n = 0
        while true do
            local x, y = a(), b()
            if not x and not y then break end
            n = n + 1
            is("models", http.get("/api/models").status, 200)
            is("batch", #http.batch { "/health", "/health" }, 2)
        end
        is("events", n, 8)
    """, "{ users = 3, iterations_per_user = 3 }")
    instance = target("--chat-gap", "constant:1ms")
    done = run(path, "--target", instance.url, cwd=tmp_path)
    assert right(done) == {"ok": 9 * (2 + 8 * 3)}
    assert instance.settled_count()["total"] == 9 * 26
    shared = run(path, "--target", instance.url, cwd=tmp_path) if path.write_text(
        path.read_text().replace("load =", 'connections = "shared", load =')) else None
    assert right(shared) == {"ok": 9 * 26}


def test_500_streams_at_once(target, tmp_path):
    instance = target("--chat-gap", "constant:60ms")
    path = scenario(tmp_path, """
        local n = 0
        for event in http.stream("/api/chat", { json = { message = ("w "):rep(8), stream = true }, name = "chat" }) do n = n + 1 end
        is("events", n, 13)
    """, "{ users = 500, iterations_per_user = 1 }")
    done = run(path, "--target", instance.url, cwd=tmp_path)
    assert right(done) == {"ok": 500}
    assert metrics(done)["stream_events", "chat"]["count"] == 6500
    assert instance.settled_count()["total"] == 500


@pytest.mark.parametrize("wait", ["for _ in s:events() do end", 'pelt.sleep("1h")'])
def test_an_interrupt_ends_streams(target, tmp_path, wait):
    instance = target("--chat-gap", "constant:50ms")
    path = scenario(tmp_path, f"""
        local s = http.stream("/api/chat", {{ json = {{ message = ("w "):rep(5000), stream = true }} }})
        {wait}
    """, '{ users = 20, duration = "1h" }')
    started = Running("run", path, "--target", instance.url, "--grace", "300ms", "--out", "json=r.json", "--quiet",
                      "--no-run-file", "--allow-invalid", cwd=tmp_path)
    deadline = time.monotonic() + 20
    while instance.count()["total"] < 20:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    started.signal(signal.SIGINT)
    done = started.wait(20)  # a grace period is 30 s if not told otherwise
    assert done.code == SIGINT_CODE, done.told()
    assert (tmp_path / "r.json").read_text().count('"unfinished": 20') >= 1, done.told()


# ---- times ----

@pytest.mark.alone
@pytest.mark.idle
def test_times_are_those_that_were_planted(target, tmp_path):
    """The first token after 100 ms, then one each 30 ms."""
    path = scenario(tmp_path, """
        for event in http.stream("/api/chat", { json = { message = "a b c d e f", stream = true }, name = "chat",
                                                first = "/choices/0/delta/content" }) do
            local sent_ns = event:json("/sent_ns")
            if sent_ns then is("after it was sent", event.at * 1e9 - sent_ns > -1000, true) end
        end
    """, "{ users = 4, iterations_per_user = 5 }",
        'thresholds = { "stream_match{name=chat} max < 5s", "stream_gap p95 < 5s", "stream_events count >= 1" },')

    def check(attempt):
        instance = target("--chat-first", "constant:100ms", "--chat-gap", "constant:30ms")
        done = run(path, "--target", instance.url, cwd=tmp_path)
        assert right(done) == {"ok": 20}
        told = metrics(done)
        for name in ("stream_ttfb", "stream_first", "stream_match", "stream_freeze", "stream_gap"):
            assert told[name, "chat"]["max"] >= told[name, "chat"]["p50"]
            if name + "_due" in told:
                assert told[name + "_due", "chat"]["max"] >= told[name, "chat"]["max"]
        if_quiet(SLOW or 99 <= told["stream_match", "chat"]["p50"] <= 106, told["stream_match", "chat"])
        if_quiet(SLOW or 29 <= told["stream_freeze", "chat"]["p50"] <= 40, told["stream_freeze", "chat"])

    in_a_quiet_moment(check)


def test_first_is_a_function_a_pointer_or_a_pattern(tmp_path):
    path = scenario(tmp_path, """
        local function read(first)
            for e in http.stream("/words", { first = first, name = "w" }) do end
        end
        read("/text")
        read("w%d+")
        read(function(event) return event:json("/text") == "w2" end)
        read("/nothing")
        local s = http.stream("/words", { first = function(event) error("mine") end })
        local ok, said = pcall(s)
        is("raised", ok or said:match("mine") ~= nil, true)
    """)
    words = [f"data: {text}\n\n" for text in ('{"text":""}', '{"text":null}', '{"text":"w1"}', '{"text":"w2"}', "[DONE]")]
    with serving(words=answer(*words, wait=0.03)) as server:
        done = run(path, "--target", server.url, cwd=tmp_path)
    right(done)
    told = metrics(done)
    assert told["stream_match", "w"]["count"] == 3
    assert 60 <= told["stream_match", "w"]["min"] <= told["stream_match", "w"]["max"]
    assert told["stream_first", "w"]["count"] == 4


# ---- what is wrong is said ----

WRONG = {
    "betwen = 1": "http.stream: unknown option 'betwen': did you mean 'between'?",
    "redirects = 1": "http.stream: redirects: a stream follows none",
    "compressed = true": "http.stream: compressed: a compressed stream is refused",
    "resume = 5000": "http.stream: resume: '5000': give how often a lost connection is made anew, 0 to 1000",
    'format = "xml"': "http.stream: format: 'xml' is none of",
    "first = 1": "http.stream: first: a function, a JSON pointer",
    'method = "HEAD"': "http.stream: method: the answer to HEAD has no body",
    "between = 0": "http.stream: between",
    "json = {}, body = 'x'": "http.stream: ",
    "auth = { digest = { user = 'u', password = 'p' } }": "http.stream: auth: digest: a challenge cannot be answered here",
}


@pytest.mark.parametrize("options, words", WRONG.items(), ids=WRONG.keys())
def test_a_wrong_option_is_named(target, tmp_path, options, words):
    path = scenario(tmp_path, f'http.stream("/api/chat", {{ {options} }})')
    done = pelt("run", path, "--target", target().url, "--quiet", "--no-run-file", cwd=tmp_path)
    assert done.code == USAGE and words in done.told(), done.told()


def test_a_misspelt_option_is_found_before_the_run(tmp_path):
    path = scenario(tmp_path, 'http.stream("/x", { betwen = 1, first = "/a", resume = 1 }) http.get("/x", { first = 1 })')
    done = pelt("check", path, "--target", "http://127.0.0.1:1", cwd=tmp_path)
    assert "betwen" in done.told() and "'first'" in done.told() and "'resume'" not in done.told(), done.told()


def test_a_batch_has_no_streams(target, tmp_path):
    path = scenario(tmp_path, 'http.batch { { "GET", "/health", { format = "sse" } } }')
    done = pelt("run", path, "--target", target().url, "--quiet", "--no-run-file", cwd=tmp_path)
    assert done.code == USAGE and "unknown option 'format'" in done.told(), done.told()


# ---- what is shown ----

def test_the_documented_streams_run(target, tmp_path):
    text = (ROOT / "docs/SCENARIOS.md").read_text().split("\n## Streams\n", 1)[1].split("\n## ", 1)[0]
    shown = re.findall(r"```lua\n(.*?)```", text, re.S)
    assert len(shown) >= 2
    url = target().url
    for source in shown:
        path = scenario(tmp_path, source, more='thresholds = { "errors share <= 0%" },')
        done = run(path, "--target", url, cwd=tmp_path)
        assert done.code == PASSED and failed_checks(done) == [], (source, done.told())


def test_the_scenario_of_streams_runs(target, tmp_path):
    instance = target("--chat-gap", "constant:1ms")
    done = run(ROOT / "scenarios/stream.lua", "--set", f"TARGET={instance.url}", "--set", "USERS=40", "--duration", "2s",
               cwd=tmp_path)
    outcomes = right(done)
    assert set(outcomes) == {"ok"} and outcomes["ok"] == instance.settled_count()["total"]
    assert metrics(done)["stream_match", "chat"]["count"] > 0
