"""The way to the bus, with real Redis servers over TLS: whom it trusts, and what it says before it does."""
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time

import pytest

import certs
from nginx import free_port
from program import BIN

pytestmark = pytest.mark.sanitize

REDIS = shutil.which("redis-server") or shutil.which("valkey-server")
PROBE = BIN / "bus_probe"
OK, REFUSED, UNREACHED = 0, 2, 6


def probe(*args, password=None):
    env = {**os.environ, **({"PELT_BUS_PASSWORD": password} if password else {})}
    done = subprocess.run([PROBE, *map(str, args)], capture_output=True, text=True, timeout=30, check=False, env=env)
    assert "Sanitizer" not in done.stderr, done.stderr
    assert done.stderr.count("\n") <= 1, done.stderr
    return done.returncode, done.stdout + done.stderr


class Redis:
    """With TLS on one port, plain on another, and a password."""

    def __init__(self, folder, ca, *more, cert="good"):
        self.tls, self.plain, self.folder = free_port(), free_port(), pathlib.Path(folder)
        self.folder.mkdir()
        self.process = subprocess.Popen(
            [REDIS, "--port", str(self.plain), "--tls-port", str(self.tls), "--bind", "127.0.0.1", "--save", "",
             "--dir", self.folder, "--requirepass", "geheim", "--tls-cert-file", ca.path(f"{cert}.crt"),
             "--tls-key-file", ca.path(f"{cert}.key"), "--tls-ca-cert-file", ca.path("root.crt"),
             "--tls-auth-clients", "no", *more],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while probe(f"redis://127.0.0.1:{self.plain}", password="geheim")[0] != OK:
            assert time.monotonic() < deadline, "Redis does not answer"
            time.sleep(0.02)

    def commands(self):
        """What was called so far, by name, this question left out."""
        with socket.create_connection(("127.0.0.1", self.plain), timeout=5) as s:
            s.sendall(b"AUTH geheim\r\nINFO commandstats\r\nQUIT\r\n")
            said = b""
            while more := s.recv(65536):
                said += more
        return {line.split(":")[0].removeprefix("cmdstat_"): int(line.split("calls=")[1].split(",")[0])
                for line in said.decode().splitlines() if line.startswith("cmdstat_")}

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(name="redis")
def a_redis(tmp_path):
    servers = []

    def start(*more, cert="good"):
        servers.append(Redis(tmp_path / str(len(servers)), certs.shared(), *more, cert=cert))
        return servers[-1]
    yield start
    for server in servers:
        server.stop()


@pytest.fixture(autouse=True)
def only_with_redis():
    if not REDIS:
        pytest.fail("no redis-server on this host: install redis-server")


def test_certificates_are_checked_before_anything_is_said(redis):
    """Against the pinned CA alone; who is not trusted hears neither HELLO nor the password."""
    ca, server = certs.shared(), redis()
    url = f"rediss://127.0.0.1:{server.tls}"
    code, said = probe("-c", ca.path("root.crt"), url, password="geheim")
    assert code == OK and said.startswith("redis ")
    before = server.commands()
    code, said = probe("-c", ca.path("stranger.crt"), url, password="geheim")
    assert code == REFUSED and "--bus-ca" in said and "geheim" not in said
    code, said = probe(url, password="geheim")  # the system's CAs do not have it either
    assert code == REFUSED and "TLS" in said
    after = server.commands()
    assert after.get("hello") == before.get("hello") and after["auth"] == before["auth"] + 1  # the question's own
    code, said = probe("-c", ca.path("root.crt"), f"rediss://localhost.:{server.tls}", password="geheim")
    assert code != OK  # not a name of the certificate
    code, said = probe("-c", ca.path("root.crt"), url, password="falsch")
    assert code == REFUSED and "WRONGPASS" in said and "falsch" not in said


def test_old_tls_and_plain_ports_are_refused(redis):
    ca, server = certs.shared(), redis("--tls-protocols", "TLSv1.1")
    code, said = probe("-c", ca.path("root.crt"), f"rediss://127.0.0.1:{server.tls}", password="geheim")
    assert code == REFUSED and "TLS" in said
    code, said = probe("-c", ca.path("root.crt"), "-t", "500", f"rediss://127.0.0.1:{server.plain}", password="geheim")
    assert code in (REFUSED, UNREACHED) and "TLS" in said and "geheim" not in said
    code, said = probe("-t", "500", f"redis://127.0.0.1:{server.tls}", password="geheim")
    assert code in (REFUSED, UNREACHED) and "geheim" not in said


def test_client_certificates_are_shown(redis):
    ca, server = certs.shared(), redis("--tls-auth-clients", "yes")
    url = f"rediss://127.0.0.1:{server.tls}"
    code, said = probe("-c", ca.path("root.crt"), "-C", ca.path("client.crt"), "-K", ca.path("client.key"), url,
                       password="geheim")
    assert code == OK, said
    code, said = probe("-c", ca.path("root.crt"), url, password="geheim")
    assert code == REFUSED and "certificate" in said
    code, said = probe("-c", ca.path("root.crt"), "-C", ca.path("foreign.crt"), "-K", ca.path("foreign.key"), url,
                       password="geheim")
    assert code != OK and "TLS" in said


def test_plaintext_stays_on_this_host_unless_it_is_meant(tmp_path):
    code, said = probe("redis://192.0.2.1:6379")
    assert code == REFUSED and "--bus-plaintext" in said
    code, said = probe("-p", "-t", "200", "redis://192.0.2.1:6379")
    assert code == UNREACHED and "192.0.2.1" in said
    code, said = probe("-t", "300", "redis://127.0.0.1:1")
    assert code == UNREACHED and "refused" in said
    code, said = probe("redis://no-such-host.invalid", "-p")
    assert code == UNREACHED and "no-such-host.invalid" in said
    secret = tmp_path / "secret"
    secret.write_text("\nnot the first line\n")
    code, said = probe("-P", secret, "redis://127.0.0.1:1")
    assert code == REFUSED and str(secret) in said and "first line" in said and "not the" not in said


@pytest.mark.parametrize("answer, code, words", [
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", REFUSED, "no Redis"),
    (b"-ERR unknown command `HELLO`\r\n", REFUSED, "older than Redis 7"),
    (b"*4\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n6.2.7\r\n", REFUSED, "redis 6.2.7"),
    (b"*6\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n", UNREACHED,
     "replica"),
    (b"*0\r\n", REFUSED, "does not say that it is a Redis"),
    (b"*2000000000\r\n", REFUSED, "more bytes or items"),
    (b"+\x1b[31m\r\n", REFUSED, "does not say"),
    (b"", UNREACHED, "closed"),
])
def test_whatever_answers_ends_in_one_line(answer, code, words):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(answer)
        thread = threading.Thread(target=serve)
        thread.start()
        got, said = probe(f"redis://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert got == code and words in said, said
    assert "\x1b" not in said
