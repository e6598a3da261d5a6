"""A run of many hosts on one: a real redis-server of its own on a free port, workers, a coordinator."""
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

from lan import Here
from program import BIN, SLOW, Running

REDIS = shutil.which("redis-server")
SECRET = "0123456789abcdef0123456789abcdef"
ENV = {"PELT_BUS_SECRET": SECRET}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Redis:
    """One redis-server. `url` is what --bus takes; `host` is where it runs (lan.py)."""

    def __init__(self, folder, *options, host=Here()):
        self.folder, self.options, self.port, self.host = folder, options, free_port(), host
        folder.mkdir(exist_ok=True)
        self.url = f"redis://{host.address}:{self.port}"
        self.start()

    def start(self):
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen([*self.host.prefix, REDIS, "--port", str(self.port), "--bind", self.host.address, "--protected-mode", "no",
                                             "--save", "", "--dir", str(self.folder), *self.options],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while True:
            try:
                if self.ask("PING") == b"+PONG":
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline and self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.02)

    def ask(self, *words, user=None, password=None):
        """One command; its first line of answer, or the bytes of a text."""
        with self.host.inside(lambda: socket.create_connection((self.host.address, self.port), timeout=10)) as s:
            file = s.makefile("rb")

            def send(words):
                data = [w if isinstance(w, bytes) else str(w).encode() for w in words]
                s.sendall(b"*%d\r\n" % len(data) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in data))

            if user:
                send(["AUTH", user, password])
                assert file.readline() == b"+OK\r\n"
            send(words)
            line = file.readline().rstrip(b"\r\n")
            if line.startswith(b"$") and line != b"$-1":
                return file.read(int(line[1:]))
            return line

    def keys(self, pattern):
        """Those of this name."""
        with self.host.inside(lambda: socket.create_connection((self.host.address, self.port), timeout=10)) as s:
            file = s.makefile("rb")
            s.sendall(f"*2\r\n$4\r\nKEYS\r\n${len(pattern)}\r\n{pattern}\r\n".encode())
            return [file.read(int(file.readline()[1:]) + 2)[:-2] for _ in range(int(file.readline()[1:]))]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


class Fleet:
    """Workers and coordinators that share a Redis; all of them end with the test."""

    def __init__(self, folder, redis):
        self.folder, self.redis, self.started = folder, redis, []

    def _start(self, *words, env=None, **popen):
        running = Running(*words, cwd=self.folder, env={**ENV, "TMPDIR": str(self.folder), **(env or {})},
                          start_new_session=True, **popen)
        self.started.append(running)
        return running

    def worker(self, *options, env=None, **popen):
        return self._start("worker", "--bus", self.redis.url, *options, env=env, **popen)

    def workers(self, n, *options):
        return [self.worker(*options) for _ in range(n)]

    def run(self, scenario, n, *options, env=None, **popen):
        return self._start("run", scenario, "--bus", self.redis.url, "--workers", n, *options, env=env, **popen)

    def resume(self, run_file, *options, **popen):
        return self._start("run", "--resume", run_file, *options, **popen)

    def ctl(self, *words):
        return self._start("ctl", "--bus", self.redis.url, *words)

    def stop(self):
        for running in self.started:
            if running.process.poll() is None:
                try:
                    os.killpg(running.process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                running.process.communicate()


class Uploaders:
    """`n` workers that send no load but say for `seconds` what so much of it would have been (tests/bench/fleet_uploaders.c), with faults of
    their own, and their coordinator, over a Redis of their own."""

    def __init__(self, folder, n, seconds, *faults, series=8, samples=1000):
        folder.mkdir()
        self.n, self.seconds, self.folder = n, seconds, folder
        self.redis = Redis(folder / "redis")
        self.fleet = Fleet(folder, self.redis)
        path = folder / "fleet.lua"
        path.write_text('local pelt = require "pelt"\n'
                        f'return {{ load = {{ users = {n}, duration = "{seconds}s" }}, iteration = function() pelt.http.get("/") end }}\n')
        self.lead = self.fleet.run(path, n, "--target", "http://127.0.0.1:1", "--allow-invalid", "--out", f"json={folder / 'report.json'}",
                                   "--run-file", folder / "run.pelt")
        self.process = subprocess.Popen(
            [BIN / "fleet_uploaders", "-s", str(series), "-n", str(samples), *map(str, faults), self.redis.url, str(n), str(seconds)],
            env={**os.environ, **ENV}, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def end(self):
        """What the uploaders say, the coordinator's end, its report."""
        out, err = self.process.communicate(timeout=patience(self.seconds + 120))
        assert self.process.returncode == 0, err
        done = self.lead.wait(patience(60))
        return json.loads(out), done, json.loads((self.folder / "report.json").read_text())

    def stop(self):
        self.process.kill()
        self.process.communicate()
        self.fleet.stop()
        self.redis.stop()


class Gate:
    """A way to a Redis that can be cut: while it is, nothing passes and nothing is refused, as in a network that loses all."""

    def __init__(self, redis):
        self.open = threading.Event()
        self.open.set()
        self.redis, self.server = redis, socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near):
        self.open.wait()
        with near, socket.create_connection(("127.0.0.1", self.redis.port)) as far:
            threading.Thread(target=self._pass, args=(far, near), daemon=True).start()
            self._pass(near, far)

    def _pass(self, source, sink):
        try:
            while data := source.recv(65536):
                self.open.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        self.open.clear()

    def heal(self):
        self.open.set()

    def stop(self):
        self.open.set()
        self.server.close()


class Recorder:
    """A server that answers 200 and keeps the path of each request, in their order."""

    def __init__(self):
        paths = self.paths = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                paths.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def settled_count(self):
        return {"total": len(self.paths)}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def patience(seconds):
    return seconds * (5 if SLOW else 1)
