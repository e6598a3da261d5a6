"""pelt-target, the reference service, as tests use it: started on a free port, asked for its counts
and its truth log, stopped by SIGTERM."""
import json
import subprocess
import time
import urllib.request

from lan import Here
from program import BIN, assert_no_sanitizer_finding

TARGET = BIN / "pelt-target"


class Target:
    """One running instance. `url` has no trailing slash; the log is on and lies in the test's own folder. `before` is called in
    its process before it becomes one; `host` is where it runs (lan.py)."""

    def __init__(self, folder, *options, cpus=None, before=None, host=Here()):
        self.folder, self.host = folder, host
        self.log_path = folder / "truth.log"
        self.errors = folder / "stderr"
        port_file = folder / "port"
        command = [*host.prefix, str(TARGET), "--listen", f"{host.address}:0", "--port-file", str(port_file),
                   "--log", str(self.log_path), *map(str, options)]
        if cpus is not None:
            command = ["taskset", "-c", str(cpus), *command]
        with open(self.errors, "w") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=errors, text=True, preexec_fn=before)
        self.port = self._port_once_listening(port_file)
        self.url = f"http://{host.address}:{self.port}"

    def _port_once_listening(self, port_file):
        deadline = time.monotonic() + 20
        while not port_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"pelt-target does not listen: {self.errors.read_text()}")
            time.sleep(0.005)
        return int(port_file.read_text())

    def get(self, path):
        def ask():
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return answer.read().decode()
        return self.host.inside(ask)

    def count(self):
        """What the server counted: {"total": N, "paths": {...}, "statuses": {...}, "unanswered": N}."""
        return json.loads(self.get("/count"))

    def settled_count(self):
        """The same once it no longer changes: a client that has left may have sent what is not read yet."""
        deadline = time.monotonic() + 20
        before, now = None, self.count()
        while now != before or now["total"] != sum(now["statuses"].values()) + now["unanswered"]:
            assert time.monotonic() < deadline, now
            time.sleep(0.2)
            before, now = now, self.count()
        return now

    def log(self):
        """The truth log's lines. Complete only after stop()."""
        return [json.loads(line) for line in self.log_path.read_text().splitlines()]

    def start_ns(self):
        return next(line["begin_ns"] for line in self.log() if line["type"] == "start")

    def stalls(self):
        return [line for line in self.log() if line["type"] == "stall"]

    def requests(self):
        """Logged requests in the order in which their heads were seen."""
        return sorted((line for line in self.log() if line["type"] == "request"),
                      key=lambda line: line["begin_ns"])

    def stop(self, timeout=20):
        """SIGTERM, once. Returns the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout)
        self.process.stdout.close()
        assert_no_sanitizer_finding(self.errors.read_text())
        return code
