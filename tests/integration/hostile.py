"""A hostile HTTP server on raw sockets: answers that no library would write, one a mode.

    with Hostile("short_body") as server:
        ...  # server.url, server.requests: those it has read to their last byte

    python3 hostile.py --port-file PATH MODE     until SIGTERM; then prints how many requests it read

Each connection has a thread of its own that runs the mode's function and then closes. A client that
leaves ends its thread by the error that writing to it raises, so modes may go on for ever.
"""
import argparse
import contextlib
import os
import signal
import socket
import struct
import threading
import time

BODY = b"hello\n"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\n" + BODY
LARGE_HEAD_BYTES = 70_000  # beyond 64 KiB, the most that a client can be expected to take

MODES = {}


def mode(behave):
    """Enters a function into the table. Its docstring says what is wrong with the answer."""
    MODES[behave.__name__] = behave
    return behave


class Gone(Exception):
    """The client closed; not an error here."""


class Peer:
    """One client's connection."""

    def __init__(self, sock, server):
        self.sock = sock
        self.server = server
        self.pending = b""  # received, not yet part of a request that was read
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _receive(self):
        data = self.sock.recv(65536)
        if not data:
            raise Gone
        self.pending += data

    def read_head(self):
        while b"\r\n\r\n" not in self.pending:
            self._receive()
        head, _, self.pending = self.pending.partition(b"\r\n\r\n")
        return head.lower()

    def read_request(self):
        """A request with its body, to the last byte. Counted. Clients here send Content-Length."""
        head = self.read_head()
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name == b"content-length":
                length = int(value)
        while len(self.pending) < length:
            self._receive()
        self.pending = self.pending[length:]
        return self.server.count_request()

    def send(self, data):
        self.sock.sendall(data)

    def send_apart(self, *pieces):
        """Each piece is a segment of its own: the client has most likely read one before the next."""
        for piece in pieces:
            self.send(piece)
            time.sleep(0.001)

    def wait_until_gone(self):
        while True:
            self._receive()
            self.pending = b""

    def reset(self):
        """Closing with a linger time of 0 sends RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


# ---- nothing wrong, for comparison ----

@mode
def good(peer):
    """A plain keep-alive server."""
    while True:
        peer.read_request()
        peer.send(GOOD)


# ---- connections that end early ----

@mode
def refuse(peer):
    """Nothing listens; the port is only kept from others. Never called."""


@mode
def close_at_accept(peer):
    """FIN before anything was read."""


@mode
def close_after_request(peer):
    """FIN where the answer should be."""
    peer.read_request()


@mode
def reset_at_accept(peer):
    """RST before anything was read."""
    peer.reset()


@mode
def reset_after_request(peer):
    """RST where the answer should be."""
    peer.read_request()
    peer.reset()


@mode
def reset_in_head(peer):
    """RST in the middle of a header line."""
    peer.read_request()
    peer.send_apart(GOOD[:30])
    peer.reset()


@mode
def reset_in_body(peer):
    """RST with half of the body sent."""
    peer.read_request()
    peer.send_apart(GOOD[:-3])
    peer.reset()


@mode
def reset_after_answer(peer):
    """A whole answer, then RST on the connection that should have been kept."""
    peer.read_request()
    peer.send_apart(GOOD)
    peer.reset()


@mode
def keepalive_closed(peer):
    """Closes after each answer without having said so: the next request meets a stale connection."""
    peer.read_request()
    peer.send(GOOD)


@mode
def half_close(peer):
    """A body that ends with the server's FIN, while the server goes on reading."""
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + BODY)
    peer.sock.shutdown(socket.SHUT_WR)
    peer.wait_until_gone()


@mode
def early_413(peer):
    """Answers as soon as the head is there and closes, whatever of the body is still under way."""
    peer.read_head()
    peer.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


# ---- time ----

@mode
def silence(peer):
    """Reads the request and never says anything."""
    peer.read_request()
    peer.wait_until_gone()


@mode
def unread(peer):
    """Neither reads nor writes: the client's send buffer fills if its request is large."""
    peer.server.stopping.wait()


@mode
def slow_head(peer):
    """One byte of the head a second."""
    peer.read_request()
    for byte in GOOD:
        peer.send(bytes([byte]))
        if peer.server.stopping.wait(1):
            return


# ---- heads ----

@mode
def rubbish(peer):
    """Bytes that are not HTTP."""
    peer.read_request()
    peer.send(bytes(range(256)) * 4)


@mode
def endless_head(peer):
    """Header lines without end."""
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\n")
    while not peer.server.stopping.is_set():
        peer.send(b"X-More: and more\r\n" * 50)


@mode
def large_head(peer):
    """A head above 64 KiB that does end, with a good body."""
    while True:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Large: " + b"x" * LARGE_HEAD_BYTES
                  + b"\r\n\r\n" + BODY)


@mode
def endless_1xx(peer):
    """Interim answers without end, and never the final one."""
    peer.read_request()
    while not peer.server.stopping.is_set():
        peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" * 20)


@mode
def forty_1xx(peer):
    """Forty interim answers and then the final one: unusual, and allowed (RFC 9110, 15.2)."""
    while True:
        peer.read_request()
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 40 + GOOD)


@mode
def http10(peer):
    """HTTP/1.0 without Connection: the body ends with the connection."""
    peer.read_request()
    peer.send(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + BODY)


@mode
def split_everywhere(peer):
    """Good answers, the k-th of them cut in two behind its k-th byte."""
    while True:
        k = 1 + (peer.read_request() - 1) % (len(GOOD) - 1)
        peer.send_apart(GOOD[:k], GOOD[k:])


# ---- lengths ----

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@mode
def bad_chunk_size(peer):
    """A chunk size that is no hexadecimal number, after a good chunk."""
    peer.read_request()
    peer.send(CHUNKED + b"6\r\n" + BODY + b"\r\nzz\r\n" + BODY + b"\r\n0\r\n\r\n")


@mode
def chunk_overflow(peer):
    """A chunk size of 2^64 + 6, which a careless 64-bit sum reads as 6."""
    peer.read_request()
    peer.send(CHUNKED + b"10000000000000006\r\n" + BODY + b"\r\n0\r\n\r\n")


@mode
def short_body(peer):
    """Closes with 6 of 100 promised bytes sent."""
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + BODY)


@mode
def long_body(peer):
    """Sends more than Content-Length on a kept connection: bytes that belong to no answer."""
    while True:
        peer.read_request()
        peer.send(GOOD + b"and these")


@mode
def cl_and_te(peer):
    """Content-Length and Transfer-Encoding that disagree, as in request smuggling (RFC 9112, 6.3)."""
    while True:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
                  b"6\r\n" + BODY + b"\r\n0\r\n\r\n")


@mode
def two_content_lengths(peer):
    """Two Content-Length lines that disagree."""
    while True:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Length: 3\r\n\r\n" + BODY)


@mode
def no_content_with_body(peer):
    """204, which has no body, followed by the bytes of one."""
    while True:
        peer.read_request()
        peer.send(b"HTTP/1.1 204 No Content\r\n\r\n" + BODY)


@mode
def no_content_with_length(peer):
    """204 that says that it has a body."""
    peer.read_request()
    peer.send(b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\n" + BODY)


@mode
def cl_and_empty_te(peer):
    """A length, and a Transfer-Encoding of nothing."""
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nTransfer-Encoding:\r\n\r\n" + BODY)


@mode
def chunked_twice(peer):
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n6\r\n" + BODY + b"\r\n0\r\n\r\n")


class Hostile:
    """A server of one mode on a free port of 127.0.0.1. `requests` were read to their last byte."""

    def __init__(self, name):
        self.behave = MODES[name]
        self.requests = 0
        self.connections = 0
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._open = set()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._acceptor = None
        if self.behave is not refuse:
            self._listener.listen(1024)
            self._acceptor = threading.Thread(target=self._accept, daemon=True)
            self._acceptor.start()

    def count_request(self):
        with self._lock:
            self.requests += 1
            return self.requests

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        # Gone and OSError are how a client leaves; whatever else happens is a mistake of this file.
        with contextlib.suppress(Gone, OSError):
            self.behave(Peer(sock, self))
        with self._lock:
            self._open.discard(sock)
        sock.close()

    def stop(self):
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() does not
        self._listener.close()
        if self._acceptor:
            self._acceptor.join(5)
        with self._lock:
            still_open = list(self._open)
        for sock in still_open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def main():
    table = "\n".join(f"  {name:22}{behave.__doc__}" for name, behave in MODES.items())
    parser = argparse.ArgumentParser(description="A hostile HTTP server.", epilog="modes:\n" + table,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port-file", required=True, help="gets the port once the server listens")
    parser.add_argument("mode", choices=MODES, metavar="MODE")
    options = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with Hostile(options.mode) as server:
        temporary = f"{options.port_file}.{os.getpid()}"
        with open(temporary, "w") as file:
            file.write(f"{server.port}\n")
        os.rename(temporary, options.port_file)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    print(server.requests)


if __name__ == "__main__":
    main()
