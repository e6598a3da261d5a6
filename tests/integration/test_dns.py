"""Names and their addresses: a real dnsmasq, whose records change during the run, before a real nginx."""
import threading
import time

import pytest

from nginx import free_port
from peers import Dnsmasq
from program import PASSED, SLOW, bench, run
from rawserver import RawServer
from test_routes import Web

EXCHANGES = 1_000 if SLOW else 10_000
TO = 1  # field of the log


@pytest.fixture
def web(tmp_path_factory):
    server = Web(tmp_path_factory.mktemp("web"), is_root=True)
    yield server
    server.stop()


def connections(report):
    return {row["tags"]["address"]: row["stats"]["count"] for row in report["metrics"] if row["name"] == "http_connections"}


def test_all_addresses_of_a_name_take_turns_and_are_counted(web, tmp_path):
    with Dnsmasq(tmp_path, {"shop.test": ["127.0.0.1", "127.0.0.2", "::1"]}) as dns:
        done = bench(f"http://shop.test:{web.port}/", "-c", 30, "-n", EXCHANGES, "-t", 1, "--dns-server", dns.server, cwd=tmp_path)
    assert done.code == PASSED and done.report["totals"]["outcomes"] == {"ok": EXCHANGES}, done.told()
    assert connections(done.report) == {f"{host}:{web.port}": 10 for host in ("127.0.0.1", "127.0.0.2", "[::1]")}
    assert sum(web.seen(TO).values()) == EXCHANGES and set(web.seen(TO)) == {"127.0.0.1", "127.0.0.2", "::1"}
    line = next(line for line in done.out.splitlines() if line.startswith("  addresses"))
    assert line.count(" 10") == 3, line


def test_an_address_that_fails_is_named_once(tmp_path):
    """Others stand in for it, so no exchange fails."""
    def play(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 204 OK\r\nConnection: close\r\n\r\n")

    with RawServer(play) as server:
        done = bench(f"http://shop.test:{server.port}/", "-c", 2, "-n", 40, "-t", 1, "--resolve", f"shop.test:{server.port}:127.0.0.1,127.0.0.9", cwd=tmp_path)
    assert done.report["totals"]["outcomes"] == {"ok": 40} and connections(done.report) == {f"127.0.0.1:{server.port}": 40}, done.told()
    assert done.err.count(f"shop.test: connect 127.0.0.9:{server.port}: Connection refused") == 1, done.told()


def test_what_a_name_has_beyond_64_addresses_is_said(tmp_path):
    """And of those that fail five, so that many do not fill the log."""
    with Dnsmasq(tmp_path, {"shop.test": [f"127.0.1.{i}" for i in range(1, 71)]}) as dns:
        done = bench(f"http://shop.test:{free_port()}/", "-c", 1, "-n", 2, "-t", 1, "--dns-server", dns.server, cwd=tmp_path)
    assert done.report["totals"]["outcomes"] == {"connect": 2}, done.told()
    assert done.err.count("shop.test has 70 addresses: connections go to the first 64") == 1, done.told()
    assert done.err.count("next address is tried") == 5, done.told()


LOOP = """local pelt = require "pelt"
return {{ dns_ttl = "{ttl}", load = {{ users = {users}, duration = "{seconds}s" }}, iteration = function()
    pelt.http.get("/", {{ headers = {{ Connection = "close" }} }})
    pelt.sleep("5ms")
end }}
"""


def test_records_that_change_are_noticed_when_their_time_is_over(web, tmp_path):
    (tmp_path / "s.lua").write_text(LOOP.format(ttl="300ms", seconds=60, users=20))
    with Dnsmasq(tmp_path, {"shop.test": ["127.0.0.1"]}) as dns:
        def change():
            while web.count() < EXCHANGES // 4:
                time.sleep(0.02)
            dns.change({"shop.test": ["127.0.0.2"]})

        changing = threading.Thread(target=change)
        changing.start()
        done = run(tmp_path / "s.lua", "-t", 1, "-n", EXCHANGES, "--target", f"http://shop.test:{web.port}", "--dns-server", dns.server, cwd=tmp_path)
        changing.join()
        questions = dns.questions("shop.test")
    counts = connections(done.report)
    assert done.report["totals"]["outcomes"] == {"ok": EXCHANGES} and sum(counts.values()) == EXCHANGES, done.told()
    assert counts == {f"{host}:{web.port}": n for host, n in web.seen(TO).items()} and len(counts) == 2
    assert counts[f"127.0.0.1:{web.port}"] >= EXCHANGES // 4, counts
    assert 4 <= questions <= done.seconds / 0.3 + 2, questions


def test_each_connection_asks_where_nothing_is_kept(web, tmp_path):
    (tmp_path / "s.lua").write_text(LOOP.format(ttl="1h", seconds=5, users=2))
    with Dnsmasq(tmp_path, {"shop.test": ["127.0.0.1"]}) as dns:
        options = ("-t", 1, "-n", 50, "--target", f"http://shop.test:{web.port}", "--dns-server", dns.server)
        run(tmp_path / "s.lua", *options, cwd=tmp_path)
        assert dns.questions("shop.test") == 1
        done = run(tmp_path / "s.lua", *options, "--dns-ttl", 0, cwd=tmp_path)
        assert 20 <= dns.questions("shop.test") - 1 <= 50  # those that ask at the same time share a question
    assert done.report["requests"][0]["phases_ms"]["dns"]["count"] == 50


def test_a_name_that_is_taken_away_fails_from_then_on(web, tmp_path):
    (tmp_path / "s.lua").write_text(LOOP.format(ttl="200ms", seconds=1, users=2))
    with Dnsmasq(tmp_path, {"shop.test": ["127.0.0.1"]}) as dns:
        threading.Timer(0.4, dns.change, [{}]).start()
        done = run(tmp_path / "s.lua", "-t", 1, "--target", f"http://shop.test:{web.port}", "--dns-server", dns.server, cwd=tmp_path)
    outcomes = done.report["totals"]["outcomes"]
    assert set(outcomes) == {"ok", "dns"} and outcomes["ok"] == sum(web.seen(TO).values()), done.told()
    assert done.report["errors"][0]["sample"].startswith("name shop.test: ")
