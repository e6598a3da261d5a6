"""pelt-agent's figures of the network against what was done to it: queues filled, overflowed, segments sent again."""
import contextlib
import os
import shutil
import socket
import subprocess
import time

import pytest

from agents import AGENT, NO_LIMIT, STAY
from netspace import Space

pytestmark = pytest.mark.sanitize


@pytest.fixture
def agent(agent):
    """Agents that sample ten times a second: somebody has asked for a stream."""
    streams = []

    def start(*options, **more):
        instance = agent(*options, **more)
        streams.append(instance.stream(epoch_ns=time.monotonic_ns(), tick_ns=100_000_000))
        return instance

    yield start
    for stream in streams:
        stream.close()


@pytest.fixture
def space():
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("a network namespace of its own needs root")
    space = Space()
    yield space
    space.close()


def until(watching, name, target, wanted):
    """Samples until the figure's cells, or the text of why it cannot be read, are so."""
    return watching.wait_for(lambda sample: sample[name, target] == wanted, timeout=15)


def test_a_backlog_is_told_to_the_connection(agent):
    """A queue of 7 takes 8, the kernel's way of counting."""
    with socket.create_server(("127.0.0.1", 0), backlog=7) as server:
        address = server.getsockname()
        watching = agent("--pid", f"here={os.getpid()}")
        queue = "listen_backlog", f"127.0.0.1:{address[1]}"
        assert watching.sample()[queue] == [0, 7, 0]
        clients = [socket.create_connection(address) for _ in range(8)]
        until(watching, *queue, [8, 7, 0])
        accepted = [server.accept()[0] for _ in range(5)]
        until(watching, *queue, [3, 7, 0])
        for one in clients + accepted:
            one.close()
    until(watching, *queue, f"sock_diag: nothing listens on {queue[1]} now")


def test_a_queue_that_two_sockets_share_is_as_full_as_the_fuller(agent):
    """SO_REUSEPORT: the kernel spreads the connections, one of the two has more than half of 31."""
    with socket.create_server(("127.0.0.1", 0), backlog=40, reuse_port=True) as one, \
         socket.create_server(one.getsockname(), backlog=40, reuse_port=True) as other:
        clients = [socket.create_connection(one.getsockname()) for _ in range(31)]
        watching = agent("--pid", f"here={os.getpid()}")
        used, most, _ = watching.sample()["listen_backlog", f"127.0.0.1:{one.getsockname()[1]}"]
        assert most == 40
        for server in one, other:
            server.setblocking(False)
        waiting = [0, 0]
        for place, server in enumerate((one, other)):
            with contextlib.suppress(BlockingIOError):
                while True:
                    server.accept()[0].close()
                    waiting[place] += 1
        assert sum(waiting) == 31 and used == max(waiting)
        for client in clients:
            client.close()


def test_ipv6_and_unix_sockets_have_their_backlog(agent, tmp_path):
    try:
        six = socket.create_server(("::1", 0), family=socket.AF_INET6, backlog=6)
    except OSError as why:
        pytest.skip(f"no IPv6 on this host: {why}")
    with six, socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen(5)
        clients = [socket.socket(socket.AF_UNIX) for _ in range(4)]
        for client in clients:
            client.connect(str(tmp_path / "s"))
        clients += [socket.create_connection(six.getsockname()[:2]) for _ in range(2)]
        watching = agent("--pid", f"here={os.getpid()}")
        sample = watching.sample()
        assert sample["listen_backlog", f"unix:{tmp_path / 's'}"] == [4, 5, None]
        assert sample["listen_backlog", f"[::1]:{six.getsockname()[1]}"] == [2, 6, 0]
        for client in clients:
            client.close()


def test_a_port_finds_its_process(agent, target):
    server = target()
    watching = agent("--port", f"api={server.port}")
    assert watching.info()["targets"][0]["pid"] == server.process.pid
    assert watching.sample()["listen_backlog", f"127.0.0.1:{server.port}"][0] == 0


def test_overflows_and_retransmits_are_counted_to_the_connection(agent, space):
    """Six connections too many: each is dropped, and asked for again after a second."""
    port = space.do("listen", 3)
    watching = agent("--pid", f"far={space.pid}")
    queue = "listen_backlog", f"far 127.0.0.1:{port}"
    assert watching.sample()[queue] == [0, 3, 0]
    space.do("connect", 4)
    began = time.monotonic()
    space.do("knock", 6)
    watching.wait_for(lambda sample: sample[queue][:2] == [4, 3], timeout=15)
    watching.wait_for(lambda sample: sample["tcp_retransmits", "far"][0] >= 6, timeout=15)
    space.do("leave", 6)
    overflows = space.counted("netstat", "TcpExt", "ListenOverflows")
    if time.monotonic() - began < 2.9:  # they ask a third time after three seconds
        assert overflows == 12
    until(watching, "listen_overflows", "far", [overflows])
    drops = space.counted("netstat", "TcpExt", "ListenDrops")
    until(watching, "listen_drops", "far", [drops])
    until(watching, *queue, [4, 3, drops])  # of this socket, the only one there
    until(watching, "tcp_retransmits", "far", [space.counted("snmp", "Tcp", "RetransSegs")])


def test_ports_in_time_wait_and_bytes_are_counted(agent, space):
    space.do("listen", 100)
    space.do("visit", 40)
    space.do("connect", 5)
    space.do("accept", 5)
    watching = agent("--pid", f"far={space.pid}")
    sample = watching.sample()
    assert sample["time_wait", "far"][0] == 40
    assert sample["ephemeral_ports", "far"] == [45, space.do("ports"), None]
    assert sample["tcp_established", "far"] == [10]
    before = space.received_bytes("lo")
    space.do("send", 1_000_000)
    received = space.received_bytes("lo") - before
    assert received > 1_000_000
    until(watching, "net_receive", "far lo", [received])


def test_a_probe_waits_for_ports_that_take_long_to_count(space):
    for _ in range(2):
        space.do("listen", 100)
        space.do("visit", 14000)
    done = subprocess.run([str(AGENT), "--probe", *NO_LIMIT, *STAY, "--pid", f"far={space.pid}"], capture_output=True,
                          text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    told = [line.split()[:5] for line in done.stdout.splitlines() if line.startswith("ephemeral_ports") and " far " in line]
    assert told == [["ephemeral_ports", "far", "14000", "of", str(space.do("ports"))]], done.stdout


def test_without_the_right_to_enter_it_says_so(agent, space, tmp_path):
    """The counters of another namespace are for anybody to read, its queues are not."""
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv on this host: install util-linux")
    weaker = tmp_path / "weaker"
    weaker.write_text(f'#!/bin/sh\nexec setpriv --bounding-set -sys_admin --inh-caps -sys_admin "{AGENT}" "$@"\n')
    weaker.chmod(0o755)
    port = space.do("listen", 3)
    sample = agent("--pid", f"far={space.pid}", program=weaker).sample()
    assert sample["listen_backlog", f"far 127.0.0.1:{port}"] == (
        "Operation not permitted: sock_diag of another network namespace: run the agent as root, or inside it")
    assert sample["listen_overflows", "far"] == [0]
    assert sample["tcp_established", "far"] == [0]
