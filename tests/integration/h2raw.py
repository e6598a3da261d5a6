"""A server of HTTP/2 without TLS, frame by frame, that breaks the rules as asked by the path: its faults are those that
no HTTP/2 library would make."""
import socket
import struct
import threading

DATA, HEADERS, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
OK = b"\x88"  # :status 200, of HPACK's static table


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def field(name, value):
    """A literal field, not indexed."""
    def text(t):
        assert len(t) < 127
        return bytes([len(t)]) + t
    return b"\x00" + text(name) + text(value)


def answer(stream, body=b"hello"):
    return frame(HEADERS, END_HEADERS, stream, OK) + frame(DATA, END_STREAM, stream, body)


def bomb(stream):
    """4 KB into the dynamic table, then 16,000 times the same from one byte each: 62 MB of fields."""
    value = b"v" * 3900
    add = b"\x40" + b"\x01x" + b"\x7f" + bytes([((len(value) - 127) & 0x7f) | 0x80, (len(value) - 127) >> 7]) + value
    return frame(HEADERS, 0, stream, OK + add + b"\xbe" * 12_000) + frame(CONTINUATION, END_HEADERS, stream, b"\xbe" * 4_000)


FAULTS = {
    "/ok": answer,
    "/push": lambda s: frame(PUSH, END_HEADERS, s, struct.pack(">I", 2) + OK) + answer(s),
    "/bomb": lambda s: bomb(s) + frame(DATA, END_STREAM, s, b""),
    "/flood": lambda s: frame(HEADERS, 0, s, OK) + b"".join(
        frame(CONTINUATION, 0, s, field(b"x", b"y" * 100)) for _ in range(50_000)),
    "/large": lambda s: frame(HEADERS, 0, s, OK + field(b"x", b"y" * 120) * 80) + b"".join(
        frame(CONTINUATION, END_HEADERS if i == 6 else 0, s, field(b"x", b"y" * 120) * 120)
        for i in range(7)) + frame(DATA, END_STREAM, s, b"hello"),
    "/length": lambda s: frame(HEADERS, END_HEADERS, s, OK + field(b"content-length", b"9"))
    + frame(DATA, END_STREAM, s, b"hello"),
    "/no_status": lambda s: frame(HEADERS, END_HEADERS | END_STREAM, s, field(b"x", b"y")),
    "/upper": lambda s: frame(HEADERS, END_HEADERS | END_STREAM, s, OK + field(b"X-Upper", b"y")),
    "/hints": lambda s: b"".join(frame(HEADERS, END_HEADERS, s, b"\x08\x03103" + field(b"link", b"</a>"))
                                 for _ in range(40)) + answer(s),
    "/few_hints": lambda s: frame(HEADERS, END_HEADERS, s, b"\x08\x03103" + field(b"link", b"</a>")) + answer(s),
    "/window": lambda s: frame(HEADERS, END_HEADERS, s, OK) + b"".join(
        frame(DATA, 0, s, b"x" * 16_384) for _ in range(6)) + frame(DATA, END_STREAM, s, b""),
    "/pings": lambda s: b"".join(frame(PING, 0, 0, struct.pack(">Q", i)) for i in range(50)) + answer(s),
    "/data_first": lambda s: frame(DATA, END_STREAM, s, b"hello"),
    "/odd_frame": lambda s: frame(HEADERS, END_HEADERS, s + 100, OK),
    "/compression": lambda s: frame(HEADERS, END_HEADERS | END_STREAM, s, b"\xff\xff\xff\xff"),
    "/goaway": lambda s: frame(GOAWAY, 0, 0, struct.pack(">II", 0, 11) + b"\x1b[31m\xff\xferude"),
    "/gone": lambda s: frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0)),
    "/unknown": lambda s: frame(0x77, 0, s, b"what is that") + answer(s),
}


class RawServer:
    """`pongs`: answers to our pings; `seen`: paths, in the order in which they came."""

    def __init__(self, settings=b"", greeting=None):
        self.settings, self.greeting = settings, greeting
        self.pongs, self.seen, self.client_settings = 0, [], {}
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as reader:
            try:
                if self.greeting is not None:
                    connection.recv(65536)
                    connection.sendall(self.greeting)
                    return
                assert reader.read(24) == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                connection.sendall(frame(SETTINGS, 0, 0, self.settings))
                path = "/ok"
                while (head := reader.read(9)):
                    length = int.from_bytes(head[:3], "big")
                    path = self._take(connection, path, head[3], head[4], int.from_bytes(head[5:9], "big"),
                                      reader.read(length))
            except OSError:
                pass  # the client went

    def _take(self, connection, path, kind, flags, stream, payload):
        """A path that came before on this connection comes as an index of the table, and is not looked for."""
        if kind == SETTINGS and not flags & ACK:
            for i in range(0, len(payload), 6):
                key, value = struct.unpack(">HI", payload[i:i + 6])
                self.client_settings[key] = value
            connection.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and flags & ACK:
            self.pongs += 1
        elif kind == HEADERS:
            path = next((p for p in FAULTS if HUFFMAN[p] in payload), path)
            self.seen.append(path)
            connection.sendall(FAULTS[path](stream))
        return path

    def close(self):
        self.listener.close()


# HPACK's Huffman code (RFC 7541, appendix B) of what the paths consist of.
CODES = {"/": (0x18, 6), "_": (0x22, 6), "a": (0x3, 5), "b": (0x23, 6), "c": (0x4, 5), "d": (0x24, 6), "e": (0x5, 5),
         "f": (0x25, 6), "g": (0x26, 6), "h": (0x27, 6), "i": (0x6, 5), "k": (0x75, 7), "l": (0x28, 6), "m": (0x29, 6),
         "n": (0x2a, 6), "o": (0x7, 5), "p": (0x2b, 6), "r": (0x2c, 6), "s": (0x8, 5), "t": (0x9, 5), "u": (0x2d, 6),
         "w": (0x78, 7), "y": (0x7a, 7)}


def huffman(text):
    bits = "".join(f"{code:0{length}b}" for code, length in (CODES[c] for c in text))
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return (bytes([0x80 | len(coded)]) + coded) if len(coded) < len(text) else bytes([len(text)]) + text.encode()


HUFFMAN = {path: huffman(path) for path in FAULTS}
