"""A bare WebSocket client over a plain socket: it sends the frames it is told to, also wrong ones, and says what came. It
knows nothing of pelt."""
import base64
import hashlib
import os
import socket
import struct
import time

CONTINUED, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode, payload=b"", fin=True, mask=b"\x12\x34\x56\x78", rsv=0, length=None):
    """The bytes of a frame; mask None: unmasked; length: what the head says instead of the truth."""
    length = len(payload) if length is None else length
    bit = 0 if mask is None else 0x80
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if length < 126:
        head += bytes([bit | length])
    elif length < 65536:
        head += bytes([bit | 126]) + struct.pack("!H", length)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", length)
    if mask is None:
        return head + payload
    key = (mask * (len(payload) // 4 + 1))[:len(payload)]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")
    return head + mask + masked


class WebSocket:
    def __init__(self, port, path="/ws/echo", headers=(), early=b""):
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asked = "".join(f"{name}: {value}\r\n" for name, value in (
            ("Host", "x"), ("Upgrade", "websocket"), ("Connection", "keep-alive, Upgrade"),
            ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key), *headers))
        self.socket.sendall(f"GET {path} HTTP/1.1\r\n{asked}\r\n".encode() + early)
        self.received = bytearray()
        while b"\r\n\r\n" not in self.received:
            self._more()
        self.head, _, self.received = self.received.partition(b"\r\n\r\n")
        self.status = int(self.head.split(b" ", 2)[1])
        proof = base64.b64encode(hashlib.sha1(key.encode() + MAGIC).digest())
        self.is_proven = b"Sec-WebSocket-Accept: " + proof in self.head.split(b"\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError("the target closed the connection")
        self.received += piece

    def _take(self, count):
        while len(self.received) < count:
            self._more()
        taken = bytes(self.received[:count])
        del self.received[:count]
        return taken

    def send(self, opcode, payload=b"", **more):
        self.socket.sendall(frame(opcode, payload, **more))

    def read(self):
        """(opcode, payload) of the next frame, which must be whole, unmasked and without reserved bits."""
        first, length = self._take(2)
        assert first & 0xf0 == 0x80 and length < 128, (first, length)
        if length == 126:
            [length] = struct.unpack("!H", self._take(2))
        elif length == 127:
            [length] = struct.unpack("!Q", self._take(8))
        return first & 0x0f, self._take(length)

    def read_stamped(self):
        """The same, and the moment of time.monotonic_ns() at which it was there."""
        got = self.read()
        return *got, time.monotonic_ns()

    def read_close(self):
        """The code of a close frame, which must come next and be followed by the end; None: it has none."""
        opcode, payload = self.read()
        assert opcode == CLOSE, (opcode, payload)
        return struct.unpack("!H", payload[:2])[0] if payload else None

    def close(self, code=1000):
        """The close handshake; the code that the target sent back."""
        self.send(CLOSE, struct.pack("!H", code))
        got = self.read_close()
        self.at_end()
        return got

    def at_end(self):
        """Nothing may follow."""
        assert self.received == b"" and self.socket.recv(1) == b""
