"""gRPC against a real server (grpcio): what it was asked, what it answered, and how calls that fail are counted."""
import json
import pathlib
import signal
import struct
import subprocess

import pytest

import certs
import h2raw
from fleet import REDIS, Fleet, Redis
from program import MISSED, PASSED, ROOT, SLOW, measure, outcomes_add_up, pelt, server_count_fits

pytestmark = [pytest.mark.sanitize, pytest.mark.one_thread]

HERE = pathlib.Path(__file__).parent
DESCRIPTORS = ROOT / "tests/lua/peer.pb"
CALLS = 300 if SLOW else 1_500


class Peer:
    def __init__(self, *tls):
        self.process = subprocess.Popen(["/usr/bin/python3", HERE / "grpcpeer.py", DESCRIPTORS, *tls], stdout=subprocess.PIPE,
                                        text=True)
        port = self.process.stdout.readline()
        assert port, "grpcpeer.py does not start: install python3-grpcio"
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{int(port)}"

    def seen(self):
        self.process.send_signal(signal.SIGTERM)
        return json.loads(self.process.communicate(timeout=20)[0])


@pytest.fixture(name="peer")
def grpc_peer():
    server = Peer()
    yield server
    if server.process.poll() is None:
        server.process.kill()
        server.process.wait()


SCENARIO = """\
local pelt = require "pelt"
local check = pelt.check
local peer = pelt.grpc {{ descriptors = "{descriptors}", service = "pelt.peer.Peer"{service} }}
local function equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for k, v in pairs(a) do if not equal(v, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end
return {{
  target = "{url}", http2 = {http2},
  load = {{ users = {users}, iterations = {iterations}, duration = "60s" }},
  iteration = function(user)
    {body}
  end,
}}
"""


def run(tmp_path, url, body, users=3, iterations=3, service="", http2="true", options=()):
    path = tmp_path / "scenario.lua"
    path.write_text(SCENARIO.format(descriptors=DESCRIPTORS, service=service, url=url, body=body, users=users,
                                    iterations=iterations, http2=http2))
    return measure("run", path, *options, cwd=tmp_path)


def right(done):
    """Its outcomes, with no check failed and no script error."""
    assert done.report and "error" not in done.err, done.told()
    outcomes_add_up(done.report)
    assert [c for c in done.report["checks"] if c["failed"] > 0] == [], done.told()
    return {name: count for name, count in done.report["totals"]["outcomes"].items() if count > 0}


def statuses(done):
    return {m["tags"]["code"]: m["stats"]["count"] for m in done.report["metrics"] if m["name"] == "grpc_statuses"}


# ---- counts ----

MIXED = r"""local r = peer:call("Say", { text = "t" .. user.id }, { metadata = { ["x-user"] = "u" .. user.id } })
    check("said", r.ok and r.code == 0 and r.status == "OK" and r.message.text == "t" .. user.id and not r.error)
    check("fields of head and trailer", r.headers.seen == "u" .. user.id and r.headers.behind == "it")
    local sum = 0
    for n in peer:stream("Count", { from = 1, to = 10 }) do sum = sum + n.value end
    check("streamed", sum == 55)
    r = peer:call("Say", {}, { metadata = { status = 5, words = "no such \u{fc} %" }, name = "missing" })
    check("told", not r.ok and r.error == "grpc_status" and r.code == 5 and r.status == "NOT_FOUND" and r.reason == "no such \u{fc} %"
      and r.message == nil)"""


@pytest.mark.parametrize("secure", [False, pytest.param(True, marks=pytest.mark.variant)], ids=["h2c", "h2"])
def test_calls_are_counted_as_the_server_counts_them(peer, tmp_path, secure):
    ca, times = certs.shared(), CALLS // (15 if secure else 3)
    server = Peer(ca.path("good.key"), ca.path("good.crt")) if secure else peer
    done = run(tmp_path, server.url, MIXED, users=5, iterations=times, options=["--ca", ca.path("root.crt")] if secure else [])
    assert right(done) == {"ok": 2 * times, "grpc_status": times}, done.told()
    assert statuses(done) == {"NOT_FOUND": times}
    assert {r["name"]: r["started"] for r in done.report["requests"]} == {
        name: times for name in ("POST /pelt.peer.Peer/Say", "POST /pelt.peer.Peer/Count", "missing")}
    assert "status 5 NOT_FOUND: no such %C3%BC %25" in " ".join(e["sample"] for e in done.report["errors"])
    seen = server.seen()
    assert seen == {"counted": {"Say": 2 * times, "Count": times}, "deadlines": []}
    server_count_fits(done.report, 3 * times)


# ---- messages ----

def test_all_types_come_back_as_they_were_sent(peer, tmp_path):
    body = r"""local e = { double_value = 1.5, float_value = -2.25, int32_value = -7, int64_value = math.mininteger, uint32_value = 4294967295,
      uint64_value = -1, sint32_value = -2147483648, sint64_value = math.mininteger, fixed32_value = 4294967295, fixed64_value = -2,
      sfixed32_value = -3, sfixed64_value = -4, bool_value = true, string_value = "s\0\u{fc}", bytes_value = "\xff\0", colour = "BLUE",
      packed = { 1, -1, 300 }, unpacked = { -5, 5 }, strings = { "a", "" }, messages = { { text = "m", sleep_ms = 1, length = 2 } },
      by_name = { a = 1, b = -2 }, by_number = { [7] = { text = "seven", sleep_ms = 0, length = 0 } },
      by_flag = { [true] = "RED", [false] = 77 }, number = 0, maybe = 0, at = { seconds = 5, nanos = 6 }, colours = { "RED", "BLUE", "NONE" },
      doubles = { 0.5, 1e300 } }
    local r = peer:call("Echo", e)
    check("the same back", equal(r.message, e))
    r = peer:call("Echo", { nested = e })
    check("nested", equal(r.message.nested, e) and r.message.text == nil and equal(r.message.packed, {}))"""
    assert right(run(tmp_path, peer.url, body)) == {"ok": 6}


def test_large_messages_come_whole_and_too_large_ones_by_name(peer, tmp_path):
    body = """local r = peer:call("Say", { length = 3000000 })
    check("whole", r.ok and #r.message.text == 3000000)
    r = peer:call("Say", { length = 3100000 })
    check("too large", r.error == "body_too_large" and r.message == nil)
    local len = 0
    for n in peer:stream("Count", { from = 1, to = 3, padding = ("x"):rep(300000) }) do len = len + #n.padding end
    check("padding", len == 900000)
    local s = peer:stream("Count", { from = 1, to = 3, padding = ("x"):rep(3100000) })
    check("too large, streamed", s() == nil and s.error == "bad_stream" and s.reason:find("max_message"))"""
    done = run(tmp_path, peer.url, body, iterations=3, service=", max_message = 3000010")
    assert right(done) == {"ok": 6, "body_too_large": 3, "bad_stream": 3}


# ---- the end of a call ----

def test_each_status_has_its_name(peer, tmp_path):
    body = """for code = 1, 16 do
      local r = peer:call("Say", {}, { metadata = { status = code } })
      check("code", r.code == code and r.ok == (r.status == "ABORTED" or r.status == "NOT_FOUND"))
    end"""
    done = run(tmp_path, peer.url, body, iterations=3, service=', expect = { "ABORTED", "NOT_FOUND" }',
               options=["--threshold", "grpc_statuses{code=UNAVAILABLE} count < 2"])
    assert right(done) == {"ok": 6, "grpc_status": 42}
    assert done.code == MISSED and done.report["thresholds"][0]["value"] == 3, done.told()
    assert len(statuses(done)) == 16 and set(statuses(done).values()) == {3}


def test_a_stream_ends_with_its_status(peer, tmp_path):
    body = r"""local s, list = peer:stream("Count", { from = -1, to = 1, status = 13 }, { name = "count" }), {}
    for n in s do list[#list + 1] = n.value end
    check("messages before it", table.concat(list, " ") == "-1 0 1" and s.count == 3)
    check("status", s.code == 13 and s.status == "INTERNAL" and s.error == "grpc_status" and s.reason == "behind them: 100% \u{fc}")
    for n in peer:stream("Count", { from = 1, to = 1000000 }) do if n.value == 5 then break end end"""
    done = run(tmp_path, peer.url, body)
    assert right(done) == {"grpc_status": 3, "abandoned": 3}, done.told()


def test_the_server_is_told_the_time_limit(peer, tmp_path):
    body = """local r = peer:call("Say", { sleep_ms = 600 }, { timeout = 0.3 })
    check("over", r.error == "timeout" and r.code == nil or r.status == "DEADLINE_EXCEEDED")
    check("not over", peer:call("Say").ok)"""
    done = run(tmp_path, peer.url, body, users=1, iterations=2, service=', timeout = "7s"')
    assert right(done)["ok"] == 2, done.told()
    assert sorted(set(peer.seen()["deadlines"])) == [0.3, 7.0]


GRPC = h2raw.OK + h2raw.field(b"content-type", b"application/grpc")
OK = h2raw.field(b"grpc-status", b"0")


def message(text, flag=0):
    return struct.pack(">BI", flag, len(text)) + text


def answered(body, trailer=OK, head=GRPC):
    """Frames of an answer; without a body it is of a head alone."""
    def frames(stream):
        if body is None:
            return h2raw.frame(h2raw.HEADERS, h2raw.END_HEADERS | h2raw.END_STREAM, stream, head + trailer)
        return (h2raw.frame(h2raw.HEADERS, h2raw.END_HEADERS, stream, head) + h2raw.frame(h2raw.DATA, 0, stream, body)
                + h2raw.frame(h2raw.HEADERS, h2raw.END_HEADERS | h2raw.END_STREAM, stream, trailer))
    return frames


BAD = {
    "good": (answered(message(b"\n\1a")), "ok", "", None),
    "empty": (answered(message(b"")), "ok", "", None),
    "html": (answered(b"<p>", head=h2raw.OK + h2raw.field(b"content-type", b"text/html")), "bad_body", "bad_stream",
             "no answer of gRPC"),
    "twice": (answered(message(b"") * 2), "bad_body", "ok", "more than one message"),
    "none": (answered(b""), "bad_body", "ok", "no message"),
    "cut": (answered(message(b"abc")[:-1]), "bad_body", "bad_body", "cut off"),
    "compressed": (answered(message(b"abc", flag=1)), "bad_body", "bad_stream", "compressed"),
    "statusless": (answered(message(b""), trailer=h2raw.field(b"x", b"y")), "bad_body", "bad_body", "without grpc-status"),
    "unknown": (answered(message(b""), trailer=h2raw.field(b"grpc-status", b"99")), "grpc_status", "grpc_status",
                "status 99 UNKNOWN"),
    "head alone": (answered(None, trailer=h2raw.field(b"grpc-status", b"14") + h2raw.field(b"grpc-message", b"a%0")),
                   "grpc_status", "grpc_status", "status 14 UNAVAILABLE: a%0"),
    "503": (answered(None, head=b"\x08\x03503" + h2raw.field(b"content-type", b"application/grpc")), "http_status",
            "http_status", "status 503"),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in ("cut", "twice") else pytest.mark.variant) for name in BAD])
def test_each_bad_answer_ends_in_its_class(tmp_path, monkeypatch, name):
    frames, unary, streamed, text = BAD[name]
    monkeypatch.setitem(h2raw.FAULTS, "/ok", frames)  # what it answers to paths that it does not know
    server = h2raw.RawServer()
    body = """local r, s = peer:call("Say"), peer:stream("Count")
    while s() do end
    check("unary", r.error == (%(unary)s) and r.ok == (r.error == nil))
    check("streamed", s.error == (%(streamed)s))"""
    said = {"unary": unary, "streamed": streamed or unary}
    expected = {key: "nil" if value == "ok" else f'"{value}"' for key, value in said.items()}
    done = run(tmp_path, server.url, body % expected, users=2, iterations=10)
    counted = right(done)
    assert counted == {outcome: 10 * list(said.values()).count(outcome) for outcome in said.values()}, done.told()
    assert text is None or text in " ".join(e["sample"] for e in done.report["errors"]), done.told()
    server.close()


def test_a_message_of_another_type_is_told_and_changes_no_outcome(tmp_path, monkeypatch):
    monkeypatch.setitem(h2raw.FAULTS, "/ok", answered(message(b"\x0a\x05ab")))
    server = h2raw.RawServer()
    body = """local r, s = peer:call("Say"), peer:stream("Count")
    check("unary", not r.ok and r.error == "grpc_message" and r.code == 0 and r.reason:find("cut off") and r.message == nil)
    check("streamed", s() == nil and s.error == "grpc_message" and s.reason:find("cut off") and s() == nil)"""
    done = run(tmp_path, server.url, body, users=1, iterations=5)
    assert right(done) == {"ok": 10}, done.told()
    server.close()


# ---- runs of many hosts ----

@pytest.mark.variant
@pytest.mark.skipif(REDIS is None, reason="no redis-server on this host")
def test_a_worker_is_sent_the_descriptors(peer, tmp_path):
    (tmp_path / "peer.pb").write_bytes(DESCRIPTORS.read_bytes())
    path = tmp_path / "scenario.lua"
    path.write_text(SCENARIO.format(descriptors="peer.pb", service="", url=peer.url, body=MIXED, users=2, iterations=10,
                                    http2="true"))
    redis = Redis(tmp_path / "redis")
    fleet = Fleet(tmp_path, redis)
    try:
        worker = fleet.worker()
        report = tmp_path / "report.json"
        done = fleet.run(path, 1, "--allow-invalid", "--out", f"json={report}").wait(120)
        assert done.code == PASSED and worker.wait(60).code == PASSED, done.told()
        done.report = json.loads(report.read_text())
        assert right(done) == {"ok": 20, "grpc_status": 10}
    finally:
        fleet.stop()
        redis.stop()
    assert peer.seen()["counted"] == {"Say": 20, "Count": 10}


# ---- what is refused before anything is sent ----

@pytest.mark.parametrize("service, body, words", [
    (', service = "pelt.peer.Pear"', "", "has no service 'pelt.peer.Pear': did you mean 'pelt.peer.Peer'?"),
    (', expect = "NOT_FUND"', "", "expect: 'NOT_FUND' is no status: did you mean 'NOT_FOUND'?"),
    (", max_message = 0", "", "max_message: bytes are expected, 1 to 268435456"),
    (", timeot = 5", "", "unknown key 'timeot': did you mean 'timeout'?"),
    (', descriptors = "scenario.lua"', "", "scenario.lua: it is no descriptor set"),
    ("", 'peer:call("Sey")', "pelt.peer.Peer has no method 'Sey': did you mean 'Say'?"),
    ("", 'peer:call("Count")', "Count: its answers are streamed: use :stream"),
    ("", 'peer:stream("Say")', "Say: its answers are single: use :call"),
    ("", 'peer:call("Collect")', "Collect: its requests are streamed"),
    ("", 'peer:call("Say", { txt = "a" })', "pelt.peer.Words: unknown key 'txt': did you mean 'text'?"),
    ("", 'peer:call("Say", {}, { timeout = "x" })', "timeout"),
    ("", 'peer:call("Say", {}, { metadata = { ["a b"] = 1 } })', 'header "a b"'),
    (', base = "ftp://x"', "", "base"),
], ids=lambda value: value[:20].strip(", ") if " " in value else None)
@pytest.mark.variant
def test_mistakes_are_told_in_a_line(tmp_path, service, body, words):
    done = run(tmp_path, "http://127.0.0.1:9", body, users=1, iterations=1, service=service)
    lines = [line for line in done.err.splitlines() if words in line]
    assert lines and "scenario.lua:" in lines[0], done.told()


@pytest.mark.variant
def test_http2_is_needed(tmp_path):
    done = run(tmp_path, "http://127.0.0.1:9", "", http2="false")
    assert "gRPC is spoken over HTTP/2: write http2 = true" in done.err and done.code != PASSED, done.told()
