"""A server whose every word a test writes: a function of a `Peer` (tests/integration/hostile.py) plays each connection.

    with RawServer(play) as server:
        ...  # server.url, server.requests
"""
import contextlib
import socket
import threading

from hostile import Gone, Peer


class RawServer:
    def __init__(self, play):
        self.play = play
        self.requests = 0
        self.connections = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def count_request(self):
        with self._lock:
            self.requests += 1
            return self.requests

    def _serve(self, sock):
        with sock, contextlib.suppress(Gone, OSError):
            self.play(Peer(sock, self))

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
