"""A bare client of streamed chat answers: it notes when each event was there. It knows nothing of pelt."""
import json
import socket
import time
from dataclasses import dataclass


@dataclass
class Event:
    """`data` as text; times in nanoseconds of time.monotonic_ns(), 0 where the event has none."""

    data: str
    arrived_ns: int
    planned_ns: int = 0
    sent_ns: int = 0

    def json(self):
        return json.loads(self.data)

    def delta(self):
        choices = self.json()["choices"]
        return choices[0]["delta"] if choices else None


class Stream:
    """One POST whose answer is read piece by piece. The head is read at once."""

    def __init__(self, port, path="/v1/chat/completions", body=None, message="one two", headers=(), **more):
        if body is None:
            said = {"message": message} if path == "/api/chat" else {"messages": [{"role": "user", "content": message}]}
            body = json.dumps({**said, "stream": True, **more})
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        head = "".join(f"{name}: {value}\r\n" for name, value in (("Host", "x"), ("Content-Length", len(body)), *headers))
        self.socket.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n{body}".encode())
        self.received, self.text, self.is_over = b"", b"", False
        while b"\r\n\r\n" not in self.received:
            self._more()
        self.head_ns = time.monotonic_ns()
        self.head, _, self.received = self.received.partition(b"\r\n\r\n")
        self.status = int(self.head.split(b" ", 2)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError("the stream broke off")
        self.received += piece

    def _take_chunks(self):
        """Moves whole chunks of the transfer coding to `text`."""
        while b"\r\n" in self.received and not self.is_over:
            size, _, rest = self.received.partition(b"\r\n")
            length = int(size, 16)
            if len(rest) < length + 2:
                return
            assert rest[length:length + 2] == b"\r\n"
            self.text += rest[:length]
            self.received = rest[length + 2:]
            self.is_over = length == 0

    def event(self):
        """The next one; None: the answer is over, and ended as it should."""
        self._take_chunks()
        while b"\n\n" not in self.text:
            if self.is_over:
                assert self.text == b""
                return None
            self._more()
            self._take_chunks()
        arrived_ns = time.monotonic_ns()
        line, _, self.text = self.text.partition(b"\n\n")
        assert line.startswith(b"data: ") and b"\n" not in line, line
        data = line[6:].decode()
        stamps = json.loads(data) if data != "[DONE]" else {}
        return Event(data, arrived_ns, stamps.get("planned_ns", 0), stamps.get("sent_ns", 0))

    def events(self):
        found = []
        while event := self.event():
            found.append(event)
        return found


def tokens(events):
    """The events that carry a word."""
    return [event for event in events if event.data != "[DONE]" and (event.delta() or {}).get("content")]


def text(events):
    return "".join(event.delta()["content"] for event in tokens(events))
