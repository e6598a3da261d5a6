"""How servers are reached where the user says it: --resolve, --connect-to, --source-ip, --unix-socket. A real nginx says where each
request came from and to, and for whom."""
import collections
import os

import pytest

import nginx as plain_nginx
from program import PASSED, USAGE, bench, pelt

pytestmark = pytest.mark.sanitize

EXCHANGES = 10_000
LARGE = 300_000
CONFIG = plain_nginx.HEAD + """\
    log_format  counted '$remote_addr $server_addr $http_host $uri $status';
    access_log  {prefix}/access.log counted;
    keepalive_requests 100000;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        listen 127.0.0.2:{port} backlog=4096;
        listen [::1]:{port} backlog=4096;
        listen unix:{prefix}/web.sock backlog=4096;
        location / {{ return 200 "hello\\n"; }}
        location /large {{ root {prefix}; }}
    }}
}}
"""


class Web(plain_nginx.Nginx):
    CONFIG = CONFIG

    @property
    def socket(self):
        return self.prefix / "web.sock"

    def seen(self, *fields):
        """How many requests by these fields of the log."""
        lines = (self.prefix / "access.log").read_text().splitlines()
        return collections.Counter(" ".join(line.split()[field] for field in fields) for line in lines)


FROM, TO, HOST, PATH, STATUS = range(5)


@pytest.fixture
def web(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("web")
    (prefix / "large").write_bytes(b"x" * LARGE)
    server = Web(prefix, is_root=os.geteuid() == 0)
    yield server
    server.stop()


def asked(web, url, *options, cwd, connections=10, n=1_000):
    done = bench(url, "-c", connections, "-n", n, "-d", "60s", "-t", 1, *options, cwd=cwd)
    assert done.code == PASSED, done.told()
    assert done.report["totals"]["outcomes"] == {"ok": n} and sum(web.seen(STATUS).values()) == n
    return done.report


def test_a_unix_socket_serves_whatever_host_is_asked_for(web, tmp_path):
    report = asked(web, "http://shop.test/thing", "--unix-socket", web.socket, cwd=tmp_path, n=EXCHANGES)
    assert web.seen(FROM, HOST, PATH) == {"unix: shop.test /thing": EXCHANGES}
    assert report["requests"][0]["phases_ms"]["dns"]["count"] == 0


def test_bodies_that_nobody_reads_come_whole_over_a_unix_socket(web, tmp_path):
    report = asked(web, "http://shop.test/large", "--unix-socket", web.socket, cwd=tmp_path, n=200)
    assert report["totals"]["bytes_received"] > 200 * LARGE


@pytest.mark.parametrize("path, why", [("none.sock", "No such file or directory"), ("file", "Connection refused")])
def test_a_unix_socket_where_nobody_listens_is_named(tmp_path, path, why):
    (tmp_path / "file").write_text("no socket")
    done = bench("http://shop.test/", "-c", 1, "-n", 2, "-d", "20s", "--unix-socket", path, cwd=tmp_path)
    assert done.report["totals"]["outcomes"] == {"connect": 2}, done.told()
    assert done.report["errors"][0]["sample"] == f"connect {path}: {why}"


def test_another_server_stands_in_for_the_one_asked_for(web, tmp_path):
    asked(web, "http://shop.test/", "--connect-to", f"shop.test:80:127.0.0.1:{web.port}", cwd=tmp_path, n=EXCHANGES)
    assert web.seen(TO, HOST) == {"127.0.0.1 shop.test": EXCHANGES}


def test_any_port_and_the_same_host(web, tmp_path):
    asked(web, "http://127.0.0.1:1/", "--connect-to", f"::[::1]:{web.port}", cwd=tmp_path)
    assert web.seen(TO, HOST) == {"::1 127.0.0.1:1": 1_000}


def test_given_addresses_take_turns(web, tmp_path):
    asked(web, f"http://shop.test:{web.port}/", "--resolve", f"*:{web.port}:127.0.0.1,127.0.0.2,[::1]", connections=30, cwd=tmp_path, n=3_000)
    seen = web.seen(TO)
    assert set(seen) == {"127.0.0.1", "127.0.0.2", "::1"} and sum(seen.values()) == 3_000


def test_a_moved_server_is_found_by_its_given_address(web, tmp_path):
    asked(web, "http://shop.test/", "--connect-to", f"shop.test:80:inner.test:{web.port}", "--resolve", f"inner.test:{web.port}:127.0.0.2", cwd=tmp_path)
    assert web.seen(TO, HOST) == {"127.0.0.2 shop.test": 1_000}


def test_connections_come_from_each_of_our_addresses(web, tmp_path):
    asked(web, web.url, "--source-ip", "127.0.0.8", "--source-ip", "127.0.0.9", cwd=tmp_path, n=EXCHANGES)
    seen = web.seen(FROM)
    assert set(seen) == {"127.0.0.8", "127.0.0.9"} and sum(seen.values()) == EXCHANGES


def test_ours_of_the_other_family_is_a_failed_connect(web, tmp_path):
    done = bench(web.url, "-c", 1, "-n", 1, "-d", "20s", "--source-ip", "::1", cwd=tmp_path)
    assert done.report["totals"]["outcomes"] == {"connect": 1}, done.told()
    assert "Address family not supported" in done.report["errors"][0]["sample"]


@pytest.mark.parametrize("options, said", [
    (("--resolve", "shop.test:127.0.0.1"), '"shop.test:127.0.0.1": write HOST:PORT:ADDRESS'),
    (("--resolve", "shop.test:80:shop2.test"), '"shop2.test" is no IP address'),
    (("--resolve", "shop.test:99999:127.0.0.1"), "write HOST:PORT:ADDRESS"),
    (("--connect-to", "shop.test:80:127.0.0.1"), "write HOST1:PORT1:HOST2:PORT2"),
    (("--source-ip", "eth0"), '"eth0" is no IP address'),
    (("--source-ip", "198.51.100.77"), '"198.51.100.77" cannot be used (Cannot assign requested address)'),
    (("--unix-socket", "x" * 200), "a path of a unix socket has 1 to 107 bytes"),
])
def test_what_cannot_be_is_told_before_the_run(tmp_path, options, said):
    done = pelt("bench", "http://127.0.0.1:1/", "-n", 1, *options, cwd=tmp_path)
    assert done.code == USAGE and said in done.err and options[0] in done.err, done.told()
    assert len(done.err.splitlines()) <= 2, done.err
