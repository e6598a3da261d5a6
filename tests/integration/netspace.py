"""A network namespace of its own with a process in it that does what it is told: listens, connects, sends. What the
kernel counts there is this process's alone. Needs root; without it tests that use it are skipped.

As a program it is that process: a command a line on stdin, its answer as a line of JSON on stdout.
"""
import fcntl
import json
import pathlib
import socket
import struct
import subprocess
import sys

import pytest


class Space:
    """A process that listens on `port` of a namespace where nothing else happens."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["unshare", "--net", sys.executable, __file__], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.pid = self.process.pid  # unshare becomes the program
        first = self.process.stdout.readline()
        if not first:
            pytest.skip(f"no network namespace can be made here: {self.process.stderr.read()}")
        assert json.loads(first) == "ready"

    def do(self, command, *numbers):
        """One of the functions below, by name."""
        self.process.stdin.write(" ".join([command, *map(str, numbers)]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def counted(self, file, group, name):
        """What the kernel says: counted("netstat", "TcpExt", "ListenOverflows")."""
        lines = [line.split() for line in pathlib.Path(f"/proc/{self.pid}/net/{file}").read_text().splitlines()
                 if line.startswith(group + ":")]
        return int(dict(zip(*lines))[name])

    def received_bytes(self, interface):
        for line in pathlib.Path(f"/proc/{self.pid}/net/dev").read_text().splitlines():
            name, _, cells = line.partition(":")
            if name.strip() == interface:
                return int(cells.split()[0])
        raise AssertionError(interface)

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()
        self.process.stderr.close()


class Inside:
    """What the process does, each command a method."""

    def __init__(self):
        self.listening, self.clients, self.accepted = None, [], []

    def listen(self, backlog):
        """Its port."""
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        return self.listening.getsockname()[1]

    def connect(self, count):
        """Connections that are made, and wait in the queue."""
        for _ in range(count):
            self.clients.append(socket.create_connection(self.listening.getsockname()))
        return len(self.clients)

    def knock(self, count):
        """Connections that are begun; where the queue is full the kernel drops them."""
        for _ in range(count):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(self.listening.getsockname())
            self.clients.append(client)
        return len(self.clients)

    def accept(self, count):
        for _ in range(count):
            self.accepted.append(self.listening.accept()[0])
        return len(self.accepted)

    def leave(self, count):
        """The newest clients close."""
        for _ in range(count):
            self.clients.pop().close()
        return len(self.clients)

    def visit(self, count):
        """Connections that the client closes first, so that its port stays in TIME_WAIT, and is given to no other."""
        pathlib.Path("/proc/sys/net/ipv4/tcp_tw_reuse").write_text("0")
        for _ in range(count):
            with socket.create_connection(self.listening.getsockname()):
                server = self.listening.accept()[0]
            assert server.recv(1) == b""
            server.close()
        return count

    def ports(self):
        """How many local ports the kernel gives to outgoing connections."""
        first, last = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
        return last - first + 1

    def send(self, count):
        """Bytes over the newest connection, read on the other side."""
        client, server = self.clients[-1], self.accepted[-1]
        client.settimeout(10)
        left = count
        while left > 0:
            sent = client.send(b"x" * min(left, 16384))
            left -= sent
            while sent > 0:
                sent -= len(server.recv(sent))
        return count


def raise_loopback():
    """`ip link set lo up`, which not every host has."""
    up_and_running, set_flags = 0x1 | 0x40, 0x8914  # IFF_UP, IFF_RUNNING; SIOCSIFFLAGS
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up_and_running))


def main():
    raise_loopback()
    inside = Inside()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        name, *numbers = line.split()
        print(json.dumps(getattr(inside, name)(*map(int, numbers))), flush=True)


if __name__ == "__main__":
    main()
