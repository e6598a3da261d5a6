"""pelt-target's limits of connections and of file descriptors: who stands in line is served as soon as there is room, and
waiting for it costs nothing. Clients are bare sockets and know nothing of pelt."""
import os
import resource
import socket
import struct
import time

import pytest

from test_target import cpu_seconds
from test_target_limits import turn, wait_until
from wsclient import WebSocket

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() resets
ASKED = b"GET /work HTTP/1.1\r\nHost: x\r\n\r\n"


def connect(instance):
    return socket.create_connection(("127.0.0.1", instance.port), timeout=20)


def assert_serves(instance, client=None):
    with client or connect(instance) as line:
        line.sendall(ASKED)
        assert line.recv(65536).startswith(b"HTTP/1.1 200 ")


def files(instance):
    return len(os.listdir(f"/proc/{instance.process.pid}/fd"))


def limit_files(instance, most):
    _, hard = resource.prlimit(instance.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(instance.process.pid, resource.RLIMIT_NOFILE, (most, hard))


def assert_idles(instance):
    used = cpu_seconds(instance.process.pid)
    time.sleep(0.5)
    assert cpu_seconds(instance.process.pid) - used < 0.1, "it does not spin"


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("most", [1, 2, 3, 20])
@pytest.mark.parametrize("leaving", ["closed", "reset", "served"])
def test_it_hears_again_after_the_connection_limit(target, most, threads, leaving):
    instance = target("--connections", most, "--threads", threads)
    for _ in range(5):
        clients = [connect(instance) for _ in range(2 * threads * most + 2)]
        for client in clients:
            if leaving == "served":
                client.sendall(ASKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            elif leaving == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        if leaving == "served":
            assert all(client.recv(65536).startswith(b"HTTP/1.1 200 ") for client in clients), "all in their turn"
        else:
            time.sleep(0.02)  # for the first to be taken in
        for client in clients:
            client.close()
        for _ in range(2):
            assert_serves(instance)


@pytest.mark.sanitize
def test_no_more_are_let_in_than_the_limit_allows(target):
    instance = target("--connections", 3, "--threads", 1)
    clients = [connect(instance) for _ in range(6)]
    for client in clients:
        client.sendall(ASKED)
    for client in clients[:3]:
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    for client in clients[3:]:
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(65536)
    assert_idles(instance)
    for leaving, waiting in zip(clients, clients[3:]):
        leaving.close()
        waiting.settimeout(20)
        assert waiting.recv(65536).startswith(b"HTTP/1.1 200 ")
        waiting.close()


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
def test_it_hears_again_after_the_file_limit(target, threads):
    instance = target("--connections", 1000, "--threads", threads)
    limit_files(instance, files(instance) + 20)
    for _ in range(3):
        clients = [connect(instance) for _ in range(60)]
        time.sleep(0.05)
        assert_idles(instance)
        for client in clients:
            client.close()
        for _ in range(2):
            assert_serves(instance)


@pytest.mark.sanitize
def test_files_that_websockets_gave_back_are_connections_again(target):
    """One connection is kept all the time: its end does not tell the service to look again."""
    instance = target("--threads", 1)
    with connect(instance) as kept:
        kept.sendall(ASKED)
        assert kept.recv(65536).startswith(b"HTTP/1.1 200 ")
        most = files(instance) + 20
        limit_files(instance, most)
        clients = [WebSocket(instance.port) for _ in range(19)]
        clients += [connect(instance) for _ in range(3)]
        wait_until(lambda: files(instance) == most)
        assert_idles(instance)
        for client in clients[:19]:
            client.socket.close()
        for client in clients[19:]:
            assert_serves(instance, client)


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
def test_without_files_and_connections_it_does_not_spin(target, threads):
    instance = target("--threads", threads)
    most = files(instance) + 40
    limit_files(instance, most)
    turn(instance, leak_fds=1000)
    wait_until(lambda: files(instance) == most)
    assert_idles(instance)
    with connect(instance) as left, connect(instance) as waiting:
        left.sendall(ASKED)
        assert_idles(instance)
        left.close()
        assert_idles(instance)
        limit_files(instance, most + 1000)
        assert_serves(instance, waiting)
    assert_serves(instance)
