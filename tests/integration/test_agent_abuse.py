"""Who may ask a pelt-agent, what it can do to its host, and clients that mean no good."""
import http.client
import json
import os
import pathlib
import random
import resource
import socket
import ssl
import subprocess
import time

import pytest

from agents import AGENT, NO_LIMIT, Agent
from certs import LOCAL, ROOT, SERVER, Authority
from program import SLOW, if_quiet, in_a_quiet_moment

TOKEN = "0123456789abcdef0123456789ABCDEF"
GOOD = {"Authorization": f"Bearer {TOKEN}"}
WRONG = {"Authorization": f"Bearer {TOKEN[:-1]}0"}
TICK = 100_000_000
RSS_MAX = 16 * 2**20
ANSWER_S = 0.1
ANSWERS = {b"200", b"400", b"401", b"403", b"404", b"405", b"411", b"413", b"414", b"429", b"431", b"501", b"503", b"505"}

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def run(*options, timeout=20):
    return subprocess.run([str(AGENT), *map(str, options)], capture_output=True, text=True, timeout=timeout)


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A certificate of 127.0.0.1 and its key, and what trusts it."""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    authority.begin()
    authority.issue("root", "/CN=Test Root", ROOT)
    authority.issue("server", "/CN=web.pelt.test", SERVER + LOCAL, by="root")
    return authority


# ---- who may ask ----

@pytest.mark.sanitize
def test_who_shows_the_token_is_answered(agent, token_file):
    instance = agent("--token-file", token_file)
    assert instance.ask("/v1/info", headers=GOOD)[0] == 200
    assert instance.ask("/v1/info", headers={"Authorization": f"bearer  {TOKEN}"})[0] == 200
    for headers in ({}, WRONG, {"Authorization": f"Basic {TOKEN}"}):
        status, told, text = instance.ask("/v1/info", headers=headers)
        assert (status, told["WWW-Authenticate"]) == (401, "Bearer")
        assert "token" in json.loads(text)["error"] and TOKEN not in text
    # Nothing that others can see has it.
    with open(f"/proc/{instance.process.pid}/cmdline") as line:
        assert TOKEN not in line.read()
    assert TOKEN not in instance.errors.read_text() + instance.out.read_text()


@pytest.mark.sanitize
def test_who_guesses_is_slowed_and_others_are_not(agent, token_file):
    instance = agent("--token-file", token_file)
    told = [instance.ask("/health", headers=WRONG) for _ in range(12)]
    statuses = [status for status, _, _ in told]
    assert statuses[:3] == [401, 401, 401]
    assert statuses.count(429) >= 4, statuses  # 12 may take longer than a second
    assert next(headers for status, headers, _ in told if status == 429)["Retry-After"] == "1"
    assert all(instance.ask("/health", headers=GOOD)[0] == 200 for _ in range(20))


@pytest.mark.sanitize
def test_a_page_of_another_site_gets_nothing(agent):
    """What a browser sends whose page comes from elsewhere, or under a name that was bound to 127.0.0.1."""
    instance = agent()
    own = f"127.0.0.1:{instance.port}"
    for host, origin, status in [(own, None, 200), (f"localhost:{instance.port}", None, 200), ("[::1]", None, 200),
                                 (own, f"http://{own}", 200), ("evil.example", None, 403),
                                 ("127.0.0.1.evil.example", None, 403), ("localhost.evil.example:80", None, 403),
                                 ("192.0.2.1", None, 403), (own, "http://evil.example", 403), (own, "null", 403),
                                 ("evil.example", "http://evil.example", 403)]:
        headers = {"Host": host, **({"Origin": origin} if origin else {})}
        assert instance.ask("/v1/info", headers=headers)[0] == status, headers
    # A picture of another page: no Origin, but the browser says whose it is.
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        assert instance.ask("/v1/info", headers={"Sec-Fetch-Site": site})[0] == status, site


@pytest.mark.parametrize("content, mode, says", [
    (TOKEN, 0o640, "chmod 600"), (TOKEN, 0o604, "mode 0604"), (TOKEN[:31], 0o600, "can be guessed"),
    ("Zm9vYmFyYmF6cXV4cXV1e", 0o600, "openssl rand"), ("", 0o600, "can be guessed"),
    (TOKEN + "\n" + TOKEN, 0o600, "more than one line"), ("x" * 600, 0o600, "more than 511 characters")])
def test_a_token_that_others_can_have_is_refused(token_file, content, mode, says):
    token_file.write_text(content)
    token_file.chmod(mode)
    done = run("--listen", "127.0.0.1:0", "--token-file", token_file)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and says in done.stderr, done.stderr
    assert not content or content not in done.stderr


@AS_ROOT
def test_a_token_of_another_user_is_refused(token_file):
    os.chown(token_file, 65534, 65534)
    done = run("--listen", "127.0.0.1:0", "--token-file", token_file)
    assert done.returncode == 2 and "chown 0" in done.stderr, done.stderr


def test_beyond_loopback_it_says_what_is_missing(token_file, pair, tmp_path):
    tls = ("--tls-cert", pair.path("server.crt"), "--tls-key", pair.path("server.key"))
    for options, says in [((), "add --token-file FILE and --tls-cert FILE --tls-key FILE (or --allow-plaintext)"),
                          (("--token-file", token_file), "add --tls-cert FILE"), (tls, "add --token-file FILE\n"),
                          (("--allow-plaintext",), "add --token-file FILE\n"), (tls[:2], "needs --tls-key")]:
        done = run("--listen", "0.0.0.0:0", *options)
        assert done.returncode == 2 and says in done.stderr, (options, done.stderr)
    done = run("--tls-cert", token_file, "--tls-key", token_file)
    assert done.returncode == 2 and "no PEM file" in done.stderr and TOKEN not in done.stderr
    done = run("--listen", "127.0.0.1:0", *tls[:2], "--tls-key", pair.path("root.key"))
    assert done.returncode == 1 and "key" in done.stderr, done.stderr
    anybodys = tmp_path / "anybodys.key"
    anybodys.write_bytes(pathlib.Path(pair.path("server.key")).read_bytes())
    anybodys.chmod(0o644)
    done = run("--listen", "127.0.0.1:0", *tls[:2], "--tls-key", anybodys)
    assert done.returncode == 2 and f"chmod 600 {anybodys}" in done.stderr, done.stderr


@pytest.mark.sanitize
def test_beyond_loopback_it_answers_by_https(agent, token_file, pair):
    instance = agent("--listen", "0.0.0.0:0", "--token-file", token_file, "--tls-cert", pair.path("server.crt"),
                     "--tls-key", pair.path("server.key"))
    trust = ssl.create_default_context(cafile=str(pair.path("root.crt")))
    connection = http.client.HTTPSConnection("127.0.0.1", instance.port, context=trust, timeout=10)
    connection.request("GET", "/v1/info", headers=GOOD)
    info = json.loads(connection.getresponse().read())
    assert info["schema"] == "pelt-agent/1"
    assert "answers on https://" in instance.out.read_text()
    connection.request("GET", f"/v1/stream?tick_ns={TICK}", headers=GOOD)
    stream = connection.getresponse()
    assert [json.loads(stream.readline())["late"] for _ in range(3)]
    connection.close()


def test_without_tls_where_that_is_wished(agent, token_file):
    instance = agent("--listen", "0.0.0.0:0", "--token-file", token_file, "--allow-plaintext")
    assert instance.ask("/health", headers={**GOOD, "Host": "api-1.example"})[0] == 200
    assert instance.ask("/health", headers={"Host": "api-1.example"})[0] == 401


# ---- what it can do to the host ----

def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


@AS_ROOT
def test_root_becomes_nobody_and_keeps_no_right(agent):
    instance = agent("--user", "nobody", extra_groups=[4])
    guards, status = instance.info()["guards"], status_of(instance.process.pid)
    assert guards["user"] == "nobody" and guards["no_new_privs"] is True
    assert status["Uid"].split() == ["65534"] * 4 and status["Groups"].strip() == ""
    assert [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [0] * 4
    assert status["NoNewPrivs"] == "1"
    assert (status["Seccomp"] == "2") == guards["seccomp"]
    limits = dict(line.split("  ", 1) for line in open(f"/proc/{instance.process.pid}/limits"))
    assert limits["Max core file size"].split()[:2] == ["0", "0"]
    assert run("--user", "no-such-user", "--listen", "127.0.0.1:0").returncode == 2


@AS_ROOT
def test_root_that_stays_can_only_look(agent):
    instance = agent("--user", "root", "--pid", f"me={os.getpid()}")
    assert instance.info()["guards"]["user"] == "root"  # it answers, so it has given up what it had
    status = status_of(instance.process.pid)
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 1 << 2 | 1 << 19  # DAC_READ_SEARCH, SYS_PTRACE
    assert isinstance(instance.sample()["process_read", "me"], list)
    assert instance.info()["guards"]["landlock_of"] == "network"


def test_what_the_kernel_lacks_is_said_once(agent):
    instance = agent()
    guards, told = instance.info()["guards"], instance.errors.read_text()
    assert told.count("Landlock") == (0 if guards["landlock"] else 1)
    assert told.count("system calls") == (0 if guards["seccomp"] else 1)
    # All of what it does here is allowed to it.
    stream = instance.stream(tick_ns=TICK)
    events = [event for frame in stream.take(12) for event in frame["events"]]
    assert not [event for event in events if event["kind"] == "call_refused"], events
    stream.close()


@AS_ROOT
@pytest.mark.sanitize
def test_of_another_users_process_it_tells_what_the_kernel_allows(agent):
    instance = agent("--user", "nobody", "--pid", f"root={os.getpid()}")
    sample = instance.wait_for(lambda s: isinstance(s["process_cpu", "root"], list))
    for name in ("process_cpu", "memory_rss", "memory_virtual", "process_threads", "run_queue_wait"):
        assert isinstance(sample[name, "root"], list), (name, sample[name, "root"])
    assert sample["memory_rss", "root"][0] > 2**20
    for name in ("process_read", "process_write"):
        assert "Permission denied" in sample[name, "root"] and "--user" in sample[name, "root"], sample[name, "root"]


# ---- abuse ----

def connect(port, data=b"", receive_bytes=None):
    connection = socket.socket()
    connection.settimeout(10)
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.connect(("127.0.0.1", port))
    try:
        connection.sendall(data)
    except OSError:
        pass  # it was told to go
    return connection


def answer(port, data):
    """What comes, up to the end of the connection."""
    connection, got = connect(port, data), b""
    connection.settimeout(1)
    try:
        while piece := connection.recv(65536):
            got += piece
    except OSError:
        pass
    connection.close()
    return got


def junk(draw):
    """A request that was good before some of it was changed, cut or repeated."""
    data = bytearray(b"GET /v1/stream?epoch_ns=1&tick_ns=100000000&k=2 HTTP/1.1\r\nHost: localhost\r\n"
                     b"Authorization: Bearer " + TOKEN.encode() + b"\r\nOrigin: http://[::1]:80\r\n"
                     b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    for _ in range(draw.randrange(1, 12)):
        at = draw.randrange(len(data))
        kind = draw.randrange(4)
        if kind == 0:
            data[at] = draw.randrange(256)
        elif kind == 1:
            del data[at + 1:at + draw.randrange(2, 20)]
        elif kind == 2:
            data[at:at] = data[at:at + 8] * draw.randrange(1, 30)
        else:
            data = data[:at + 1]
    return bytes(data)


def ask_well(port):
    """Seconds that an answer took, on a connection of its own."""
    begun = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/v1/sample", headers=GOOD)
    status = connection.getresponse()
    status.read()
    connection.close()
    assert status.status == 200
    return time.monotonic() - begun


def rss_bytes(instance):
    return int(status_of(instance.process.pid)["VmRSS"].split()[0]) * 1024


@pytest.mark.alone
def test_a_good_client_is_answered_amid_bad_ones(tmp_path, token_file):
    """1,000 that never finish their head, wrong tokens, heads too large, streams that nobody reads, and junk."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
                                                resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    def attempt(number):
        folder = tmp_path / f"agent-{number}"
        folder.mkdir()
        instance = Agent(folder, "--token-file", token_file)
        draw, held, took = random.Random(number), [], []
        show = f"Authorization: Bearer {TOKEN}\r\n".encode()
        try:
            for i in range(16):
                held.append(connect(instance.port, b"GET /v1/stream?tick_ns=100000000 HTTP/1.1\r\nHost: x\r\n" + show +
                                    b"\r\n", receive_bytes=2048))
            for i in range(1000):
                held.append(connect(instance.port, b"GET /v1/info HTTP/1.1\r\nX-Slow: "))
                if i % 20 == 0:
                    took.append(ask_well(instance.port))
                if i % 50 == 10:
                    assert instance.ask("/v1/info", headers=WRONG)[0] in (401, 429)
                if i % 100 == 30:
                    large = answer(instance.port, b"GET /v1/info HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 200_000)
                    assert large == b"" or large.split()[1] in (b"400", b"413", b"414", b"431"), large[:200]
                if i % 4 == 0:
                    held.append(connect(instance.port, junk(draw)))
            took.append(ask_well(instance.port))
            assert instance.process.poll() is None
            assert rss_bytes(instance) < RSS_MAX, rss_bytes(instance)
        finally:
            for connection in held:
                connection.close()
            assert instance.stop() == 0
        if_quiet(max(took) < ANSWER_S, sorted(took)[-5:])

    in_a_quiet_moment(attempt)


@pytest.mark.sanitize
def test_junk_is_refused(agent, token_file):
    """Whatever a request was changed into: an answer of the protocol, or none; and the agent goes on."""
    instance, draw = agent("--token-file", token_file), random.Random(7)
    for _ in range(2 if SLOW else 5):
        sent = [junk(draw) for _ in range(40)]
        asked = [connect(instance.port, data) for data in sent]
        assert instance.ask("/v1/info", headers=GOOD)[0] == 200
        time.sleep(0.05)  # some wait for more, and are not answered
        for data, connection in zip(sent, asked):
            connection.setblocking(False)
            try:
                head = connection.recv(512)
            except OSError:
                head = b""
            assert head == b"" or head.split()[1] in ANSWERS, (data, head)
            connection.close()


def test_slow_handshakes_do_not_shut_out_good_ones(agent, token_file, pair):
    instance = agent("--token-file", token_file, "--tls-cert", pair.path("server.crt"), "--tls-key",
                     pair.path("server.key"))
    held = [connect(instance.port, b"\x16\x03\x01") for _ in range(300)]
    trust = ssl.create_default_context(cafile=str(pair.path("root.crt")))
    connection = http.client.HTTPSConnection("127.0.0.1", instance.port, context=trust, timeout=10)
    connection.request("GET", "/health", headers=GOOD)
    assert connection.getresponse().status == 200
    connection.close()
    if not SLOW:
        assert rss_bytes(instance) < RSS_MAX, rss_bytes(instance)
    for one in held:
        one.close()
