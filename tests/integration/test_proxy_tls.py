"""--proxy https://...: TLS with the proxy (Apache's mod_proxy), and within its tunnels TLS with the server; each failure its class."""
import pathlib

import pytest

import certs
import https_servers
from nginx import free_port
from peers import ProxyApache
from program import PASSED, SLOW, bench, outcomes_add_up, run

pytestmark = pytest.mark.sanitize

EXCHANGES = 1_000 if SLOW else 10_000
LARGE = 1_000_000


@pytest.fixture
def proxy(tmp_path_factory):
    ca = certs.shared()
    with ProxyApache(tmp_path_factory.mktemp("proxy"), ca.path("good.crt"), ca.path("good.key")) as server:
        yield server


@pytest.fixture
def with_tls(tmp_path_factory):
    ca = certs.shared()
    server = https_servers.SERVERS["nginx"](tmp_path_factory.mktemp("web"), ca.path("good.crt"), ca.path("good.key"))
    yield server
    server.stop()


def by(proxy, *more):
    return ("-t", 1, "--ca", certs.shared().path("root.crt"), "--proxy", getattr(proxy, "url", proxy), *more)


def sent(done, n):
    assert done.code == PASSED and done.report["totals"]["outcomes"] == {"ok": n}, done.told()
    outcomes_add_up(done.report)


def test_http_goes_by_it_with_the_whole_url(nginx, proxy, tmp_path):
    sent(bench(nginx.url, "-c", 10, "-n", EXCHANGES, *by(proxy), cwd=tmp_path), EXCHANGES)
    assert nginx.count() == EXCHANGES and proxy.asked() == {"GET": EXCHANGES}


@pytest.mark.parametrize("library", ["openssl", pytest.param("mbedtls", marks=pytest.mark.variant)])
def test_https_goes_through_its_tunnels(proxy, with_tls, tmp_path, library):
    """TLS in TLS, with answers of many records, of which the outer layer may hold some."""
    done = bench(with_tls.url, "-c", 10, "-n", EXCHANGES // 2, *by(proxy, "--tls", library), cwd=tmp_path)
    sent(done, EXCHANGES // 2)
    counts = {name: sum(row["stats"]["count"] for row in done.report["metrics"] if row["name"] == name) for name in ("http_tunnel", "tls_handshake")}
    assert counts == {"http_tunnel": 10, "tls_handshake": 10}  # that with the proxy is of the phase connect
    folder = pathlib.Path(with_tls.prefix) / "files"
    folder.mkdir(exist_ok=True)
    (folder / "large").write_bytes(b"x" * LARGE)
    path = tmp_path / "s.lua"
    path.write_text(f"""local pelt = require "pelt"
        local large, posted = ("x"):rep({LARGE}), ("y"):rep(300000)
        return {{ load = {{ users = 2, iterations = 8 }}, iteration = function(user)
            local body = pelt.http.get("/large", {{ keep_body = true }}).body
            pelt.check("whole", body == large)
            pelt.check("small", pelt.http.post("/", {{ body = posted }}).status == 200)
        end }}""")
    done = run(path, "--target", with_tls.url, *by(proxy, "--tls", library), cwd=tmp_path)
    sent(done, 16)
    assert [check["failed"] for check in done.report["checks"]] == [0, 0], done.told()
    assert len(with_tls.lines()) == EXCHANGES // 2 + 16 and proxy.asked() == {"CONNECT": 12}


def test_it_asks_for_credentials(nginx, tmp_path):
    ca = certs.shared()
    with ProxyApache(tmp_path, ca.path("good.crt"), ca.path("good.key"), login="ada:lovelace") as proxy:
        place = proxy.url.removeprefix("https://")
        sent(bench(nginx.url, "-c", 1, "-n", 20, *by(f"https://ada:lovelace@{place}"), cwd=tmp_path), 20)
        done = bench(nginx.url, "-c", 1, "-n", 3, *by(f"https://ada:other@{place}"), cwd=tmp_path)
        assert done.report["totals"]["outcomes"] == {"proxy_auth": 3} and "lovelace" not in done.out + done.err, done.told()
        done = bench("https://shop.test/", "-c", 1, "-n", 3, *by(proxy), cwd=tmp_path)
        assert done.report["totals"]["outcomes"] == {"proxy_auth": 3}, done.told()
    assert nginx.count() == 20


def failed(done, said, n=3):
    assert done.report["totals"]["outcomes"] == {"proxy_connect": n}, done.told()
    assert done.report["totals"]["sent"] == {"yes": 0, "maybe": 0, "no": n}
    assert said in done.report["errors"][0]["sample"], done.report["errors"]


@pytest.mark.parametrize("library", ["openssl", pytest.param("mbedtls", marks=pytest.mark.variant)])
@pytest.mark.parametrize("url", ["http", "https"])
def test_its_certificate_is_verified(nginx, with_tls, proxy, tmp_path, library, url):
    ca = certs.shared()
    target = nginx.url if url == "http" else with_tls.url
    options = ("-c", 1, "-n", 3, "-t", 1, "--tls", library, "--proxy")
    failed(bench(target, *options, proxy.url, "--ca", ca.path("stranger.crt"), cwd=tmp_path), f"proxy 127.0.0.1:{proxy.port}: unknown_ca: ")
    place = f"127.0.0.2:{proxy.port}"  # an address that the certificate is not for
    failed(bench(target, *options, f"https://{place}", "--ca", ca.path("root.crt"), cwd=tmp_path), f"proxy {place}: wrong_host: ")
    assert nginx.count() == 0 and with_tls.lines() == []
    sent(bench(target, *options, proxy.url, "-k", cwd=tmp_path), 3)


def test_what_is_no_such_proxy_is_named(nginx, tmp_path):
    options = ("-c", 1, "-n", 3, "-t", 1, "-k", "--proxy")
    failed(bench(nginx.url, *options, f"https://127.0.0.1:{nginx.port}", cwd=tmp_path), f"proxy 127.0.0.1:{nginx.port}: not_tls")
    failed(bench(nginx.url, *options, f"https://127.0.0.1:{free_port()}", cwd=tmp_path), "Connection refused")
