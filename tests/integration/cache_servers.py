"""Caches of a test's own, real ones: redis, memcached, HAProxy, nginx; and the origin behind the last two."""
import http.server
import pathlib
import shutil
import socket
import subprocess
import threading
import time

from nginx import HEAD, free_port

REDIS = shutil.which("redis-server")
MEMCACHED = shutil.which("memcached")
HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")

HAPROXY_CONFIG = """\
global
    maxconn 200
defaults
    mode http
    timeout client 30s
    timeout server 30s
    timeout connect 5s
cache small
    total-max-size 4
    max-age 60
frontend web
    bind 127.0.0.1:{port}
    http-request use-service prometheus-exporter if {{ path /metrics }}
    default_backend app
backend app
    http-request cache-use small
    http-response cache-store small
    server origin 127.0.0.1:{origin}
"""

NGINX_CONFIG = HEAD + """\
    log_format  cached '$remote_addr "$request" $status "$http_user_agent" $upstream_cache_status';
    access_log  {prefix}/access.log cached;
    proxy_cache_path {prefix}/cache keys_zone=small:1m;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{origin};
            proxy_cache small;
            proxy_cache_bypass $arg_fresh;
        }}
        location /plain {{ return 200 "not looked up\\n"; }}
    }}
}}
"""


class Server:
    """A program that listens on `port`, in the foreground, with what it says in `folder`."""

    def __init__(self, folder, port, *command):
        self.folder = pathlib.Path(folder)
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.url = f"http://{self.address}"
        self.said = self.folder / "said"
        with open(self.said, "ab") as said:
            self.process = subprocess.Popen([str(part) for part in command], cwd=folder, stdin=subprocess.DEVNULL,
                                            stdout=said, stderr=said)
        self._wait_until_it_answers()

    def _wait_until_it_answers(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.said.read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"nothing answers on port {self.port}: {self.said.read_text()}")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def redis(folder, *options, port=None):
    port = port or free_port()
    return Server(folder, port, REDIS, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder, *options)


def memcached(folder, is_root, *options, port=None):
    port = port or free_port()
    user = ("-u", "root") if is_root else ()
    return Server(folder, port, MEMCACHED, "-l", "127.0.0.1", "-p", port, *user, *options)


def haproxy(folder, origin):
    port = free_port()
    config = pathlib.Path(folder) / "haproxy.cfg"
    config.write_text(HAPROXY_CONFIG.format(port=port, origin=origin.port))
    return Server(folder, port, HAPROXY, "-db", "-f", config)


def nginx(folder, is_root, origin):
    from nginx import program
    port = free_port()
    config = pathlib.Path(folder) / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(prefix=folder, port=port, origin=origin.port,
                                          user="user root;" if is_root else ""))
    return Server(folder, port, program(), "-p", folder, "-c", config, "-e", f"{folder}/error.log")


class Origin:
    """Answers each GET with what may be cached for a minute, or with one page, and counts by path."""

    def __init__(self, page=None, content_type="text/plain", delay_s=0.0):
        origin = self
        self.counts = {}
        self.page = page

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                origin.counts[self.path] = origin.counts.get(self.path, 0) + 1
                time.sleep(delay_s)
                body = (origin.page if origin.page is not None else f"this is {self.path}\n").encode()
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "public, max-age=60")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Way:
    """Leads each connection to `port_behind`, and ends with it."""

    def __init__(self, port_behind):
        self.port_behind = port_behind
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
                behind = socket.create_connection(("127.0.0.1", self.port_behind), timeout=20)
            except OSError:
                return
            for ways in ((connection, behind), (behind, connection)):
                threading.Thread(target=self._carry, args=ways, daemon=True).start()

    @staticmethod
    def _carry(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def stop(self):
        self.listener.close()


class Hostile:
    """Sends each connection `first`, then `again` for ever, `pause_s` apart; with no `again` it ends the connection."""

    def __init__(self, first, again=b"", pause_s=0.0):
        self.first, self.again, self.pause_s = first, again, pause_s
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._send, args=(connection,), daemon=True).start()

    def _send(self, connection):
        with connection:
            try:
                connection.recv(65536)
                connection.sendall(self.first)
                while self.again:
                    time.sleep(self.pause_s)
                    connection.sendall(self.again)
            except OSError:
                pass

    def stop(self):
        self.listener.close()
