"""A server that ends an idle connection just when its user calls again: what it says then is no answer to that call."""
import socket
import socketserver
import struct
import threading

import pytest

from program import outcomes_add_up, run, server_count_fits

# Of a connection; it belongs to one thread.
pytestmark = [pytest.mark.sanitize, pytest.mark.one_thread]

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
USERS = 32

SCENARIO = """
local http = require("pelt").http
return {
    load = { users = %d, duration = "1s" },
    iteration = function(user)
        http.get("http://127.0.0.1:%d/first/" .. user.id, { name = "first" })
        http.get("http://127.0.0.1:%d/second/" .. user.id, { name = "second" })
    end,
}
"""


class Server(socketserver.ThreadingTCPServer):
    """One of two; when the second answers a user, the first one's connection to that user ends as `mode` says."""
    allow_reuse_address = daemon_threads = True
    request_queue_size = 256

    def __init__(self, mode, idle):
        super().__init__(("127.0.0.1", 0), Handler)
        self.mode, self.idle, self.requests, self.lock = mode, idle, 0, threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # connections end in the middle here


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while line := self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            _, which, user = line.split()[1].split(b"/")
            with self.server.lock:
                self.server.requests += 1
            self.request.sendall(ANSWER)
            if which == b"first":
                self.server.idle[user] = self.request
            else:
                end(self.server.idle.pop(user, None), self.server.mode)


def end(connection, mode):
    if connection is None:
        return
    if mode == "408":
        connection.sendall(TIMED_OUT)
    if mode == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    else:
        connection.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("mode", ["408", "close", "reset"])
def test_the_end_of_an_idle_connection_answers_nothing(mode, tmp_path):
    idle = {}
    with Server(mode, idle) as first, Server(mode, idle) as second:
        scenario = tmp_path / "two.lua"
        scenario.write_text(SCENARIO % (USERS, first.server_address[1], second.server_address[1]))
        done = run(scenario, "-t", 1, cwd=tmp_path)
        assert done.report, done.told()
        report = done.report
        for server in (first, second):
            server.shutdown()
        counted = first.requests + second.requests
    outcomes_add_up(report)
    server_count_fits(report, counted)
    # What was sent before the end arrived may be lost, or (408) be answered by it.
    assert set(report["totals"]["outcomes"]) <= {"ok", "stale_reuse", "http_status"}, report["totals"]
