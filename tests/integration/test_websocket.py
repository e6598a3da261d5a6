"""WebSockets of users: against pelt-target every message is counted on both sides, hostile servers end in their class, and
a run's end closes what is open."""
import re
import signal
import socket
import struct
import threading
import time

import pytest

from program import PASSED, ROOT, SIGINT_CODE, USAGE, Running, if_quiet, in_a_quiet_moment, outcomes_add_up, pelt, run, tried_until_quiet
from test_target_limits import metrics
from wsclient import BINARY, CLOSE, CONTINUED, PING, PONG, TEXT
from wsserver import Server

pytestmark = pytest.mark.sanitize

SCENARIO = """
local pelt = require "pelt"
local ws, check = pelt.ws, pelt.check
return {
    load = { users = %d, iterations_per_user = %d },
    iteration = function(user)
%s
    end,
}
"""


@pytest.fixture
def ws_run(tmp_path):
    """ws_run(url, body, users=1, iterations=1): what `pelt run` says, checks asserted."""
    def go(url, body, *options, users=1, iterations=1, checks=True):
        path = tmp_path / "scenario.lua"
        path.write_text(SCENARIO % (users, iterations, body))
        done = run(path, "--target", url, "-t", 1, *options, cwd=tmp_path)
        assert done.report, done.told()
        outcomes_add_up(done.report)
        if checks:
            failed = [row for row in done.report["checks"] if row["failed"]]
            assert not failed, (failed, done.told())
        return done
    return go


def total(report, metric, **tags):
    """The sum of a counter, or the samples of a trend, over all series with these tags."""
    rows = [row for row in report["metrics"] if row["name"] == metric
            and all(row["tags"].get(key) == value for key, value in tags.items())]
    return sum(row["stats"]["count"] for row in rows)


def closes(report):
    return {(row["tags"]["code"], row["tags"]["clean"]): row["stats"]["count"]
            for row in report["metrics"] if row["name"] == "ws_closes"}


def errors(report):
    """By class; the series without one, which is there once a WebSocket was opened, has none."""
    rows = [row for row in report["metrics"] if row["name"] == "ws_errors"]
    assert all(row["stats"]["count"] == 0 for row in rows if "class" not in row["tags"])
    return {row["tags"]["class"]: row["stats"]["count"] for row in rows if "class" in row["tags"]}


def event(instance, name):
    return metrics(instance).get(f'pelt_target_events_total{{system="websocket",event="{name}"}}', 0)


def balanced(report, instance):
    """Messages and bytes are those that the server counted."""
    for ours, theirs in (("sent", "in"), ("received", "out")):
        assert total(report, "ws_messages", direction=ours) == event(instance, f"message_{theirs}"), report["metrics"]
        assert total(report, "ws_bytes", direction=ours) == event(instance, f"byte_{theirs}"), report["metrics"]


# ---- against pelt-target ----

ECHO = """
        local c = ws.connect("/ws/echo", { name = "echo" })
        check("open", c.open and c.status == 101 and c.error == nil)
        for i = 1, %d do
            local text = user.id .. ":" .. i .. ("x"):rep(user.rng:int(0, 300))
            local m, binary = c:request(text)
            check("echo", m == text and binary == false)
        end
        local code, clean = c:close()
        check("closed", code == 1000 and clean and not c.open and c.code == 1000)
"""


def test_ten_thousand_echoes_are_counted_alike(target, ws_run):
    instance = target()
    done = ws_run(instance.url, ECHO % 100, users=10, iterations=10)
    assert done.code == PASSED, done.told()
    assert total(done.report, "ws_messages", direction="sent") == total(done.report, "ws_rtt") == 10_000
    balanced(done.report, instance)
    assert done.report["totals"]["outcomes"] == {"ok": 100} and done.report["totals"]["sent"]["yes"] == 100
    assert [row["name"] for row in done.report["requests"]] == ["echo"]
    assert total(done.report, "ws_connect", name="echo") == 100 and closes(done.report) == {("1000", "true"): 100}
    assert errors(done.report) == {} and instance.count()["paths"] == {"/ws/echo": 100}


def test_all_sizes_and_binary(target, ws_run):
    instance = target("--ws-message", "4m", "--ws-queue", "8m")
    done = ws_run(instance.url, """
        local c = ws.connect("/ws/echo", { max_message = 4 * 1024 * 1024 })
        for _, size in ipairs { 0, 1, 125, 126, 65535, 65536, 100000, 3000000 } do
            local bytes = ("\\0\\xff\\x80abc"):rep(size // 6 + 1):sub(1, size)
            check("sent", c:send_binary(bytes))
            local m, binary = c:recv()
            check("same", m == bytes and binary == true)
        end
        check("text", c:request(("\\u{20ac}"):rep(50000)) == ("\\u{20ac}"):rep(50000))
        c:close()
    """)
    assert done.code == PASSED, done.told()
    balanced(done.report, instance)


def test_a_chat_streams_its_tokens(target, ws_run):
    instance = target("--chat-gap", "1ms", "--chat-first", "1ms")
    done = ws_run(instance.url, """
        local c = ws.connect("/ws/chat")
        check("sent", c:send { message = "one two three four five six seven", max_tokens = 8 })
        local tokens, last = 0, nil
        for m in c:messages("5s") do
            last = pelt.json.decode(m)
            if last.type == "done" then break end
            tokens = tokens + 1
        end
        check("eight", tokens == 8 and last.type == "done")
        check("clean", select(2, c:close(1000, "thanks")))
    """)
    assert done.code == PASSED, done.told()
    balanced(done.report, instance)
    assert total(done.report, "ws_gap") == 8


def test_a_thousand_connections(target, ws_run):
    instance = target()
    done = ws_run(instance.url, """
        local open = {}
        for i = 1, 100 do
            open[i] = ws.connect("/ws/echo")
            check("open", open[i].open)
        end
        for i = 1, 100 do
            check("echo", open[i]:request("x" .. i) == "x" .. i)
        end
        user.open = open -- closed as the user leaves
    """, users=10)
    assert done.code == PASSED, done.told()
    balanced(done.report, instance)
    assert closes(done.report) == {("1000", "true"): 1000} and event(instance, "opened") == 1000


def test_thresholds_know_them(target, ws_run):
    done = ws_run(target().url, ECHO % 40, "--threshold", "ws_rtt p90 < 10s", "--threshold", "ws_connect max < 10s",
                  "--threshold", "ws_errors count <= 0")
    assert [row["level"] for row in done.report["thresholds"]] == ["target"] * 3, done.told()


def test_the_mean_of_connecting_is_told(target, ws_run):
    report = ws_run(target().url, ECHO % 1, iterations=5).report
    [row] = [row for row in report["metrics"] if row["name"] == "ws_connect"]
    assert report["summary"]["ws_connect_avg_ms"] == pytest.approx(row["stats"]["mean"], abs=0.002)


def test_the_users_cookies_and_headers_go_along(ws_run):
    def serve(peer):
        peer.accept("Set-Cookie: sid=7\r\nSec-WebSocket-Protocol: b\r\n")
        peer.echo()
        return peer.fields

    with Server(serve) as server:
        ws_run(server.url, """
            for i = 1, 2 do
                local c = ws.connect("/feed?x=1", { subprotocol = { "a", "b" }, headers = { Authorization = "k" } })
                check("protocol", c.subprotocol == "b" and c.deflate == false)
                c:close()
            end
        """, "-H", "X-Tenant: blue")
        first, second = sorted(server.wait(), key=lambda fields: "cookie" in fields)
    assert first["sec-websocket-protocol"] == "a, b" and first["authorization"] == "k" and first["x-tenant"] == "blue"
    assert "cookie" not in first and second["cookie"] == "sid=7" and first["sec-websocket-version"] == "13"
    assert first["sec-websocket-key"] != second["sec-websocket-key"]


# ---- correlation ----

def test_answers_are_known_by_their_id(ws_run):
    def serve(peer):
        peer.accept()
        held = []
        while True:
            opcode, payload = peer.frame()
            if opcode == CLOSE:
                peer.send(CLOSE, payload)
                return
            peer.send(TEXT, b'{"event": "tick"}')
            held.append(payload)
            if len(held) == 1 or b"last" in payload:
                for message in reversed(held):
                    peer.send(TEXT, message)
                held = [b""]

    with Server(serve) as server:
        done = ws_run(server.url, """
            local c = ws.connect("/")
            check("pointer", pelt.json.decode(c:request({ id = 41, a = "x" }, { match = "/id" })).id == 41)
            c:send("17 second") c:send("7 third")
            check("whole word", c:request("last", { match = 7, timeout = "5s" }) == "7 third")
            check("pattern", c:request("zlast", { pattern = "^z" }) == "zlast")
            check("function", c:request("flast", { match = function(m) return m == "flast" end }) == "flast")
            local left = {}
            while true do
                local m = c:recv(0.05)
                if not m then break end
                left[#left + 1] = m
            end
            check("others stay", left[1] == '{"event": "tick"}' and #left > 5)
            check("recv timed out", c.error == "timeout")
            local m, why = c:request("none", { match = "nothing", timeout = "50ms" })
            check("timeout", m == nil and why == "timeout" and c.open)
            c:close()
        """)
    assert total(done.report, "ws_rtt") == 4 and errors(done.report) == {"timeout": 1}, done.told()


@pytest.mark.one_thread
@tried_until_quiet
def test_pings_are_answered_while_the_script_sleeps(ws_run):
    def serve(peer):
        peer.accept()
        began = time.monotonic()
        peer.send(TEXT, b"be", fin=False)
        peer.send(PING, b"are you there?")
        assert peer.frame() == (PONG, b"are you there?")
        took = time.monotonic() - began
        peer.send(CONTINUED, b"gun")
        assert peer.frame()[0] == PING
        peer.send(PONG, b"not yours")
        time.sleep(0.05)
        peer.send(PING, b"")
        assert peer.frame() == (PONG, b"")
        return took, peer.close(4001, "genug für heute".encode())

    with Server(serve) as server:
        done = ws_run(server.url, """
            local c = ws.connect("/")
            pelt.sleep("2s")
            check("fragments", c:recv() == "begun")
            local pong, why = c:ping("3s")
            check("the server closed", pong == nil and why == "closed")
            check("code", c.code == 4001 and c.reason == "genug für heute" and c.clean and c.error == "closed")
            check("closed", c:send("x") == nil and c:close() == 4001)
        """)
        [(took, code)] = server.wait()
    assert code == 4001
    assert closes(done.report) == {("4001", "true"): 1} and errors(done.report) == {}
    if_quiet(took < 1.5, took)


# ---- what servers do wrong ----

def reset(peer):
    peer.accept()
    peer.socket.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER: a reset


def shut(peer):
    peer.accept(behind=b"\x81\x02hi")


def masked(peer):
    peer.accept()
    peer.socket.sendall(b"\x81\x81abcd\x00")
    return peer.frame()


def bad_text(peer):
    peer.accept()
    peer.send(TEXT, b"\xc3\x28")
    return peer.frame()


def bad_deflate(peer):
    peer.accept("Sec-WebSocket-Extensions: permessage-deflate\r\n")
    peer.send(TEXT, b"\xff\xff\xff", rsv=4)
    return peer.frame()


def too_large(peer):
    peer.accept()
    peer.send(BINARY, b"x" * 1000)
    return peer.frame()


def unknown_opcode(peer):
    peer.accept()
    peer.send(5, b"")
    return peer.frame()


@pytest.mark.one_thread
@pytest.mark.parametrize("serve, said, code, ours", [
    (reset, "reset", 1006, None), (shut, "reset", 1006, None), (masked, "protocol", 1002, 1002),
    (bad_text, "bad_utf8", 1007, 1007), (bad_deflate, "bad_deflate", 1007, 1007), (too_large, "too_large", 1009, 1009), (unknown_opcode, "protocol", 1002, 1002),
], ids=lambda value: getattr(value, "__name__", None))
def test_each_failure_has_its_class(serve, said, code, ours, ws_run):
    with Server(serve) as server:
        done = ws_run(server.url, f"""
            local c = ws.connect("/", {{ max_message = 999, deflate = true }})
            check("open", c.status == 101)
            local m, why = c:recv("5s")
            if m == "hi" then m, why = c:recv("5s") end
            check("why", m == nil and why == "{said}" and c.error == "{said}" and not c.open)
            check("code", c.code == {code} and c.clean == false)
            check("nothing more", c:send("x") == nil and c:recv() == nil and c:request("x") == nil)
        """)
        [result] = server.wait()
    assert errors(done.report) == {said: 1} and closes(done.report) == {(str(code), "false"): 1}, done.told()
    assert done.report["totals"]["outcomes"] == {"ok": 1} and done.code == PASSED
    if ours:
        assert result == (CLOSE, struct.pack("!H", ours))


@pytest.mark.one_thread
@pytest.mark.parametrize("serve, outcome, status", [
    (lambda peer: peer.accept(accept="AAAA"), "ws_handshake", 101),
    (lambda peer: peer.accept("Sec-WebSocket-Protocol: other\r\n"), "ws_handshake", 101),
    (lambda peer: peer.accept("Sec-WebSocket-Extensions: permessage-deflate\r\n"), "ws_handshake", 101),
    (lambda peer: peer.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), "http_status", 200),
    (lambda peer: peer.socket.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), "http_status", 503),
    (lambda peer: None, "reset", 0),
    (lambda peer: peer.socket.sendall(b"nonsense\r\n\r\n"), "bad_response", 0),
], ids=["accept", "subprotocol", "extension", "200", "503", "reset", "nonsense"])
def test_a_handshake_that_opens_nothing(serve, outcome, status, ws_run):
    with Server(serve) as server:
        done = ws_run(server.url, f"""
            local c = ws.connect("/")
            check("not open", not c.open and c.error == "{outcome}" and c.status == {status})
            local m, why = c:send("x")
            check("no send", m == nil and why == "{outcome}")
            check("no close", c:close() == nil)
        """)
    assert done.report["totals"]["outcomes"] == {outcome: 1}, done.told()
    assert total(done.report, "ws_connect") == 0 and closes(done.report) == {}


@pytest.mark.one_thread
def test_nobody_there_is_connect_with_back_off(ws_run):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and not listened at
        done = ws_run(f"http://127.0.0.1:{nobody.getsockname()[1]}", """
            for i = 1, 12 do
                local c = ws.connect("/")
                check("refused", c.error == "connect" and c.status == 0)
            end
        """)
    assert done.report["totals"]["outcomes"] == {"connect": 12}
    assert done.report["run"]["duration_s"] > 0.5, "each refusal waits longer for the next"


@pytest.mark.one_thread
def test_a_handshake_that_never_comes_times_out(ws_run):
    with Server(lambda peer: peer.socket.recv(1)) as server:
        done = ws_run(server.url, """
            check("timeout", ws.connect("/", { timeout = "100ms" }).error == "timeout")
        """)
    assert done.report["totals"]["outcomes"] == {"timeout": 1}


@pytest.mark.one_thread
def test_a_close_that_is_not_answered_ends_after_2_s(ws_run):
    def serve(peer):
        peer.accept()
        peer.frame()
        time.sleep(4)

    def check(attempt):
        with Server(serve) as server:
            done = ws_run(server.url, """
                local c = ws.connect("/")
                local before = pelt.now()
                local code, clean = c:close()
                local took = pelt.now() - before
                check("bounded", took > 1.9)
                check("code", code == 1006 and clean == false)
            """)
        assert errors(done.report) == {"close_timeout": 1} and closes(done.report) == {("1006", "false"): 1}
        if_quiet(done.report["run"]["duration_s"] < 2.5, done.told())

    in_a_quiet_moment(check)


def test_messages_behind_the_close_are_counted(ws_run):
    def serve(peer):
        peer.accept()
        assert peer.frame()[0] == CLOSE
        for _ in range(5):
            peer.send(TEXT, b"late")
        peer.send(CLOSE, struct.pack("!H", 1000))

    with Server(serve) as server:
        done = ws_run(server.url, """
            local c = ws.connect("/")
            local code, clean = c:close()
            check("clean", code == 1000 and clean)
        """)
    assert total(done.report, "ws_messages", direction="received") == 5


# ---- who does not keep up ----

def test_a_user_that_does_not_read_is_felt_by_the_server(ws_run):
    pieces, size = 3000, 4096

    def serve(peer):
        peer.accept()
        peer.socket.settimeout(0.3)
        payload, sent, stalled = b"x" * size, 0, False
        for _ in range(pieces):
            while True:
                try:
                    peer.send(BINARY, payload)
                    break
                except TimeoutError:
                    stalled = True
                    peer.socket.settimeout(30)
                    return stalled
        return stalled

    with Server(serve) as server:
        done = ws_run(server.url, """
            local c = ws.connect("/")
            pelt.sleep("1.5s")
            local n = 0
            for m in c:messages("300ms") do n = n + 1 end
            check("some", n > 256)
        """)
        [stalled] = server.wait()
    assert stalled, "12 MB do not fit into a box of 1 MiB and the sockets' buffers"
    received = total(done.report, "ws_messages", direction="received")
    assert 256 < received < pieces


def test_a_server_that_does_not_read_is_waited_for(ws_run):
    def serve(peer):
        peer.accept()
        time.sleep(1)
        n = 0
        while True:
            opcode, payload = peer.frame()
            if opcode == CLOSE:
                peer.send(CLOSE, payload)
                return n
            assert len(payload) == 65000
            n += 1

    with Server(serve) as server:
        done = ws_run(server.url, """
            local c = ws.connect("/")
            local bytes = ("x"):rep(65000)
            for i = 1, 300 do check("sent", c:send_binary(bytes)) end
            check("clean", select(2, c:close()))
        """)
        assert server.wait() == [300]
    assert total(done.report, "ws_messages", direction="sent") == 300
    assert total(done.report, "ws_bytes", direction="sent") == 300 * 65000


# ---- the end ----

FEED = """
local pelt = require "pelt"
return {
    load = { users = 3, duration = "%s" },
    iteration = function(user)
        local c = pelt.ws.connect("/")
        for m in c:messages() do pelt.check("m", m == "tick") end
        pelt.check("closed", select(2, c:close()))
    end,
}
"""


def ticking(peer):
    peer.accept()
    peer.socket.settimeout(0.02)
    while True:
        try:
            opcode, payload = peer.frame()
            peer.send(CLOSE, payload)
            return struct.unpack("!H", payload)[0]
        except TimeoutError:
            peer.send(TEXT, b"tick")


def test_a_feed_ends_with_the_load(tmp_path):
    path = tmp_path / "feed.lua"
    path.write_text(FEED % "1s")
    with Server(ticking) as server:
        done = run(path, "--target", server.url, "-t", 1, cwd=tmp_path)
        assert server.wait() == [1000] * 3
    assert done.code == PASSED and done.seconds < 15, done.told()
    assert done.report["totals"]["outcomes"] == {"ok": 3} and closes(done.report) == {("1000", "true"): 3}
    assert all(row["failed"] == 0 for row in done.report["checks"]), done.told()


@pytest.mark.parametrize("options", [[], ["-n", "3"]])
def test_an_interrupt_ends_a_feed_politely(tmp_path, options):
    path = tmp_path / "feed.lua"
    path.write_text(FEED % "60s")
    with Server(ticking) as server:
        running = Running("run", path, "--target", server.url, "-t", "1", "--no-run-file", *options, cwd=tmp_path)
        while len(server.threads) < 3:
            time.sleep(0.01)
        time.sleep(0.3)
        running.signal(signal.SIGINT)
        done = running.wait()
        assert server.wait() == [1000] * 3
    assert done.code == SIGINT_CODE and re.search(r"ok +3\b", done.out), done.told()


STORY = """
local pelt = require "pelt"
return {
    load = { %s, duration = "60s" },
    iteration = function(user)
        local c <close> = pelt.ws.connect("/ws/chat")
        c:send { message = "tell me a story", max_tokens = 10 }
        local last
        for m in c:messages("20s") do
            last = pelt.json.decode(m).type
            if last == "done" then break end
        end
        pelt.check("told", last == "done")
        %s
    end,
}
"""


@pytest.mark.parametrize("load, more, options", [
    ("users = 1", "", ["-n", 3]), ("users = 1, iterations = 3", "", []), ("users = 1", "if user.iteration == 2 then user:stop() end", []),
    ('rate = "30/s"', "", ["-n", 3])])
def test_a_feed_in_the_last_iteration_is_whole(target, tmp_path, load, more, options):
    path = tmp_path / "story.lua"
    path.write_text(STORY % (load, more))
    done = run(path, "--target", target("--chat-gap", "constant:20ms").url, "-t", 1, *options, cwd=tmp_path)
    assert [(row["passed"], row["failed"]) for row in done.report["checks"]] == [(3, 0)], done.told()
    assert done.seconds < 30


def test_a_feed_is_read_by_check_once(target, tmp_path):
    path = tmp_path / "story.lua"
    path.write_text(STORY % ("users = 1", ""))
    done = pelt("check", path, "--once", "--target", target("--chat-gap", "constant:20ms").url, cwd=tmp_path)
    assert done.code == PASSED and "told: passed" in done.out, done.told()


def test_a_feed_of_the_last_iterations_ends_with_the_planned_time(tmp_path):
    path = tmp_path / "feed.lua"
    path.write_text(FEED % "2s")
    with Server(ticking) as server:
        done = run(path, "--target", server.url, "-t", 1, "-n", 3, cwd=tmp_path)
        assert server.wait() == [1000] * 3
    assert done.code == PASSED and 1.5 < done.seconds < 15, done.told()


def test_what_is_cut_by_the_grace_says_going_away(tmp_path):
    def serve(peer):
        peer.accept()
        opcode, payload = peer.frame()
        peer.send(CLOSE, payload)
        return struct.unpack("!H", payload)[0]

    path = tmp_path / "long.lua"
    path.write_text("""
        local pelt = require "pelt"
        return { load = { users = 2, duration = "300ms" },
                 iteration = function(user) user.c = pelt.ws.connect("/") user.c:recv() end }
    """)
    with Server(serve) as server:
        done = run(path, "--target", server.url, "-t", 1, "--grace", "200ms", cwd=tmp_path)
        assert server.wait() == [1001] * 2
    assert closes(done.report) == {("1001", "true"): 2}, done.told()


def test_setup_may_speak_and_is_closed(tmp_path):
    path = tmp_path / "setup.lua"
    path.write_text("""
        local pelt = require "pelt"
        return {
            load = { users = 1, iterations_per_user = 1 },
            setup = function()
                local c = pelt.ws.connect("/")
                return { token = c:request("token?") }
            end,
            iteration = function(user, data) pelt.check("token", data.token == "token?") end,
        }
    """)
    def serve(peer):
        peer.accept()
        return peer.echo()

    with Server(serve) as server:
        done = run(path, "--target", server.url, cwd=tmp_path)
        assert server.wait() == [1000]
    assert done.code == PASSED and done.report["checks"][0]["passed"] == 1, done.told()


def test_one_that_nobody_holds_is_closed(ws_run):
    def serve(peer):
        peer.accept()
        return peer.echo()

    with Server(serve) as server:
        ws_run(server.url, """
            do local c <close> = ws.connect("/") end
            ws.connect("/")
            collectgarbage() collectgarbage()
            pelt.sleep("100ms")
        """, users=2)
        assert server.wait() == [1000] * 4


# ---- fan-out ----

FANOUT = """
local pelt = require "pelt"
local room = pelt.ws.fanout("news")
local ready = pelt.shared.counter("ready")

return {
    load = { users = 5, iterations_per_user = 1 },
    iteration = function(user)
        local c = pelt.ws.connect("/")
        if user.id > 0 then
            room:join(user)
            ready:add()
            for m in c:messages() do
                pelt.check("stamped", room:take(user, m) ~= nil)
                if m:find(" story 100$") then break end
            end
            room:leave(user)
            ready:add(-1)
        else
            while ready:get() < 4 do pelt.sleep("10ms") end
            for i = 1, 100 do c:send(room:stamp(user) .. " story " .. i) pelt.sleep("1ms") end
            while ready:get() > 0 do pelt.sleep("10ms") end
        end
        c:close()
    end,
}
"""


def test_what_a_server_hands_on_is_told_by_delay_loss_copies_and_order(tmp_path):
    """Planted: the 10th story is lost, the 20th comes twice, the 30th after the 31st, for each of four listeners."""
    lock, peers, held = threading.Lock(), [], []

    def hand_on(payload):
        story = int(payload.rsplit(b" ", 1)[1])
        if story == 10:
            return
        if story == 30:
            held.append(payload)
            return
        for text in [payload, *([payload] if story == 20 else []), *(held if story == 31 else [])]:
            for peer in peers:
                peer.send(TEXT, text)

    def serve(peer):
        peer.accept()
        with lock:
            peers.append(peer)
        while True:
            opcode, payload = peer.frame()
            with lock:
                if opcode == CLOSE:
                    peers.remove(peer)
                    peer.send(CLOSE, payload)
                    return
                hand_on(payload)

    path = tmp_path / "fanout.lua"
    path.write_text(FANOUT)
    with Server(serve) as server:
        done = run(path, "--target", server.url, cwd=tmp_path)
    report = done.report
    assert done.code == PASSED and all(row["failed"] == 0 for row in report["checks"]), done.told()
    told = {name: total(report, f"ws_{name}", name="news") for name in ("delivery", "lost", "duplicate", "reordered")}
    assert told == {"delivery": 4 * 99, "lost": 4, "duplicate": 4, "reordered": 4}


# ---- what docs/SCENARIOS.md shows ----

def examples():
    text = (ROOT / "docs/SCENARIOS.md").read_text().split("\n## WebSockets\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```lua\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("number", range(3))
def test_examples_of_the_documents_run(number, target, tmp_path):
    assert len(examples()) == 3
    path = tmp_path / "example.lua"
    path.write_text(examples()[number])
    options = [] if number == 2 else ["--users", "3", "--duration", "1s"]
    instance = target()
    done = run(path, "--target", instance.url, *options, cwd=tmp_path)
    assert done.code == PASSED and all(row["failed"] == 0 for row in done.report["checks"]), done.told()
    assert set(done.report["totals"]["outcomes"]) == {"ok"} and errors(done.report) == {}, done.told()
    balanced(done.report, instance)


# ---- mistakes of scripts ----

@pytest.mark.one_thread
@pytest.mark.parametrize("body, said", [
    ('ws.connect("/", { subprotcol = "x" })', "did you mean 'subprotocol'"),
    ('ws.connect("ftp://x")', "only ws:// and wss:// (or http:// and https://) are known"),
    ('ws.connect("/", { headers = { Upgrade = "x" } })', "is written by the handshake itself"),
    ('ws.connect("/", { subprotocol = "a b" })', "subprotocol"),
    ('ws.connect("/"):send("\\xff")', "send_binary sends any bytes"),
    ('ws.connect("/"):request({ a = 1 }, { match = "/id" })', "the message has no value"),
    ('ws.connect("/"):request("x", { mach = 1 })', "did you mean 'match'"),
    ('ws.connect("/"):close(1006)', "give 1000, or 3000 to 4999"),
    ('ws.connect("/").opne = 1', ""),
    ('local x = ws.connect("/").opne', "did you mean 'open'"),
    ('ws.connect("/").recv()', "call it with a colon"),
])
def test_mistakes_are_named(body, said, ws_run):
    def serve(peer):
        peer.accept()
        return peer.echo()

    with Server(serve) as server:
        done = ws_run(server.url, body, checks=False)
    assert done.code == USAGE and said in done.err, done.told()
    assert "scenario.lua:7" in done.err, done.err
