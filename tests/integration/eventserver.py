"""A server of event streams that does what each test wants of it, one thread a connection. It knows nothing of pelt."""
import contextlib
import socketserver
import threading
import time

HEAD = "HTTP/1.1 {status}\r\nContent-Type: {type}\r\n{more}Transfer-Encoding: chunked\r\n\r\n"


class Connection:
    """One request's: its path, fields by lower-case name, and what can be sent back."""

    def __init__(self, server, socket, path, fields):
        self.server, self.socket, self.path, self.fields = server, socket, path, fields
        self.sent = 0

    def send(self, data):
        self.socket.sendall(data)
        self.sent += len(data)

    def head(self, type="text/event-stream", status="200 OK", **more):
        fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in more.items())
        self.send(HEAD.format(status=status, type=type, more=fields).encode())

    def piece(self, data):
        """A chunk of its own."""
        data = data if isinstance(data, bytes) else data.encode()
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self):
        self.send(b"0\r\n\r\n")


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        received = b""
        with contextlib.suppress(ConnectionError, TimeoutError):
            while True:
                while b"\r\n\r\n" not in received:
                    piece = self.request.recv(65536)
                    if not piece:
                        return
                    received += piece
                head, _, received = received.partition(b"\r\n\r\n")
                lines = head.decode().split("\r\n")
                fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
                length = int(fields.get("content-length", 0))
                while len(received) < length:
                    received += self.request.recv(65536)
                received = received[length:]
                connection = Connection(self.server, self.request, lines[0].split(" ")[1], fields)
                self.server.requests.append(connection)
                if not self.server.paths[connection.path](connection):
                    return  # the connection ends


class EventServer(socketserver.ThreadingTCPServer):
    """paths: path -> function(connection), true if the connection goes on afterwards."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, paths):
        super().__init__(("127.0.0.1", 0), Handler)
        self.paths, self.requests = paths, []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


@contextlib.contextmanager
def serving(**paths):
    """serving(cut=f): f answers /cut."""
    server = EventServer({f"/{name}": answer for name, answer in paths.items()})
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def answer(*pieces, wait=0, **head):
    """A whole answer of these pieces, `wait` seconds between them."""
    def send(connection):
        connection.head(**head)
        for i, piece in enumerate(pieces):
            time.sleep(wait if i else 0)
            connection.piece(piece)
        connection.end()
        return True
    return send
