"""A bare HTTP client: it sends when told to and notes when each answer was there. It knows nothing of pelt, keeps no
statistics, and is exact to about a millisecond at some thousand requests a second."""
import re
import selectors
import socket
import time
from dataclasses import dataclass

LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n", re.IGNORECASE)
TIMING = re.compile(rb"\r\nServer-Timing: queue;dur=([\d.]+), work;dur=([\d.]+)[,\r]")


@dataclass
class Answer:
    """Times in seconds of time.monotonic(), those of Server-Timing in milliseconds."""

    sent: float
    done: float
    status: int
    queue_ms: float
    work_ms: float
    head: bytes
    body: bytes


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def send(self, request):
        self.received = b""
        self.sent = time.monotonic()
        self.socket.sendall(request)

    def read(self):
        """The answer, once it is whole; else None."""
        piece = self.socket.recv(65536)
        assert piece, "the target closed a connection"
        self.received += piece
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end or len(body) < int(LENGTH.search(head + b"\r\n")[1]):
            return None
        timing = TIMING.search(head + b"\r\n")
        return Answer(self.sent, time.monotonic(), int(head.split(b" ", 2)[1]), float(timing[1]) if timing else 0,
                      float(timing[2]) if timing else 0, head, body)


class Bare:
    """`connections` to a port, each with one request in flight at most."""

    def __init__(self, port, connections, path="/work"):
        self.request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        self.selector = selectors.DefaultSelector()
        self.idle = [Connection(port) for _ in range(connections)]
        self.all = list(self.idle)
        for connection in self.all:
            self.selector.register(connection.socket, selectors.EVENT_READ, connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for connection in self.all:
            connection.socket.close()
        self.selector.close()

    def send(self):
        self.idle.pop().send(self.request)

    def answers(self, timeout):
        """What comes in within `timeout` seconds, perhaps nothing."""
        found = []
        for key, _ in self.selector.select(max(timeout, 0)):
            answer = key.data.read()
            if answer:
                self.idle.append(key.data)
                found.append(answer)
        return found

    def rest(self, timeout=20):
        """The answers to all that is in flight."""
        found, deadline = [], time.monotonic() + timeout
        while len(self.idle) < len(self.all):
            assert time.monotonic() < deadline, f"{len(self.all) - len(self.idle)} answers did not come"
            found += self.answers(deadline - time.monotonic())
        return found

    def together(self):
        """One request on each connection, all at once; their answers."""
        while self.idle:
            self.send()
        return self.rest()

    def closed_loop(self, seconds):
        """Each connection asks again once it was answered."""
        found, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            while self.idle:
                self.send()
            found += self.answers(end - time.monotonic())
        return found + self.rest()

    def open_loop(self, gaps):
        """A request after each gap (seconds), whatever the answers do."""
        found, due = [], time.monotonic()
        for gap in gaps:
            due += gap
            while (left := due - time.monotonic()) > 0:
                found += self.answers(left)
            assert self.idle, "more connections are needed for this load"
            self.send()
        return found + self.rest()
