"""auth = { digest = ... } against Apache's mod_auth_digest: each challenge an exchange of its own, nonces used again, and stale ones."""
import re
import threading

import pytest

from peers import DigestApache
from program import PASSED, SLOW, outcomes_add_up, pelt, run
from rawserver import RawServer

pytestmark = pytest.mark.sanitize

EXCHANGES = 1_000 if SLOW else 10_000
HEAD = 'local pelt = require "pelt"\nlocal http, check = pelt.http, pelt.check\n'
LOGIN = f'{{ digest = {{ user = "{DigestApache.USER}", password = "{DigestApache.PASSWORD}" }} }}'


def scenario(tmp_path, users, iterations, body, top=""):
    path = tmp_path / "s.lua"
    path.write_text(f"{HEAD}{top}\nreturn {{ load = {{ users = {users}, iterations = {iterations} }}, iteration = function(user)\n{body}\nend }}\n")
    return path


@pytest.fixture
def apache(tmp_path):
    (tmp_path / "apache").mkdir()
    with DigestApache(tmp_path / "apache") as server:
        yield server


def checks(done):
    return {row["name"]: (row["passed"], row["failed"]) for row in done.report["checks"]}


def test_a_challenge_is_met_once_and_its_nonce_used_again(apache, tmp_path):
    users, requests = 10, EXCHANGES - 10
    path = scenario(tmp_path, users, requests, f'check("inside", http.get("/", {{ auth = {LOGIN} }}).body == "inside\\n")')
    done = run(path, "--target", apache.url, "-t", 2, cwd=tmp_path)
    assert done.code == PASSED and checks(done) == {"inside": (requests, 0)}, done.told()
    assert done.report["totals"]["outcomes"] == {"ok": EXCHANGES} and apache.statuses() == {"401": users, "200": requests}
    outcomes_add_up(done.report)


def test_bodies_queries_hops_and_batches_have_their_own_credentials(apache, tmp_path):
    path = scenario(tmp_path, 2, 40, """
        check("post", api:post("/?a=1&b=%20", { form = { q = user.iteration }, expect = 405 }).status ~= 401)
        for _, r in ipairs(api:batch { "/", "/index.html", { "GET", "/?x" }, "/" }) do check("batch", r.status == 200) end
        check("other login", http.get("/", { auth = { digest = { user = "eve", password = "x" } }, expect = 401 }).status == 401)
        """, top=f"local api = http.client {{ auth = {LOGIN} }}")
    done = run(path, "--target", apache.url, "-t", 1, cwd=tmp_path)
    assert {name: failed for name, (_, failed) in checks(done).items()} == {"post": 0, "batch": 0, "other login": 0}, done.told()
    assert list(done.report["totals"]["outcomes"]) == ["ok"] and sum(apache.statuses().values()) == done.report["totals"]["started"]


def test_a_stale_nonce_is_renewed(tmp_path):
    with DigestApache(tmp_path, lifetime=1) as apache:
        path = scenario(tmp_path, 2, 6, f'check("inside", http.get("/", {{ auth = {LOGIN} }}).status == 200) if user.iteration < 3 then pelt.sleep("1100ms") end')
        done = run(path, "--target", apache.url, "-t", 1, cwd=tmp_path)
        statuses = apache.statuses()
    assert checks(done) == {"inside": (6, 0)} and statuses == {"200": 6, "401": 6}, done.told()
    assert done.report["totals"]["outcomes"] == {"ok": 12}


def test_the_next_nonce_is_the_one_that_the_server_names(tmp_path):
    """Apache takes each nonce once then, and says which one it wants next (nextnonce)."""
    with DigestApache(tmp_path, lifetime=0) as apache:
        path = scenario(tmp_path, 2, 50, f'check("inside", http.get("/", {{ auth = {LOGIN} }}).status == 200)')
        done = run(path, "--target", apache.url, "-t", 1, cwd=tmp_path)
        statuses = apache.statuses()
    assert checks(done) == {"inside": (50, 0)} and statuses == {"200": 50, "401": 2}, done.told()


def test_no_count_of_a_nonce_is_sent_twice(tmp_path):
    """By a server that hands out one nonce for a while, to a batch, and as an idle connection is closed; the next one has another cnonce."""
    credentials, lock = [], threading.Lock()

    def read(peer):
        head = peer.read_head()
        found = re.findall(rb'nonce="(\w+)".*cnonce="(\w+)".*nc=(\w+)', head)
        with lock:
            credentials.extend(found)
        return head, found

    def play(peer):
        while True:
            head, found = read(peer)
            with lock:
                nonce = b"n1" if len(credentials) < 8 else b"n2"
            if found and found[0][0] == nonce:
                peer.send(b"HTTP/1.1 204 In\r\n\r\n")
            else:
                stale = b", stale=true" if found else b""
                peer.send(b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="' + nonce + b'", qop="auth"' + stale + b"\r\nContent-Length: 0\r\n\r\n")
            if b" /last " in head:
                read(peer)
                return  # closed without a word: the request is called again

    with RawServer(play) as server:
        path = scenario(tmp_path, 1, 1, """
            for _, r in ipairs(api:batch { "/1", "/2", "/3", "/4", "/5" }) do check("in", r.status == 204) end
            check("in", api:get("/last").status == 204)
            check("in", api:get("/again").status == 204)
            check("in", api:get("/other").status == 204)""", top='local api = http.client { retry_stale = true, auth = { digest = { user = "ada", password = "x" } } }')
        done = run(path, "--target", server.url, "-t", 1, cwd=tmp_path)
    assert list(checks(done).values()) == [(8, 0)] and done.report["totals"]["outcomes"]["stale_reuse"] == 1, done.told()
    assert len(credentials) == len(set(credentials)), credentials
    cnonces = {nonce: {c for n, c, _ in credentials if n == nonce} for nonce in (b"n1", b"n2")}
    assert all(len(found) == 1 for found in cnonces.values()) and cnonces[b"n1"] != cnonces[b"n2"], credentials


def test_another_origin_behind_a_redirect_gets_no_credentials(tmp_path):
    heads = []

    def challenge(peer):
        while True:
            heads.append(peer.read_head())
            peer.send(b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\nContent-Length: 0\r\n\r\n')

    with RawServer(challenge) as other:
        def redirect(peer):
            while True:
                peer.read_head()
                peer.send(f"HTTP/1.1 302 There\r\nLocation: {other.url}/\r\nContent-Length: 0\r\n\r\n".encode())

        with RawServer(redirect) as server:
            path = scenario(tmp_path, 1, 3, f'check("challenged", http.get("/", {{ redirects = 3, expect = 401, auth = {LOGIN} }}).status == 401)')
            done = run(path, "--target", server.url, "-t", 1, cwd=tmp_path)
    assert checks(done) == {"challenged": (3, 0)} and len(heads) == 3 and b"authorization" not in b"".join(heads), (heads, done.told())


def test_a_wrong_password_is_an_error_each_time(apache, tmp_path):
    path = scenario(tmp_path, 1, 5, 'http.get("/", { auth = { digest = { user = "ada", password = "no" } } })')
    done = run(path, "--target", apache.url, "-t", 1, cwd=tmp_path)
    assert done.report["totals"]["outcomes"] == {"ok": 1, "http_status": 5} and apache.statuses() == {"401": 6}, done.told()


def test_each_exchange_has_ids_of_its_own(tmp_path):
    heads = []

    def play(peer):
        while True:
            heads.append(peer.read_head())
            known = b"authorization: digest" in heads[-1]
            peer.send(b"HTTP/1.1 204 In\r\n\r\n" if known else b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\nContent-Length: 0\r\n\r\n')

    with RawServer(play) as server:
        path = scenario(tmp_path, 1, 2, 'check("in", http.get("/x", { trace = { correlation = "X-Id" }, auth = { digest = { user = "ada", password = "x" } } }).status == 204)')
        done = run(path, "--target", server.url, "-t", 1, cwd=tmp_path)
    assert checks(done) == {"in": (2, 0)} and done.report["totals"]["outcomes"] == {"ok": 3}, done.told()
    ids = [re.findall(rb"traceparent: 00-(\w{32})-\w{16}-01\r\nx-id: (\w{32})(?:\r\n|$)", head) for head in heads]
    assert all(len(found) == 1 and found[0][0] == found[0][1] for found in ids) and len({found[0] for found in ids}) == 3, heads
    assert [re.findall(rb"nc=(\d+)", head) for head in heads] == [[], [b"00000001"], [b"00000002"]]


@pytest.mark.parametrize("challenge, said", [
    ('Digest realm="x", nonce="n", algorithm=SHA-512-256, qop="auth"', "Digest with SHA-512-256, of which pelt knows nothing"),
    ('Digest realm="x", qop="auth"', "Digest without realm and nonce"),
    ('Basic realm="x"', "it is none of Digest"),
])
def test_a_challenge_that_cannot_be_met_is_said_once(tmp_path, challenge, said):
    def play(peer):
        while True:
            peer.read_request()
            peer.send(f"HTTP/1.1 401 No\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n".encode())

    with RawServer(play) as server:
        path = scenario(tmp_path, 1, 3, 'http.get("/", { auth = { digest = { user = "ada", password = "hidden" } } })')
        done = run(path, "--target", server.url, "-t", 1, cwd=tmp_path)
    assert done.report["totals"]["outcomes"] == {"http_status": 3}, done.told()
    assert done.err.count(said) == 1 and "hidden" not in done.err + done.out


@pytest.mark.parametrize("auth, said", [
    ("{ digest = {} }", "auth: digest: give user and password"),
    ('{ digest = "x" }', "auth: digest: a table is expected"),
    ('{ digest = { user = "a", passwort = "b" } }', "auth: unknown key 'passwort'"),
    ('{ digest = { user = "a", password = "b" }, bearer = "x" }', "auth: give user and password, digest, or bearer"),
])
def test_what_is_wrong_with_it_is_said(tmp_path, auth, said):
    done = pelt("check", "--once", scenario(tmp_path, 1, 1, f'http.get("http://127.0.0.1:1/", {{ auth = {auth} }})'), cwd=tmp_path)
    assert done.code != PASSED and said in done.out + done.err, done.told()
