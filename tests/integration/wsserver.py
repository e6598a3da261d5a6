"""A WebSocket server over plain sockets that does as it is told, also what is wrong: each connection runs a function. It
knows nothing of pelt."""
import base64
import hashlib
import socket
import struct
import threading

from wsclient import CLOSE, MAGIC, PING, PONG, frame


class Peer:
    """One connection, after its head was read."""

    def __init__(self, server, sock):
        self.server, self.socket = server, sock
        self.received = bytearray()
        while b"\r\n\r\n" not in self.received:
            self._more()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        self.head = head.decode()
        self.fields = {name.lower(): value.strip() for name, _, value in
                       (line.partition(":") for line in self.head.split("\r\n")[1:])}

    def _more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError
        self.received += piece

    def accept(self, extra="", behind=b"", accept=None):
        key = self.fields["sec-websocket-key"].encode()
        proof = accept or base64.b64encode(hashlib.sha1(key + MAGIC).digest()).decode()
        self.socket.sendall(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Accept: {proof}\r\n{extra}\r\n".encode() + behind)

    def send(self, opcode, payload=b"", **more):
        self.socket.sendall(frame(opcode, payload, mask=None, **more))

    def _take(self, n):
        while len(self.received) < n:
            self._more()
        taken, self.received = bytes(self.received[:n]), self.received[n:]
        return taken

    def frame(self):
        """The next frame: opcode, payload; it must be masked."""
        first, second = self._take(2)
        length = second & 127
        if length == 126:
            length, = struct.unpack("!H", self._take(2))
        elif length == 127:
            length, = struct.unpack("!Q", self._take(8))
        assert second & 0x80, "a client masks"
        mask = self._take(4)
        payload = self._take(length)
        key = (mask * (length // 4 + 1))[:length]
        return first & 15, (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")

    def close(self, code=1000, reason=b""):
        """Says close, waits for the client's; its code."""
        self.send(CLOSE, struct.pack("!H", code) + reason)
        while True:
            opcode, payload = self.frame()
            if opcode == CLOSE:
                return struct.unpack("!H", payload[:2])[0] if payload else None

    def echo(self):
        """Until the client closes, whose code comes back."""
        while True:
            opcode, payload = self.frame()
            if opcode == CLOSE:
                self.send(CLOSE, payload)
                return struct.unpack("!H", payload[:2])[0] if payload else None
            if opcode == PING:
                self.send(PONG, payload)
            elif opcode != PONG:
                self.send(opcode, payload)


class Server:
    """`serve(peer)` runs a thread a connection; what it returns, or raises, is in `results`."""

    def __init__(self, serve, tls=None):
        """`tls`: an ssl.SSLContext; without it connections are plain."""
        self.serve, self.tls, self.results, self.threads = serve, tls, [], []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while self.open:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(30)
            thread = threading.Thread(target=self._run, args=(sock,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _run(self, sock):
        with sock:
            try:
                if self.tls:
                    sock = self.tls.wrap_socket(sock, server_side=True)
                self.results.append(self.serve(Peer(self, sock)))
            except Exception as error:  # the test looks at it
                self.results.append(error)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open = False
        self.listener.close()

    def wait(self):
        """The results, once all connections ended."""
        for thread in self.threads:
            thread.join(30)
        return self.results
