"""HTTP/2 against real servers: nginx and nghttpd with and without TLS, Node's with GOAWAY and RST_STREAM at chosen
moments, and one that breaks the rules frame by frame. What pelt tells must be what they counted."""
import contextlib
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

import certs
import h2raw
import nginx
from peers import ProxyApache, Tinyproxy
from program import PASSED, SLOW, USAGE, if_quiet, in_a_quiet_moment, measure, outcomes_add_up, pelt, server_count_fits
from wsserver import Server

pytestmark = pytest.mark.sanitize

HERE = pathlib.Path(__file__).parent
EXCHANGES = 1_000 if SLOW else 10_000


class Nginx2(nginx.Nginx):
    CONFIG = nginx.HEAD + """\
    log_format counted '$server_protocol $status $ssl_alpn_protocol';
    access_log {prefix}/access.log counted;
    keepalive_requests 100;
    http2_max_concurrent_streams 8;
    server {{
        listen 127.0.0.1:{port} http2;
        location / {{ return 200 "hello\\n"; }}
    }}
    server {{
        listen 127.0.0.1:{tls_port} ssl http2;
        ssl_certificate {chain};
        ssl_certificate_key {key};
        location / {{ return 200 "hello\\n"; }}
        location /ws {{
            proxy_pass http://127.0.0.1:{ws_port};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }}
    }}
    server {{
        listen 127.0.0.1:{old_port} ssl;
        ssl_certificate {chain};
        ssl_certificate_key {key};
        location / {{ return 200 "hello\\n"; }}
    }}
}}
"""

    def __init__(self, prefix, is_root, chain, key, ws_port=1):
        tls, old = nginx.free_port(), nginx.free_port()
        for name, value in (("tls_port", tls), ("old_port", old), ("ws_port", ws_port), ("chain", chain), ("key", key)):
            self.CONFIG = self.CONFIG.replace("{" + name + "}", str(value))
        super().__init__(prefix, is_root)
        self.tls_url, self.old_url = f"https://127.0.0.1:{tls}", f"https://127.0.0.1:{old}"

    def count(self):
        """Requests of HTTP/2 that were answered, once nginx has ended."""
        return self.counted("HTTP/2.0 200")

    def counted(self, *lines):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(20)
        log = (self.prefix / "access.log").read_text()
        counts = [log.count(line) for line in lines]
        return counts[0] if len(counts) == 1 else counts


@contextlib.contextmanager
def nginx2(tmp_path, **more):
    if nginx.program() is None:
        pytest.fail("no nginx on this host: install nginx-light")
    chain, key = certs.shared().path("good.crt"), certs.shared().path("good.key")
    (tmp_path / "nginx").mkdir()
    server = Nginx2(tmp_path / "nginx", True, chain, key, **more)
    try:
        yield server
    finally:
        server.stop()  # and its worker with it


@pytest.fixture(name="server")
def real_nginx(tmp_path):
    with nginx2(tmp_path) as server:
        yield server


class Nghttpd:
    def __init__(self, folder, *tls):
        self.log = folder / "nghttpd.log"
        (folder / "index.html").write_text("hello")
        self.port = nginx.free_port()
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(["nghttpd", "-v", "-d", folder, *([] if tls else ["--no-tls"]), str(self.port), *tls],
                                            stdout=log, stderr=subprocess.DEVNULL)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}/"
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("nghttpd does not answer")

    def count(self):
        self.process.terminate()
        self.process.wait(20)
        return len(re.findall(r":method: GET", self.log.read_text(errors="replace")))


class Node:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(["node", HERE / "h2peer.js", *map(str, arguments)], stdout=subprocess.PIPE,
                                        text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def seen(self):
        self.process.terminate()
        said = self.process.communicate(timeout=20)[0]
        return json.loads(said)


@contextlib.contextmanager
def running_node():
    if shutil.which("node") is None:
        pytest.fail("no node on this host: install nodejs")
    peer = Node()
    try:
        yield peer
    finally:
        if peer.process.poll() is None:
            peer.process.kill()
            peer.process.wait()


@pytest.fixture(name="node")
def real_node():
    with running_node() as peer:
        yield peer


def bench(url, *options, cwd, **more):
    return measure("bench", url, "--http2", *options, cwd=cwd, **more)


def outcomes(done):
    assert done.report, done.told()
    outcomes_add_up(done.report)
    return {name: count for name, count in done.report["totals"]["outcomes"].items() if count > 0}


def counters(done):
    """The run's counters of HTTP/2: name and code."""
    return {(m["name"], m["tags"].get("code", "")): m["stats"]["count"]
            for m in done.report["metrics"] if m["name"].startswith("h2_")}


def error_texts(done):
    return " ".join(e["sample"] for e in done.report["errors"])


# ---- counts of real servers ----


@pytest.mark.parametrize("streams", [1, 10])
def test_every_exchange_is_answered_once_while_nginx_closes_connections(server, tmp_path, streams):
    """nginx says GOAWAY after 100 requests: with several streams some are on their way then, and are sent again."""
    done = bench(f"{server.url}/", "-c", 4, "--streams", streams, "-n", EXCHANGES, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert outcomes(done) == {"ok": EXCHANGES}
    assert counters(done)["h2_goaways", "NO_ERROR"] >= EXCHANGES // 100 - 8
    assert server.count() == EXCHANGES


@pytest.mark.parametrize("library", ["openssl", pytest.param("mbedtls", marks=pytest.mark.variant)])
def test_https_speaks_http2_by_alpn(server, tmp_path, library):
    done = bench(f"{server.tls_url}/", "--tls", library, "--ca", certs.shared().path("root.crt"), "-c", 4,
                 "--streams", 5, "-n", EXCHANGES, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert outcomes(done) == {"ok": EXCHANGES}
    assert server.count() == EXCHANGES


@pytest.mark.parametrize("secure", [pytest.param(False, marks=pytest.mark.variant), True], ids=["h2c", "h2"])
def test_nghttpd_counts_the_same(tmp_path, secure):
    if shutil.which("nghttpd") is None:
        pytest.fail("no nghttpd on this host: install nghttp2-server")
    ca = certs.shared()
    peer = Nghttpd(tmp_path, *([ca.path("good.key"), ca.path("good.crt")] if secure else []))
    try:
        done = bench(peer.url, "--ca", ca.path("root.crt"), "--tls", "openssl", "-c", 4, "--streams", 10, "-n", EXCHANGES, cwd=tmp_path)
        assert done.code == PASSED, done.told()
        assert outcomes(done) == {"ok": EXCHANGES}
        assert done.report["run"]["http2"] == {"streams": 10}
        assert peer.count() == EXCHANGES
    finally:
        peer.process.kill()


@pytest.mark.variant
@pytest.mark.parametrize("library", ["openssl", "mbedtls"])
def test_a_server_without_http2_fails_by_name(server, tmp_path, library):
    done = bench(f"{server.old_url}/", "--tls", library, "--ca", certs.shared().path("root.crt"), "-c", 1, "-n", 2,
                 cwd=tmp_path)
    assert outcomes(done) == {"tls": 2}, done.told()
    assert "HTTP/2" in error_texts(done) or "h2" in error_texts(done)


@pytest.mark.parametrize("secure", [True, pytest.param(False, marks=pytest.mark.variant)], ids=["https", "http"])
def test_it_goes_through_a_proxys_tunnel(server, tmp_path, secure):
    """Also without TLS, as a proxy hands on one request of HTTP/1.1 at a time; and with TLS to the proxy itself."""
    ca = certs.shared()
    url = server.tls_url if secure else server.url
    (tmp_path / "proxy").mkdir()
    with Tinyproxy(tmp_path) as plain, ProxyApache(tmp_path / "proxy", ca.path("good.crt"), ca.path("good.key")) as apache:
        for proxy in (plain, apache):
            done = bench(url, "--ca", ca.path("root.crt"), "--proxy", proxy.url, "-c", 2, "--streams", 5, "-n", 90, "-t", 1, cwd=tmp_path)
            assert outcomes(done) == {"ok": 90}, done.told()
            assert proxy.asked() == {"CONNECT": 2}
    assert server.count() == 180


def test_websockets_beside_it_speak_http1_by_alpn(tmp_path):
    with Server(lambda peer: (peer.accept(), peer.echo())) as upstream, nginx2(tmp_path, ws_port=upstream.port) as server:
        path = tmp_path / "scenario.lua"
        path.write_text(SCENARIO % {"url": server.tls_url, "users": 3, "iterations": 60, "streams": 10, "more": "", "body": """
    local ws = pelt.ws.connect("/ws")
    ws:send("hello")
    local answers = http.batch { "/a", "/b", "/c" }
    check("both", ws:recv() == "hello" and answers[1].ok and answers[2].ok and answers[3].ok)
    ws:close()"""})
        done = measure("run", path, "--ca", certs.shared().path("root.crt"), "--tls", "openssl", cwd=tmp_path)
        assert outcomes(done) == {"ok": 60 * 4}, done.told()
        assert done.report["checks"][0]["failed"] == 0
        assert server.counted("HTTP/2.0 200 h2", "HTTP/1.1 101 http/1.1") == [180, 60]


SCENARIO = """\
local pelt = require "pelt"
local http, check = pelt.http, pelt.check
return {
  target = "%(url)s", http2 = { streams = %(streams)d }, %(more)s
  load = { users = %(users)d, iterations = %(iterations)d, duration = "60s" },
  iteration = function(user)
    %(body)s
  end,
}
"""


def run(tmp_path, url, body, users=3, iterations=30, streams=100, more="", options=()):
    path = tmp_path / "scenario.lua"
    path.write_text(SCENARIO % {"url": url, "body": body, "users": users, "iterations": iterations, "streams": streams,
                                "more": more})
    return measure("run", path, *options, cwd=tmp_path)


@pytest.mark.parametrize("more", ["", 'connections = "shared",'], ids=["own", "shared"])
def test_a_batch_goes_over_one_connection(node, tmp_path, more):
    """Eleven users: the first request of each, or of each thread, opens its connection."""
    body = """local answers = http.batch { "/ok", "/ok", "/ok", "/slow/5", "/ok", "/ok", "/ok", "/ok", "/ok", "/ok" }
    for i = 1, 10 do check("answered", answers[i].body == "hello") end"""
    iterations = max(EXCHANGES // 100, 44)
    done = run(tmp_path, node.url, body, users=11, iterations=iterations, more=more, options=["--threads", 2])
    assert done.code == PASSED, done.told()
    assert outcomes(done) == {"ok": 10 * iterations}
    assert done.report["checks"][0]["failed"] == 0
    seen = node.seen()
    assert seen["ok"] + seen["slow"] == 10 * iterations
    assert seen["sessions"] == (2 if more else 11)
    assert seen["most"] >= (10 if not more else 20)


@pytest.mark.one_thread
def test_the_servers_limit_of_streams_is_kept_and_waiting_is_blocked(tmp_path):
    if shutil.which("node") is None:
        pytest.fail("no node on this host: install nodejs")
    node = Node(3)
    done = bench(f"{node.url}/slow/20", "-c", 2, "--streams", 10, "-n", 120, cwd=tmp_path)
    assert outcomes(done) == {"ok": 120}, done.told()
    blocked = done.report["requests"][0]["phases_ms"]["blocked"]
    assert blocked["p50"] >= 20, blocked  # ten users of three streams: two of three rounds are waited for
    assert node.seen()["most"] == 3


@pytest.mark.one_thread
def test_shared_connections_and_their_streams_have_limits(node, tmp_path):
    done = run(tmp_path, node.url, 'http.get("/slow/5")', users=20, iterations=200, streams=3, more='connections = "shared",',
               options=["-t", 1, "-c", 2])
    assert outcomes(done) == {"ok": 200}, done.told()
    assert done.report["requests"][0]["phases_ms"]["blocked"]["p50"] >= 5
    seen = node.seen()
    assert (seen["sessions"], seen["most"]) == (2, 3)


@pytest.mark.one_thread
def test_arrivals_share_connections_too(node, tmp_path):
    done = bench(f"{node.url}/slow/20", "--rate", "500/s", "-n", 300, "-d", "30s", "--streams", 8, "--users", 64, "-t", 1, cwd=tmp_path)
    assert outcomes(done) == {"ok": 300}, done.told()
    seen = node.seen()
    assert 1 < seen["most"] <= 8 and seen["sessions"] <= 8


def test_bodies_go_and_come_whole_through_small_windows(node, tmp_path):
    body = """local text = string.rep("0123456789", 30000)
    local r = http.post("/echo", { body = text, keep_body = true })
    check("echoed", r.body == text)"""
    done = run(tmp_path, node.url, body, iterations=12, options=["--http2-window", "64k"])
    assert outcomes(done) == {"ok": 12}, done.told()
    assert done.report["checks"][0]["failed"] == 0


def test_streams_of_events_come_side_by_side(node, tmp_path):
    body = """local n = 0
    for event in http.stream("/sse/40") do n = n + 1 end
    check("all", n == 40)
    for event in http.stream("/sse/400") do break end"""
    done = run(tmp_path, node.url, body, users=8, iterations=64, more='connections = "shared",', options=["-t", 1])
    assert outcomes(done) == {"ok": 64, "abandoned": 64}, done.told()
    assert done.report["checks"][0]["failed"] == 0
    assert node.seen()["sessions"] == 1


def test_a_reader_that_takes_its_time_holds_back_its_own_stream_only(node, tmp_path):
    body = """if user.id == 0 then
      local n = 0
      for event in http.stream("/sse/60000") do n = n + 1; if n % 20000 == 0 then pelt.sleep("50ms") end end
      check("all", n == 60000)
    else http.get("/ok") end"""
    done = run(tmp_path, node.url, body, users=2, iterations=20, more='connections = "shared",',
               options=["-t", 1, "--http2-window", "64k"])
    counted = outcomes(done)
    assert counted == {"ok": 20}, done.told()
    assert done.report["checks"][0]["failed"] == 0


def test_trailers_cookies_and_heads_are_as_with_http1(node, tmp_path):
    body = """local r = http.get("/trailer")
    check("head", r.status == 200 and r.headers["date"] ~= nil)"""
    done = run(tmp_path, node.url, body, more='observe = "server_timing",', iterations=40)
    assert outcomes(done) == {"ok": 40}, done.told()
    times = next(m for m in done.report["metrics"] if m["name"] == "server_time")
    assert times["stats"]["count"] == 40 and times["stats"]["max"] == 3.0


# ---- the end of connections and streams ----


def test_goaway_loses_nothing(node, tmp_path):
    done = bench(f"{node.url}/goaway/50", "-c", 2, "--streams", 10, "-n", EXCHANGES, cwd=tmp_path)
    assert outcomes(done) == {"ok": EXCHANGES}, done.told()
    counted = counters(done)
    assert counted["h2_goaways", "NO_ERROR"] > 0
    seen = node.seen()
    assert EXCHANGES <= seen["goaway"] <= EXCHANGES + counted.get(("h2_moved", ""), 0)


@pytest.mark.one_thread
def test_goaway_before_a_stream_moves_it_or_refuses_it_by_its_code(node, tmp_path):
    done = bench(f"{node.url}/late/10", "-c", 2, "--streams", 5, "-n", 1_000, cwd=tmp_path)
    assert outcomes(done) == {"ok": 1_000}, done.told()
    assert counters(done)["h2_moved", ""] >= 100
    done = bench(f"{node.url}/late/10?code=11", "-c", 2, "--streams", 1, "-n", 1_000, cwd=tmp_path)
    assert outcomes(done) == {"ok": 900, "refused": 100} or outcomes(done)["refused"] in range(98, 101), done.told()
    assert "GOAWAY ENHANCE_YOUR_CALM" in error_texts(done)
    assert done.report["totals"]["sent"]["no"] == outcomes(done)["refused"]


@pytest.mark.parametrize("path, outcome, sent, text, code", [
    ("/reset?code=8", "stream_reset", "maybe", "RST_STREAM CANCEL before any answer", "CANCEL"),
    pytest.param("/reset?code=7", "refused", "no", "RST_STREAM REFUSED_STREAM", "REFUSED_STREAM",
                 marks=pytest.mark.variant),
    ("/cut", "truncated", "yes", "RST_STREAM INTERNAL_ERROR after 5 bytes", "INTERNAL_ERROR"),
])
def test_each_reset_is_counted_by_its_code(node, tmp_path, path, outcome, sent, text, code):
    done = bench(f"{node.url}{path}", "-c", 4, "--streams", 25, "-n", EXCHANGES, cwd=tmp_path)
    assert outcomes(done) == {outcome: EXCHANGES}, done.told()
    assert done.report["totals"]["sent"][sent] == EXCHANGES
    assert counters(done) == {("h2_resets", code): EXCHANGES}
    assert text in error_texts(done)
    assert node.seen()[path[1:].partition("?")[0]] == EXCHANGES


def test_lost_connections_are_counted_by_how_far_answers_came(node, tmp_path):
    done = bench(f"{node.url}/halt", "-c", 3, "-n", 300, cwd=tmp_path)
    assert outcomes(done) == {"truncated": 300}, done.told()
    done = bench(f"{node.url}/drop", "-c", 3, "-n", 300, cwd=tmp_path)
    assert outcomes(done) == {"reset": 300}, done.told()
    server_count_fits(done.report, node.seen()["drop"])


def test_a_head_that_http2_cannot_carry_fails_at_once_and_costs_no_connection(node, tmp_path):
    body = """local r = http.get("/ok", { headers = { ["X-Large"] = ("v"):rep(300000) }, timeout = "20s" })
    check("named", r.error == "refused" and http.get("/ok").status == 200)"""
    done = run(tmp_path, node.url, body, users=2, iterations=6)
    assert outcomes(done) == {"refused": 6, "ok": 6} and done.report["totals"]["sent"]["no"] == 6, done.told()
    assert done.report["checks"][0]["failed"] == 0 and "not sent: over HTTP/2 heads are of 256 KiB at most" in error_texts(done)
    seen = node.seen()
    assert seen["ok"] == 6 and seen["sessions"] == 2


def test_one_stream_that_fails_leaves_the_others_alone(tmp_path):
    """In 50 ms the others must be answered, as where nothing at all comes in time the connection is given up."""
    body = """local answers = http.batch { "/ok", "/reset?code=2", "/ok", { "GET", "/slow/3000", { timeout = "%s" } }, "/ok" }
    check("others", answers[1].body == "hello" and answers[3].body == "hello" and answers[5].body == "hello")
    check("classes", answers[2].error == "stream_reset" and answers[4].error == "timeout")"""

    def check(attempt):
        with running_node() as node:
            done = run(tmp_path, node.url, body % ("300ms" if attempt else "50ms"), users=4, iterations=20)
            if_quiet(outcomes(done) == {"ok": 60, "stream_reset": 20, "timeout": 20}, done.told())
            assert all(c["failed"] == 0 for c in done.report["checks"]), done.told()
            if_quiet(4 <= node.seen()["sessions"] < 10, done.told())

    in_a_quiet_moment(check)


# ---- clients that servers must endure ----


def test_a_body_waits_for_100_on_its_stream(node, tmp_path):
    body = """local r = http.post("/continue/5", { body = "hello", expect_continue = true })
    check("echoed", r.status == 200 and r.body == "hello")
    check("others", http.get("/ok").body == "hello")"""
    done = run(tmp_path, node.url, body, users=5, iterations=200, more='connections = "shared",', options=["-t", 1])
    assert outcomes(done) == {"ok": 400}, done.told()
    assert all(c["failed"] == 0 for c in done.report["checks"]), done.told()
    seen = node.seen()
    assert (seen["continue"], seen.get("early", 0), seen["sessions"]) == (200, 0, 1)


def test_a_body_that_nobody_says_100_to_goes_after_a_second(node, tmp_path):
    body = """local began = pelt.now()
    local r = http.post("/whole", { body = "hello", expect_continue = true })
    check("echoed", r.body == "hello" and pelt.now() - began >= 1)"""
    done = run(tmp_path, node.url, body, users=3, iterations=3)
    assert outcomes(done) == {"ok": 3}, done.told()
    assert done.report["checks"][0]["failed"] == 0, done.told()


def test_an_answer_before_the_body_ends_the_stream_without_it(node, tmp_path):
    body = """check("status", http.post("/refuse", { body = "hello", expect_continue = true, expect = 417 }).status == 417)
    check("others", http.get("/ok").body == "hello")"""
    done = run(tmp_path, node.url, body, users=4, iterations=100)
    assert outcomes(done) == {"ok": 200}, done.told()
    assert all(c["failed"] == 0 for c in done.report["checks"]), done.told()
    seen = node.seen()
    assert (seen["refuse"], seen.get("early", 0), seen["sessions"]) == (100, 0, 4)


def test_slow_readers_and_writers_hold_back_their_own_streams_only(tmp_path):
    """Of the answer the window comes at once, what is behind it at the rate; of the request its body goes at the rate."""
    body = """local began = pelt.now()
    if user.id == 0 then
      local r = http.get("/body/165536", { behave = { read_rate = "200k" } })
      check("whole", #r.body == 165536)
      check("slow", pelt.now() - began >= 0.4)
      began = pelt.now()
      r = http.post("/echo", { body = string.rep("x", 4000), behave = { write_rate = 8000 } })
      check("echoed", #r.body == 4000)
      check("slowly", pelt.now() - began >= 0.4)
      user:stop()
    else
      for i = 1, 50 do http.get("/ok") end
      check("fast", pelt.now() - began < 0.4)
      user:stop()
    end"""

    def check(_):
        node = Node()
        done = run(tmp_path, node.url, body, users=2, iterations=1000, more='connections = "shared",', options=["-t", 1, "--http2-window", "64k"])
        assert outcomes(done) == {"ok": 52}, done.told()
        failed = {c["name"]: c["failed"] for c in done.report["checks"]}
        late = failed.pop("fast")
        assert len(failed) == 4 and not any(failed.values()), done.told()
        assert node.seen()["sessions"] == 1
        if_quiet(late == 0 or SLOW, "50 requests beside a slow stream took 0.4 s")

    in_a_quiet_moment(check)


@pytest.mark.parametrize("after, least", [("100k", 102_400), pytest.param("0", 0, marks=pytest.mark.variant)])
def test_who_abandons_resets_the_stream_and_leaves_the_connection(node, tmp_path, after, least):
    body = f"""check("error", http.get("/body/300000", {{ behave = {{ abandon_after = "{after}" }} }}).error == "abandoned")
    check("others", http.get("/ok", {{ behave = {{ abandon_after = "1k" }} }}).body == "hello")"""
    done = run(tmp_path, node.url, body, users=2, iterations=40, options=["--http2-window", "64k"])
    assert outcomes(done) == {"abandoned": 40, "ok": 40}, done.told()
    assert all(c["failed"] == 0 for c in done.report["checks"]), done.told()
    assert done.report["totals"]["sent"] == {"yes": 40, "maybe": 40, "no": 0}
    assert done.report["totals"]["bytes_received"] >= 40 * least
    seen = node.seen()
    assert (seen["body"], seen["cancelled"], seen["sessions"]) == (40, 40, 2)


def test_a_small_answer_is_abandoned_by_its_size_too(node, tmp_path):
    """Though all of it came in one receive."""
    done = run(tmp_path, node.url, 'http.get("/body/5000", { behave = { abandon_after = 1000 } })', users=2, iterations=20)
    assert outcomes(done) == {"abandoned": 20}, done.told()
    assert node.seen()["body"] == 20


def test_what_a_stream_cannot_do_is_refused(tmp_path):
    path = tmp_path / "scenario.lua"
    path.write_text(SCENARIO % {"url": "http://127.0.0.1:1", "body": 'http.get("/", { behave = { half_close = true } })', "users": 1,
                                "iterations": 1, "streams": 5, "more": ""})
    done = pelt("check", path, "--once", cwd=tmp_path)
    assert done.code != PASSED and "half_close: a connection of HTTP/2 carries other requests" in done.out + done.err, done.told()


# ---- a server that breaks the rules ----


def fault(*values):
    """The unit test and the fuzz target have all of them with sanitizers."""
    return pytest.param(*values, marks=pytest.mark.variant)


@pytest.mark.one_thread
@pytest.mark.parametrize("path, outcome, text", [
    ("/bomb", "head_too_large", ""),
    fault("/ok", "ok", ""),
    fault("/push", "bad_response", "pushes"),
    fault("/large", "head_too_large", "a head of more than 256 fields"),
    fault("/hints", "head_too_large", "more than 32 informational (1xx) heads"),
    fault("/few_hints", "ok", ""),
    fault("/flood", "bad_response", "CONTINUATION"),
    fault("/length", "bad_body", "not as many bytes as Content-Length says"),
    fault("/no_status", "bad_response", ""),
    fault("/upper", "bad_response", "X-Upper"),
    fault("/compression", "bad_response", "COMPRESSION_ERROR"),
    fault("/goaway", "refused", "ENHANCE_YOUR_CALM: .[31m..rude"),
    fault("/unknown", "ok", ""),
    fault("/pings", "ok", ""),
])
def test_each_fault_ends_in_its_class(tmp_path, path, outcome, text):
    peer = h2raw.RawServer()
    done = bench(peer.url + path, "-c", 1, "-n", 20, cwd=tmp_path)
    assert outcomes(done) == {outcome: 20}, done.told()
    assert text in error_texts(done)
    assert peer.seen == [path] * 20
    assert peer.client_settings[2] == 0  # push is refused
    assert peer.pongs == (20 * 50 if path == "/pings" else 0)
    peer.close()


@pytest.mark.variant
def test_connections_that_begin_nothing_are_made_ever_more_slowly(tmp_path):
    """GOAWAY (NO_ERROR) before the first stream: each exchange moves three times, and none moves at once."""
    peer = h2raw.RawServer()
    done = bench(peer.url + "/gone", "-c", 2, "-d", "1s", cwd=tmp_path)
    assert list(outcomes(done)) == ["refused"] and counters(done)["h2_moved", ""] >= 3, done.told()
    assert len(peer.seen) < 60
    peer.close()


@pytest.mark.one_thread
def test_windows_are_as_asked_for(tmp_path):
    peer = h2raw.RawServer()
    for options, window in ((["--http2-window", "64k"], 65_536), ([], 6 << 20)):
        done = bench(peer.url + "/window", "-c", 1, "-n", 5, *options, cwd=tmp_path)
        assert outcomes(done) == {"ok": 5}, done.told()
        assert peer.client_settings[4] == window
    peer.close()


@pytest.mark.variant
@pytest.mark.parametrize("greeting, outcome, text", [
    (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "bad_response", "does not speak HTTP/2"),
    (b"", "reset", ""),
])
def test_a_port_of_another_protocol_is_named(tmp_path, greeting, outcome, text):
    peer = h2raw.RawServer(greeting=greeting)
    done = bench(peer.url, "-c", 2, "-n", 6, cwd=tmp_path)
    assert outcomes(done) == {outcome: 6}, done.told()
    assert text in error_texts(done)
    peer.close()


@pytest.mark.one_thread
def test_streams_wait_where_the_server_allows_none(tmp_path):
    peer = h2raw.RawServer(settings=b"\x00\x03\x00\x00\x00\x00")
    body = 'local r = http.get("/ok", { timeout = "300ms" }); r = http.get("/ok", { timeout = "300ms" })\n' \
        '    check("timeout", r.error == "timeout")'
    done = run(tmp_path, peer.url, body, users=1, iterations=2)
    assert outcomes(done)["timeout"] >= 3, done.told()
    assert done.report["checks"][0]["failed"] == 0
    peer.close()


def test_a_refused_connection_ends_all_that_wait_for_it(tmp_path):
    url = f"http://127.0.0.1:{nginx.free_port()}/"
    body = 'local answers = http.batch { "/1", "/2", "/3" }\n' \
        '    for i = 1, 3 do check("class", answers[i].error == "connect") end'
    done = run(tmp_path, url, body, users=2, iterations=10)
    assert outcomes(done) == {"connect": 30}, done.told()
    assert done.report["checks"][0]["failed"] == 0
    assert done.report["totals"]["sent"]["no"] == 30


# ---- what is typed ----


@pytest.mark.variant
@pytest.mark.parametrize("http2, said", [
    ("{ stream = 5 }", "streams"),
    ("{ streams = 0 }", "from 1 to 1000"),
    ("{ streams = 2.5 }", "from 1 to 1000"),
    ('{ window = "1k" }', "from 64k"),
    ("{ window = {} }", "a size is expected"),
    ('"2"', "a table is expected"),
])
def test_keys_without_sense_are_refused(tmp_path, http2, said):
    path = tmp_path / "scenario.lua"
    path.write_text("return { http2 = %s, load = { users = 1, iterations = 1 }, iteration = function() end }" % http2)
    done = pelt("check", path, cwd=tmp_path)
    assert done.code == USAGE and "http2" in done.err and said in done.err, done.told()


@pytest.mark.variant
def test_check_shows_what_was_spoken(server, tmp_path):
    path = tmp_path / "scenario.lua"
    path.write_text(SCENARIO % {"url": server.tls_url, "body": 'http.get("/")', "users": 1, "iterations": 1, "streams": 5, "more": ""})
    done = pelt("check", path, "--once", "--ca", certs.shared().path("root.crt"), "--tls", "openssl", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    for line in ("> GET / HTTP/2\n", "< HTTP/2 200\n", "ALPN h2, a full handshake", "< content-length: 6\n"):
        assert line in done.out, done.told()


@pytest.mark.variant
@pytest.mark.parametrize("options, said", [
    (["--streams", "5"], "--streams is about HTTP/2: add --http2"),
    (["--http2-window", "1m"], "--http2-window is about HTTP/2: add --http2"),
    (["--http2", "--pipeline", "4"], "it is --streams 4"),
    (["--http2", "--http2-window", "1k"], "from 64k"),
    (["--http2", "--streams", "5000"], "1000"),
])
def test_options_without_sense_are_refused(tmp_path, options, said):
    done = pelt("bench", "http://127.0.0.1:1/", *options, cwd=tmp_path)
    assert done.code == USAGE and said in done.err, done.told()


def test_a_stop_ends_what_is_in_flight_as_unfinished(node, tmp_path):
    done = bench(f"{node.url}/slow/60000", "-c", 3, "--streams", 20, "-d", "300ms", "--grace", "100ms", cwd=tmp_path)
    assert outcomes(done) == {"unfinished": 60}, done.told()
    server_count_fits(done.report, node.seen()["slow"])
