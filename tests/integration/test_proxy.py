"""--proxy: tinyproxy before a real nginx, which both count; and what a proxy can do wrong, each under its class."""
import asyncio
import threading

import pytest
import websockets

import certs
import https_servers
from nginx import free_port
from peers import Tinyproxy
from program import PASSED, SLOW, USAGE, bench, outcomes_add_up, pelt, run
from rawserver import RawServer

pytestmark = pytest.mark.sanitize

EXCHANGES = 1_000 if SLOW else 10_000
FEW = 500 if SLOW else 1_500  # each on a connection of its own, of which tinyproxy takes more time the more there were


@pytest.fixture
def proxy(tmp_path_factory):
    with Tinyproxy(tmp_path_factory.mktemp("proxy")) as server:
        yield server


def sent(done, n):
    assert done.code == PASSED and done.report["totals"]["outcomes"] == {"ok": n}, done.told()
    outcomes_add_up(done.report)
    return {row["name"]: row for row in done.report["metrics"]}


def failed(done, outcome, sample, n=3):
    assert done.report["totals"]["outcomes"] == {outcome: n}, done.told()
    assert done.report["totals"]["sent"] == {"yes": 0, "maybe": 0, "no": n}
    assert sample in done.report["errors"][0]["sample"], done.report["errors"]


def test_http_goes_by_a_proxy_with_the_whole_url(nginx, proxy, tmp_path):
    # tinyproxy ends each connection without a word, so each request says that it is the last one.
    sent(bench(nginx.url, "-c", 10, "-n", FEW, "-t", 1, "--proxy", proxy.url, "-H", "Connection: close", cwd=tmp_path), FEW)
    assert nginx.count() == FEW and proxy.asked() == {"GET": FEW}


def test_what_ends_as_stale_is_called_again_by_choice(nginx, proxy, tmp_path):
    path = tmp_path / "s.lua"
    path.write_text("""local pelt = require "pelt"
        local http = pelt.http.client { retry_stale = true }
        return { load = { users = 4, iterations = 400 }, iteration = function()
            pelt.check("answered", http:get("/").status == 200)
            pelt.check("each of several", pelt.http.batch { { "GET", "/", { retry_stale = true } } }[1].ok)
        end }""")
    done = run(path, "--target", nginx.url, "--proxy", proxy.url, cwd=tmp_path)
    outcomes = done.report["totals"]["outcomes"]
    assert {check["name"]: check["failed"] for check in done.report["checks"]} == {"answered": 0, "each of several": 0}, done.told()
    assert outcomes["ok"] == 800 == nginx.count() and set(outcomes) == {"ok", "stale_reuse"}  # each retry is an exchange of its own
    assert done.report["totals"]["started"] == 800 + outcomes["stale_reuse"]


def test_bench_calls_again_what_ends_as_stale_by_choice(nginx, proxy, tmp_path):
    done = bench(nginx.url, "-c", 4, "-n", 800, "-t", 1, "--proxy", proxy.url, "--retry-stale", cwd=tmp_path)
    totals = done.report["totals"]
    assert done.code == PASSED and totals["outcomes"]["ok"] == 800 == nginx.count(), done.told()
    assert set(totals["outcomes"]) == {"ok", "stale_reuse"} and totals["started"] == 800 + totals["outcomes"]["stale_reuse"]
    outcomes_add_up(done.report)


def test_https_goes_through_a_tunnel_that_lasts(proxy, tmp_path):
    ca = certs.shared()
    with_tls = https_servers.SERVERS["nginx"](tmp_path, ca.path("good.crt"), ca.path("good.key"))
    try:
        metrics = sent(bench(with_tls.url, "-c", 10, "-n", EXCHANGES, "-t", 1, "--proxy", proxy.url, "--ca", ca.path("root.crt"), cwd=tmp_path), EXCHANGES)
        assert len(with_tls.lines()) == EXCHANGES and proxy.asked() == {"CONNECT": 10}
        assert metrics["http_tunnel"]["stats"]["count"] == 10
    finally:
        with_tls.stop()


def test_a_websocket_goes_through_a_tunnel(proxy, tmp_path):


    async def serve():
        async def echo(socket):
            async for message in socket:
                await socket.send(message)

        async with websockets.serve(echo, "127.0.0.1", port):
            up.set()
            await stop

    port, up, loop = free_port(), threading.Event(), asyncio.new_event_loop()
    stop = loop.create_future()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    up.wait(10)
    path = tmp_path / "s.lua"
    path.write_text(f"""local pelt = require "pelt"
        return {{ load = {{ users = 3, iterations = 30 }}, iteration = function()
            local ws = pelt.ws.connect("ws://127.0.0.1:{port}/")
            ws:send("hello")
            pelt.check("echo", ws:recv() == "hello")
            ws:close()
        end }}""")
    done = run(path, "--proxy", proxy.url, cwd=tmp_path)
    loop.call_soon_threadsafe(stop.set_result, None)
    thread.join()
    sent(done, 30)
    assert done.report["checks"][0]["passed"] == 30 and proxy.asked() == {"CONNECT": 30}


def test_a_proxy_asks_for_credentials(nginx, tmp_path):
    ca = certs.shared()
    (tmp_path / "web").mkdir()
    with_tls = https_servers.SERVERS["nginx"](tmp_path / "web", ca.path("good.crt"), ca.path("good.key"))
    with Tinyproxy(tmp_path, "BasicAuth ada lovelace") as proxy:
        place = proxy.url.removeprefix("http://")
        options = ("-c", 1, "-t", 1, "--ca", ca.path("root.crt"), "-H", "Connection: close", "--proxy")
        for url in (nginx.url, with_tls.url):
            done = bench(url, "-n", 20, *options, f"http://ada:love%6cace@{place}", cwd=tmp_path)
            sent(done, 20)
            assert "lace" not in done.err + done.out
            failed(bench(url, "-n", 3, *options, place, cwd=tmp_path), "proxy_auth", "407")
        failed(bench(with_tls.url, "-n", 3, *options, f"http://ada:other@{place}", cwd=tmp_path), "proxy_auth", "other credentials")
    with_tls.stop()
    assert nginx.count() == 20


def test_a_proxy_that_is_not_there(nginx, tmp_path):
    options = ("-c", 1, "-n", 3, "-t", 1, "--proxy")
    failed(bench(nginx.url, *options, f"127.0.0.1:{free_port()}", cwd=tmp_path), "proxy_connect", "Connection refused")
    failed(bench(nginx.url, *options, "http://nowhere.invalid:3128", cwd=tmp_path), "proxy_connect", "nowhere.invalid")


def test_a_stream_comes_by_a_proxy_however_slowly_it_is_read(tmp_path):
    """More than a stream keeps of what was not taken, so that receiving pauses."""
    events, size = 300, 5_000

    def play(peer):
        while True:
            assert peer.read_head().startswith(b"get http://shop.test/events http/1.1\r\n")
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(events):
                peer.send(b"%x\r\ndata: %s\n\n\r\n" % (size + 8, b"x" * size))
            peer.send(b"0\r\n\r\n")

    path = tmp_path / "s.lua"
    path.write_text(f"""local pelt = require "pelt"
        return {{ load = {{ users = 2, iterations = 4 }}, iteration = function()
            local n, s = 0, pelt.http.stream("http://shop.test/events")
            pelt.sleep("200ms")
            for event in s:events() do n = n + #event.data end
            pelt.check("all", n == {events * size})
        end }}""")
    with RawServer(play) as proxy:
        done = run(path, "-t", 1, "--proxy", proxy.url, cwd=tmp_path)
    sent(done, 4)
    assert done.report["checks"][0]["passed"] == 4 and proxy.connections == 2, done.told()


def answering(answer):
    def play(peer):
        peer.read_head()
        peer.send(answer)

    return RawServer(play)


@pytest.mark.parametrize("answer, outcome, sample", [
    (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!", "proxy_refused", "status 403 to CONNECT"),
    (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "proxy_refused", "status 502 to CONNECT"),
    (b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\n\r\n", "proxy_auth", "status 407 to CONNECT"),
    (b"HTTP/1.1 200 OK\r\n\r\nhello", "proxy_refused", "bytes behind it"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "proxy_refused", "proxy 127.0.0.1"),
    (b"", "proxy_refused", "without an answer to CONNECT"),
])
def test_a_tunnel_that_a_proxy_refuses(tmp_path, answer, outcome, sample):
    with answering(answer) as proxy:
        failed(bench("https://shop.test/", "-c", 1, "-n", 3, "-t", 1, "-k", "--proxy", proxy.url, cwd=tmp_path), outcome, sample)


def test_the_environment_counts_by_choice_only(nginx, proxy, tmp_path):
    env = {"http_proxy": proxy.url, "no_proxy": "shop.test, .example"}
    options = ("-c", 1, "-n", 5, "-t", 1, "-H", "Connection: close")
    sent(bench(nginx.url, *options, cwd=tmp_path, env=env), 5)
    assert proxy.asked() == {}
    sent(bench(nginx.url, *options, "--proxy", "env", cwd=tmp_path, env=env), 5)
    assert proxy.asked() == {"GET": 5}
    sent(bench(f"http://shop.test:{nginx.port}/", *options, "--proxy", "env", "--resolve", "*:" + str(nginx.port) + ":127.0.0.1", cwd=tmp_path, env=env), 5)
    assert proxy.asked() == {"GET": 5}


@pytest.mark.parametrize("options, said", [
    (("--proxy", "socks5://p:1"), '"socks5://...": proxies are spoken to by http:// and https:// only'),
    (("--proxy", "http://u:secret@:1"), '":1" is no place of a proxy'),
    (("--proxy", "http://p:99999"), '"p:99999" is no place of a proxy'),
    (("--proxy", "env"), "neither http_proxy nor https_proxy is set"),
    (("--proxy", "http://p:1", "--unix-socket", "x"), "exclude each other"),
    (("--proxy", "http://p:1", "--pipeline", "4"), "a proxy hands on one request at a time"),
    (("--dns-ttl", "soon"), "soon"),
    (("--dns-server", "name.test"), '"name.test": write ADDRESS[:PORT]'),
])
def test_what_cannot_be_is_told_before_the_run(tmp_path, options, said):
    env = {"http_proxy": "", "HTTP_PROXY": "", "https_proxy": "", "HTTPS_PROXY": ""}
    done = pelt("bench", "http://127.0.0.1:1/", "-n", 1, "-d", "5s", *options, cwd=tmp_path, env=env)
    assert done.code == USAGE and said in done.err and "secret" not in done.err, done.told()
    assert len(done.err.splitlines()) <= 2, done.err
