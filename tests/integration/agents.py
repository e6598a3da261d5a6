"""pelt-agent as tests use it: started on a free port, asked for its pages and streams, stopped by SIGTERM."""
import http.client
import json
import os
import subprocess
import time

from program import BIN, SLOW, assert_no_sanitizer_finding

AGENT = BIN / "pelt-agent"
SHIM = BIN / "pelt-agent-shim"  # the same with a clock that PELT_AGENT_CLOCK="offset_ns,ppm" moves

# Sanitizers make it cost more than it may, which would slow it down: not what most tests are about.
NO_LIMIT = ("--cpu-limit", "100%")

# Tests about the truth watch processes of their own user, which root would give up: those about that say --user.
STAY = ("--user", "root") if os.geteuid() == 0 else ()


class Agent:
    """One running instance. `name` is what it is called on the wire."""

    def __init__(self, folder, *options, program=AGENT, env=None, slows_down=False, **popen):
        port_file = folder / "port"
        self.errors = folder / "stderr"
        self.out = folder / "stdout"
        command = [str(program), "--listen", "127.0.0.1:0", "--port-file", str(port_file),
                   *(() if slows_down else NO_LIMIT), *(() if "--user" in options or "user" in popen else STAY), *map(str, options)]
        with open(self.errors, "w") as errors, open(self.out, "w") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                                            env={**os.environ, **(env or {})}, **popen)
        self.port = self._port_once_listening(port_file)
        self.url = f"http://127.0.0.1:{self.port}"

    def _port_once_listening(self, port_file):
        deadline = time.monotonic() + 20
        while not port_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"pelt-agent does not listen: {self.errors.read_text()}")
            time.sleep(0.005)
        return int(port_file.read_text())

    def ask(self, path, method="GET", headers=None, body=None):
        """(status, headers, body) of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def get(self, path):
        """A page that is there, as JSON."""
        status, _, body = self.ask(path)
        assert status == 200, (path, status, body)
        return json.loads(body)

    def info(self):
        return self.get("/v1/info")

    def indices(self, info=None):
        """{(name, target): index} of all its figures."""
        return {(f["name"], f["target"]): f["i"] for f in (info or self.info())["figures"]}

    def sample(self, path="/v1/sample"):
        """The newest sample, or one taken because it is asked for: {(name, target): cells, or the text of why it cannot be read}."""
        info = self.info()
        names = {index: name for name, index in self.indices(info).items()}
        frame = self.get(path)
        return {**{names[i]: cells for i, *cells in frame["v"]}, **{names[i]: why for i, why in frame["unreadable"]}}

    def wait_for(self, wanted, timeout=20):
        """The first sample of which `wanted` is true."""
        deadline = time.monotonic() + timeout * (4 if SLOW else 1)
        while True:
            sample = self.sample()
            if wanted(sample):
                return sample
            assert time.monotonic() < deadline, sample
            time.sleep(0.05)

    def stream(self, **query):
        return Frames(self.port, query)

    def stop(self, timeout=10):
        """SIGTERM, once. Returns the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout)
        assert_no_sanitizer_finding(self.errors.read_text())
        return code


class Frames:
    """A stream, frame by frame; `received_ns` is when the newest came, on this host's monotonic clock."""

    def __init__(self, port, query, timeout=20):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self.connection.request("GET", "/v1/stream?" + "&".join(f"{key}={value}" for key, value in query.items()))
        self.answer = self.connection.getresponse()
        self.received_ns = 0

    def next(self):
        """The next frame; None at the end of the stream."""
        line = self.answer.readline()
        self.received_ns = time.monotonic_ns()
        return json.loads(line) if line else None

    def take(self, count):
        return [self.next() for _ in range(count)]

    def close(self):
        self.answer.close()  # holds the socket, too
        self.connection.close()
