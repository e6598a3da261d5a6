"""https: real servers and their counts, resumption as they see it, and what a user is told when TLS fails.

Every check is made with both libraries; what mbedTLS of this release cannot (TLS 1.3 in Debian 12) is refused with the
choice that helps.
"""
import re
import subprocess

import pytest

import certs
import https_servers
from program import MISSED, PASSED, SLOW, USAGE, measure, outcomes_add_up, pelt
from tls_peer import TlsPeer

pytestmark = pytest.mark.sanitize

LIBRARIES = ["mbedtls", "openssl"]
EXCHANGES = 1_000 if SLOW else 10_000


@pytest.fixture(name="ca", scope="session")
def authority():
    return certs.shared()


def mbedtls_speaks_13():
    """Debian 12's does not: what becomes of it then is a test of its own (a_server_of_tls_13_alone)."""
    version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "libmbedtls-dev"], capture_output=True, text=True,
                             check=False).stdout
    return not version.startswith("2.")


MBEDTLS_13 = mbedtls_speaks_13()
SPOKEN = [("openssl", "1.2"), ("openssl", "1.3"), ("mbedtls", "1.2")] + ([("mbedtls", "1.3")] if MBEDTLS_13 else [])


@pytest.fixture(name="server")
def servers(tmp_path):
    """server(kind, cert, key, version) starts one; it is stopped after the test."""
    started = []

    def start(kind, *arguments, **more):
        program = https_servers.SERVERS[kind]
        if program.program() is None:
            pytest.skip(f"no {kind} on this host")
        prefix = tmp_path / f"{kind}-{len(started)}"
        prefix.mkdir()
        started.append(program(prefix, *arguments, **more))
        return started[-1]

    yield start
    for instance in started:
        instance.stop()


def bench(url, ca, cwd, *options, timeout=120):
    return measure("bench", url, "--ca", ca.path("root.crt"), *options, cwd=cwd, timeout=timeout)


def handshakes(report):
    """{(resumed, version): how many}"""
    return {(m["tags"]["resumed"], m["tags"]["version"]): m["stats"]["count"]
            for m in report["metrics"] if m["name"] == "tls_handshake"}


# ---- real servers ----

@pytest.mark.slow
@pytest.mark.parametrize("library, version", SPOKEN)
@pytest.mark.parametrize("kind", https_servers.SERVERS)
def test_counts_of_real_servers_agree(server, ca, tmp_path, kind, version, library):
    there = server(kind, ca.path("good.crt"), ca.path("good.key"), version)
    done = bench(there.url + "/hello", ca, tmp_path, "--tls", library, "-n", EXCHANGES, "-c", 16, "-t", 2, "-d", "60s")
    assert done.code == PASSED, done.told()
    outcomes_add_up(done.report)
    assert done.report["totals"]["outcomes"] == {"ok": EXCHANGES}, done.told()
    there.stop()
    assert there.count() == EXCHANGES
    assert {line[3] for line in there.lines()} == {f"TLSv{version}"}
    assert re.search(r"tls +\S+ \S+: \d+ full and [\d,]+ resumed handshakes", done.out), done.told()
    made = handshakes(done.report)
    assert sum(made.values()) >= 16 and {v for _, v in made} == {version}, made
    assert done.report["run"]["tls"]["library"].lower().startswith(library), done.report["run"]


@pytest.mark.parametrize("library, version", SPOKEN)
@pytest.mark.parametrize("resume", [True, False])
def test_resumption_is_what_the_server_sees(server, ca, tmp_path, library, version, resume):
    there = server("nginx", ca.path("good.crt"), ca.path("good.key"), version)
    options = [] if resume else ["--no-tls-resume"]
    done = bench(there.url + "/", ca, tmp_path, "--tls", library, "-n", 200, "-c", 1, "-d", "60s", "-H", "Connection: close",
                 *options)
    assert done.report["totals"]["outcomes"] == {"ok": 200}, done.told()
    there.stop()
    seen = [line[4] for line in there.lines()]
    made = handshakes(done.report)
    assert len(seen) == 200
    assert seen.count("r") == made.get(("true", version), 0) == (199 if resume else 0), made
    assert seen.count(".") == made.get(("false", version), 0), made
    phases = done.report["requests"][0]["phases_ms"]
    assert phases["tls"]["count"] == 200, "each had a connection of its own"
    assert phases["tls"]["min"] > 0


@pytest.mark.parametrize("library", LIBRARIES)
def test_large_bodies_come_whole(server, ca, tmp_path, library):
    there = server("nginx", ca.path("rsa.crt"), ca.path("rsa.key"))
    (there.prefix / "files" / "large").mkdir()
    (there.prefix / "files" / "large" / "file").write_bytes(bytes(range(256)) * 12_345)
    done = bench(there.url + "/large/file", ca, tmp_path, "--tls", library, "-n", 50, "-c", 4, "-d", "60s")
    assert done.report["totals"]["outcomes"] == {"ok": 50}, done.told()
    assert done.report["totals"]["bytes_received"] > 50 * 256 * 12_345


@pytest.mark.parametrize("library", LIBRARIES)
def test_pipelined_requests_count_too(server, ca, tmp_path, library):
    there = server("nginx", ca.path("good.crt"), ca.path("good.key"))
    done = bench(there.url + "/", ca, tmp_path, "--tls", library, "-n", 2000, "-c", 4, "--pipeline", 8, "-d", "60s")
    assert done.report["totals"]["outcomes"] == {"ok": 2000}, done.told()
    there.stop()
    assert there.count() == 2000


SCENARIO = """
local pelt = require "pelt"
local http, check = pelt.http, pelt.check
return {
  load = { users = 2, iterations = 40, duration = "60s" },
  %(more)s
  iteration = function(user)
    check("said hello", http.get("/").body == "hello\\n")
    check("no cookie yet or the same", http.get("/cookie").status == 200)
    check("Secure cookies go to https", http.get("/cookie").body:find("sid=secret", 1, true) ~= nil)
    check("redirected to https", http.get("/away?to=/", { redirects = 1 }).body == "hello\\n")
    check("and elsewhere", http.get("/away?to=%(plain)s", { redirects = 1 }).status == 200)
  end,
}
"""


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("connections", ["own", "shared"])
def test_scenarios_speak_https(server, ca, nginx, tmp_path, library, connections):
    there = server("nginx", ca.path("good.crt"), ca.path("good.key"))
    (tmp_path / "root.pem").write_text(ca.path("root.crt").read_text())
    more = f'tls = {{ backend = "{library}", ca = "root.pem" }},' + \
        ('connections = "shared",' if connections == "shared" else "")
    (tmp_path / "several.lua").write_text(SCENARIO % {"more": more, "plain": f"{nginx.url}/"})
    done = measure("run", "several.lua", "--target", there.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert all(c["failed"] == 0 for c in done.report["checks"]), done.report["checks"]
    assert nginx.count() == 40


def test_a_url_that_waits_for_https(server, ca, tmp_path):
    there = server("nginx", ca.path("good.crt"), ca.path("good.key"))
    done = pelt("bench", there.url + "/", "-n", 1, "-c", 1, "-d", "10s", "--wait-for", there.url + "/", "--ca", ca.path("root.crt"),
                "--allow-invalid", cwd=tmp_path)
    assert done.code == PASSED and "answered after" in done.err, done.told()
    done = pelt("bench", there.url + "/", "-n", 1, "-c", 1, "-d", "10s", "--wait-for", there.url + "/", "--wait-timeout", "1s",
                cwd=tmp_path)
    assert done.code == USAGE and "unknown_ca" in done.err, done.told()


# ---- certificates and versions ----

# name: (what TlsPeer is given: cert, chain and more; the host asked for; options; what is to come of it; words of the line)
OK = "ok"
SITUATIONS = {
    "good": ({"cert": "good"}, "web.pelt.test", [], OK, []),
    "good by address": ({"cert": "good"}, "127.0.0.1", [], OK, []),
    "wildcard": ({"cert": "wildcard"}, "web.pelt.test", [], OK, []),
    "chain with its intermediate": ({"cert": "leaf", "chain": "ordered"}, "web.pelt.test", [], OK, []),
    "chain out of order": ({"cert": "leaf", "chain": "jumbled"}, "web.pelt.test", [], OK, []),
    "client certificate": ({"cert": "good", "client_ca": True}, "web.pelt.test", ["client"], OK, []),
    "anything, insecure": ({"cert": "expired"}, "elsewhere.pelt.test", ["insecure"], OK, []),
    "expired": ({"cert": "expired"}, "web.pelt.test", [], "expired", ["2021"]),
    "not yet valid": ({"cert": "early"}, "web.pelt.test", [], "not_yet_valid", ["2048"]),
    "wrong host": ({"cert": "other"}, "web.pelt.test", [], "wrong_host", ["other.pelt.test"]),
    "wildcard too deep": ({"cert": "wildcard"}, "a.b.pelt.test", [], "wrong_host", ["*.pelt.test"]),
    "name only in CN": ({"cert": "cnonly"}, "web.pelt.test", [], OK, []),
    "another name in CN alone": ({"cert": "cnonly"}, "elsewhere.pelt.test", [], "wrong_host", ["web.pelt.test"]),
    "no such address": ({"cert": "nameonly"}, "127.0.0.1", [], "wrong_host", ["web.pelt.test"]),
    "self-signed": ({"cert": "selfsigned"}, "web.pelt.test", [], "self_signed", ["--ca"]),
    "unknown CA": ({"cert": "strange"}, "web.pelt.test", [], "unknown_ca", ["--ca"]),
    "missing intermediate": ({"cert": "leaf"}, "web.pelt.test", [], "missing_intermediate", ["whole chain", "--ca"]),
    "expired root": ({"cert": "ofold"}, "web.pelt.test", ["oldroot"], "expired", ["2021", "renew"]),
    "purpose wrong": ({"cert": "purpose"}, "web.pelt.test", [], "unsuitable", ["issued anew", "--insecure"]),
    "weak signature": ({"cert": "weak"}, "web.pelt.test", [], "unsuitable", ["issued anew", "--insecure"]),
    "short key": ({"cert": "short"}, "web.pelt.test", [], "unsuitable", ["issued anew", "--insecure"]),
    "issued by no CA": ({"cert": "ofnoca", "chain": "ofnoca"}, "web.pelt.test", [], "unsuitable", ["issued anew"]),
    "broken signature": ({"cert": "damaged"}, "web.pelt.test", [], "unsuitable", ["signature", "issued anew"]),
    "unknown critical extension": ({"cert": "strangercritical"}, "web.pelt.test", [], "unsuitable", ["issued anew"]),
    "intermediate for other names": ({"cert": "ofnarrow", "chain": "ofnarrow"}, "web.pelt.test", [], "unsuitable",
                                     ["issued anew"]),
    "client certificate missing": ({"cert": "good", "client_ca": True, "maximum": "1.2"}, "web.pelt.test", [],
                                   "client_cert_missing", ["--cert"]),
    "client certificate missing, 1.3": ({"cert": "good", "client_ca": True}, "web.pelt.test", ["1.3"], "client_cert_missing",
                                        ["--cert"]),
    "client certificate of strangers": ({"cert": "good", "client_ca": True, "maximum": "1.2"}, "web.pelt.test", ["foreign"],
                                        "client_cert_refused", ["--cert", "issued by"]),
    "TLS 1.0 only": ({"cert": "rsa", "maximum": "1.0"}, "web.pelt.test", [], "version", ["--tls-min 1.0"]),
    "TLS 1.0 only, for at most 1.2": ({"cert": "rsa", "maximum": "1.0"}, "web.pelt.test", ["at most 1.2"], "version",
                                      ["--tls-min 1.0"]),
    "TLS 1.3 only": ({"cert": "good", "minimum": "1.3"}, "web.pelt.test", ["at most 1.2"], "version", ["--tls"]),
    "no cipher in common": ({"cert": "rsa", "maximum": "1.2", "ciphers": "AES128-SHA"}, "web.pelt.test", ["aesgcm"], "cipher",
                            ["offer other ciphers"]),
    "plain HTTP": ({"behave": "plain"}, "web.pelt.test", [], "not_tls", ["http://"]),
    "cut off": ({"behave": "cut"}, "web.pelt.test", [], "cut_off", ["speaks TLS"]),
    "reset": ({"behave": "reset"}, "web.pelt.test", [], "cut_off", ["speaks TLS"]),
    "rubbish": ({"behave": "rubbish"}, "web.pelt.test", [], "protocol", ["speaks TLS"]),
    "silent": ({"behave": "silent"}, "web.pelt.test", [], "timeout", ["speak TLS"]),
}
OPTIONS = {
    "client": ["--cert", "{client}.crt", "--key", "{client}.key"],
    "foreign": ["--cert", "{foreign}.crt", "--key", "{foreign}.key"],
    "insecure": ["-k"],
    "oldroot": ["--ca", "{oldroot}.crt"],
    "at most 1.2": ["--tls-max", "1.2"],
    "1.3": ["--tls-min", "1.3"],
    "aesgcm": ["--tls-ciphers", "ECDHE-RSA-AES128-GCM-SHA256", "--tls-max", "1.2"],
}


def options_of(names, ca):
    return [re.sub(r"\{(\w+)\}", lambda m: str(ca.path(m.group(1))), word) for name in names for word in OPTIONS[name]]


def peer_of(made, ca):
    made = dict(made)
    if "cert" in made:
        name = made.pop("cert")
        chain = made.pop("chain", None)
        made["key"] = ca.path(f"{name}.key")
        made["cert"] = ca.path(f"{chain}.pem") if chain else ca.path(f"{name}.crt")
    if made.get("client_ca"):
        made["client_ca"] = ca.path("root.crt")
    return TlsPeer(**made)


ONE = """
local pelt = require "pelt"
return {
  load = { users = 1, iterations = 2, duration = "20s" },
  iteration = function() pelt.http.get("/", { timeout = pelt.env("TIMEOUT", "20s") }) end,
}
"""


def ask(ca, tmp_path, peer, host, library, *options):
    (tmp_path / "one.lua").write_text(ONE)
    return measure("run", "one.lua", "--target", f"https://{host}:{peer.port}", "--resolve", f"{host}:{peer.port}:127.0.0.1", "--tls", library,
               *([] if "--ca" in options else ["--ca", ca.path("root.crt")]), *(["--set", "TIMEOUT=1s"] if peer.behave == "silent" else []), *options, cwd=tmp_path)


CASES = [pytest.param(library, *situation, id=f"{name}-{library}") for name, situation in SITUATIONS.items() for library in LIBRARIES
         if (library, "1.3") in SPOKEN or "1.3" not in situation[2]]


@pytest.mark.one_thread
@pytest.mark.parametrize("library, made, host, options, expected, words", CASES)
def test_what_a_certificate_or_server_comes_to(ca, tmp_path, made, host, options, expected, words, library):
    with peer_of(made, ca) as peer:
        done = ask(ca, tmp_path, peer, host, library, *options_of(options, ca))
    totals = done.report["totals"]
    outcomes_add_up(done.report)
    if expected == OK:
        assert totals["outcomes"] == {"ok": 2}, done.told()
        return
    assert totals["outcomes"] == {"tls": 2} and totals["sent"]["no"] == 2, done.told()
    sample = done.report["errors"][0]["sample"]
    failed = sample.split(":")[0]
    assert failed == expected, sample
    assert "\n" not in sample and all(word in sample for word in words), sample
    assert peer.requests == 0


def test_every_failure_is_held_to_say_what_to_do():
    assert all(words for *_, expected, words in SITUATIONS.values() if expected != OK)


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_is_said_of_an_old_server_helps(ca, tmp_path, library):
    with TlsPeer(ca.path("rsa.crt"), ca.path("rsa.key"), maximum="1.0") as peer:
        refused = ask(ca, tmp_path, peer, "web.pelt.test", library)
        said = refused.report["errors"][0]["sample"]
        options = re.search(r"(?:--tls openssl )?--tls-min 1\.0", said)[0].split()
        assert ("--tls" in options) == (library == "mbedtls" and MBEDTLS_13), said
        done = ask(ca, tmp_path, peer, "web.pelt.test", library, *options)
    assert done.report["totals"]["outcomes"] == {"ok": 2}, done.told()


@pytest.mark.one_thread
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("behave, expected", [("orderly end", "ok"), ("bare end", "truncated"), ("half", "truncated")])
def test_an_end_without_close_notify_is_no_end_of_a_body(ca, tmp_path, library, behave, expected):
    with TlsPeer(ca.path("good.crt"), ca.path("good.key"), behave=behave) as peer:
        done = ask(ca, tmp_path, peer, "web.pelt.test", library)
    assert done.report["totals"]["outcomes"] == {expected: 2}, done.told()


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_server_of_tls_13_alone_says_what_helps(ca, tmp_path, library):
    with TlsPeer(ca.path("good.crt"), ca.path("good.key"), minimum="1.3") as peer:
        done = ask(ca, tmp_path, peer, "web.pelt.test", library)
    if (library, "1.3") in SPOKEN:
        assert done.report["totals"]["outcomes"] == {"ok": 2}, done.told()
    else:
        assert done.report["totals"]["outcomes"] == {"tls": 2}, done.told()
        sample = done.report["errors"][0]["sample"]
        assert sample.startswith("version") and "--tls openssl" in sample, sample


# ---- what is told ----

@pytest.mark.parametrize("library", LIBRARIES)
def test_insecure_is_said(ca, tmp_path, library):
    with TlsPeer(ca.path("selfsigned.crt"), ca.path("selfsigned.key")) as peer:
        done = ask(ca, tmp_path, peer, "web.pelt.test", library, "--insecure")
    assert "certificates were not verified (--insecure)" in done.out, done.told()
    assert done.report["run"]["tls"]["insecure"] is True
    assert done.report["totals"]["outcomes"] == {"ok": 2}


@pytest.mark.one_thread
@pytest.mark.parametrize("library", LIBRARIES)
def test_check_once_shows_the_certificate(ca, tmp_path, library):
    (tmp_path / "one.lua").write_text(ONE)
    with TlsPeer(ca.path("ordered.pem"), ca.path("leaf.key"), maximum="1.2") as peer:
        host = f"web.pelt.test:{peer.port}"
        done = pelt("check", "one.lua", "--once", "--target", f"https://{host}", "--resolve", f"{host}:127.0.0.1", "--tls", library,
                    "--ca", ca.path("root.crt"), cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert re.search(r"\* TLS 1\.2, TLS_ECDHE_ECDSA_\w+, ALPN none, a full handshake", done.out), done.told()
    assert re.search(r"\* certificate: CN ?= ?web\.pelt\.test, valid \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d \(\d+ days left\)", done.out), \
        done.told()
    assert "Test Intermediate" in done.out and "127.0.0.1" in done.out and "  tls " in done.out, done.told()


@pytest.mark.one_thread
@pytest.mark.parametrize("library", LIBRARIES)
def test_check_once_shows_a_certificate_that_was_refused(ca, tmp_path, library):
    (tmp_path / "one.lua").write_text(ONE)
    with TlsPeer(ca.path("expired.crt"), ca.path("expired.key")) as peer:
        host = f"web.pelt.test:{peer.port}"
        done = pelt("check", "one.lua", "--once", "--target", f"https://{host}", "--resolve", f"{host}:127.0.0.1", "--tls", library,
                    "--ca", ca.path("root.crt"), cwd=tmp_path)
    assert "(expired)" in done.out and "* expired: " in done.out, done.told()


def test_thresholds_hold_full_and_resumed_handshakes_apart(ca, tmp_path):
    with TlsPeer(ca.path("good.crt"), ca.path("good.key")) as peer:
        done = bench(f"https://127.0.0.1:{peer.port}/", ca, tmp_path, "-n", 120, "-c", 1, "-d", "60s", "-H", "Connection: close",
                     "--threshold", "tls_handshake{resumed=true} p95 < 1m", "--threshold", "tls_handshake{resumed=false} max < 1us")
    assert done.code == MISSED, done.told()
    assert [t["level"] for t in done.report["thresholds"]] == ["target", "missed"], done.report["thresholds"]


def test_a_host_without_certificates_is_told_before_the_start(tmp_path):
    done = pelt("bench", "https://127.0.0.1:1/", "-d", "1s", cwd=tmp_path,
                env={"SSL_CERT_FILE": "/nowhere/certificates", "SSL_CERT_DIR": "/nowhere"})
    assert done.code == USAGE and "/nowhere/certificates" in done.err and len(done.err.strip().splitlines()) == 1, done.told()


@pytest.mark.one_thread
def test_preflight_says_that_tls_is_not_in_its_figures(ca, tmp_path):
    (tmp_path / "one.lua").write_text(ONE)
    done = pelt("preflight", "one.lua", "--target", "https://web.pelt.test", "--ca", ca.path("root.crt"), cwd=tmp_path)
    assert "https was spoken as http" in done.out, done.told()


# ---- settings that are no good ----

BAD = {
    "no library": (["--tls", "opensl"], ["--tls", "opensl", "did you mean openssl?"]),
    "no version": (["--tls-min", "1.4"], ["--tls-min", "1.4", "1.3"]),
    "no version between": (["--tls", "openssl", "--tls-min", "1.3", "--tls-max", "1.2"], ["--tls-min 1.3", "--tls-max 1.2"]),
    "missing CA": (["--ca", "absent.pem"], ["absent.pem"]),
    "CA that is none": (["--ca", "{conf}"], ["conf"]),
    "empty folder of CAs": (["--ca", "empty"], ["empty"]),
    "missing certificate": (["--cert", "absent.pem"], ["absent.pem"]),
    "certificate without its key": (["--cert", "{client.crt}"], ["client.crt", "--key"]),
    "key of another": (["--cert", "{client.crt}", "--key", "{good.key}"], ["client.crt", "good.key"]),
    "key alone": (["--key", "{good.key}"], ["good.key", "--cert"]),
    "no such cipher": (["--tls-ciphers", "NO-SUCH-CIPHER"], ["NO-SUCH-CIPHER"]),
}


@pytest.mark.one_thread
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("options, words", BAD.values(), ids=BAD.keys())
def test_bad_settings_are_named_before_the_start(ca, tmp_path, options, words, library):
    (tmp_path / "empty").mkdir()
    options = [re.sub(r"\{([\w.]+)\}", lambda m: str(ca.path(m.group(1))), word) for word in options]
    chosen = [] if "--tls" in options else ["--tls", library]
    done = pelt("bench", "https://127.0.0.1:1/", "-d", "1s", *chosen, *options, cwd=tmp_path)
    assert done.code == USAGE and len(done.err.strip().splitlines()) == 1, done.told()
    assert all(word in done.err for word in words), done.told()
    assert not list(tmp_path.glob("pelt-runs/*"))


SCENARIO_BAD = {
    "unknown key": ("tls = { insecur = true }", ["insecur", "insecure"]),
    "no table": ("tls = true", ["tls", "table"]),
    "no library": ('tls = { backend = "gnutls" }', ["tls.backend", "gnutls", "openssl"]),
    "missing CA": ('tls = { ca = "absent.pem" }', ["absent.pem"]),
}


@pytest.mark.one_thread
@pytest.mark.parametrize("text, words", SCENARIO_BAD.values(), ids=SCENARIO_BAD.keys())
def test_bad_settings_of_a_scenario_are_named(tmp_path, text, words):
    (tmp_path / "one.lua").write_text(f"return {{ {text}, load = {{ users = 1, duration = '1s' }}, iteration = function() end }}")
    done = pelt("run", "one.lua", cwd=tmp_path)
    assert done.code == USAGE and len(done.err.strip().splitlines()) == 1, done.told()
    assert all(word in done.err for word in words), done.told()
