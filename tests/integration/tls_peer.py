"""A server with one certificate and one behaviour, in this process: what no real server is told to be easily.

    with TlsPeer(cert, key, maximum="1.0") as peer:
        ...  # peer.port; peer.requests: how many it read
"""
import socket
import ssl
import struct
import threading
import warnings

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"
ENDLESS = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello\n"
VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def _context(cert, key, minimum, maximum, ciphers, client_ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(ciphers + ":@SECLEVEL=0")  # so that it serves what clients must refuse
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = VERSIONS[minimum or "1.0"]
        context.maximum_version = VERSIONS[maximum or "1.3"]
    context.load_cert_chain(cert, key)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context


def _read_request(stream):
    """True: a whole head came."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = stream.recv(65536)
        if not more:
            return False
        head += more
    return True


class TlsPeer:
    """`behave`: "serve"; before a handshake "plain", "cut", "rubbish", "reset", "silent"; after it "bare end" (of a body that
    ends with the connection, without close_notify), "orderly end" (the same, with it), "half" (an announced body cut)."""

    def __init__(self, cert=None, key=None, minimum=None, maximum=None, ciphers="ALL", client_ca=None, behave="serve"):
        self.behave = behave
        self.requests = 0
        self.handshakes = 0
        self._lock = threading.Lock()
        self._context = _context(cert, key, minimum, maximum, ciphers, client_ca) if cert else None
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()
        with self._lock:
            for sock in self._open:
                sock.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.behave in _BEFORE:
                _BEFORE[self.behave](sock)
            else:
                self._speak(self._context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False))
        except (OSError, ssl.SSLError):
            pass
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    def _speak(self, stream):
        with self._lock:
            self.handshakes += 1
            self._open.add(stream)
        while _read_request(stream):
            with self._lock:
                self.requests += 1
            if self.behave == "serve":
                stream.sendall(ANSWER)
                continue
            stream.sendall(ANSWER[:-3] if self.behave == "half" else ENDLESS)
            if self.behave == "orderly end":
                stream.unwrap()
            break
        with self._lock:
            self._open.discard(stream)
        stream.close()


def _plain(sock):
    while _read_some(sock):
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return


def _read_some(sock):
    return len(sock.recv(65536)) > 0


def _cut(sock):
    _read_some(sock)


def _rubbish(sock):
    _read_some(sock)
    sock.sendall(bytes([22, 3, 3, 0, 4]) + b"\xff\xff\xff\xff")  # a handshake record that says nothing
    _read_some(sock)


def _reset(sock):
    _read_some(sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _silent(sock):
    while _read_some(sock):
        pass


_BEFORE = {"plain": _plain, "cut": _cut, "rubbish": _rubbish, "reset": _reset, "silent": _silent}
