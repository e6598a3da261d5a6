"""pelt with --web: a run whose live page, events and figures are asked for while it goes."""
import http.client
import json
import os
import subprocess
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from program import PELT, Finished, assert_no_sanitizer_finding


@dataclass
class Event:
    """A server-sent event: `data` as JSON; id None where it has none."""

    kind: str
    id: str
    data: dict


class Stream:
    """GET /events, read line by line. It ends when the server ends it."""

    def __init__(self, address, last_id=None, timeout=30):
        self.connection = http.client.HTTPConnection(address, timeout=timeout)
        self.connection.request("GET", "/events", headers={"Last-Event-ID": last_id} if last_id else {})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        assert self.answer.headers["Content-Type"] == "text/event-stream"

    def __iter__(self):
        fields = {}
        while line := self.answer.readline():
            line = line.decode().rstrip("\n")
            if line:
                name, value = line.split(": ", 1)
                assert name not in fields, (fields, line)
                fields[name] = value
            else:
                yield Event(fields["event"], fields.get("id"), json.loads(fields["data"]))
                fields = {}
        assert not fields, fields  # cut in the middle

    def until(self, wanted):
        """All events up to the one for which `wanted` is true."""
        events = []
        for event in self:
            events.append(event)
            if wanted(event):
                return events
        raise AssertionError(f"the stream ended before: {[e.kind for e in events]}")

    def close(self):
        self.connection.close()


class Live:
    """`pelt COMMAND WHAT --web ...`, started, its page's address known."""

    def __init__(self, command, what, *options, cwd, web="0", env=None):
        self.began, self.cwd = time.monotonic(), cwd
        self.errors = cwd / "live.err"
        self.report_path = cwd / "live.json"
        with open(self.errors, "w") as errors, open(cwd / "live.out", "w") as out:
            self.process = subprocess.Popen(
                [str(PELT), command, str(what), f"--web={web}", "--no-run-file", "--allow-invalid", "--out", f"json={self.report_path}",
                 *map(str, options)], cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, env={**os.environ, **(env or {})})
        self.url = self.wait_for_url()
        self.address = urlsplit(self.url).netloc

    def wait_for_url(self):
        deadline = time.monotonic() + 30
        while True:
            text = self.errors.read_text()
            at = text.find("live page: http")
            if at >= 0 and "/\n" in text[at:] + ("\n" if '"' in text[at:] else ""):
                return text[at:].split()[2].split('"')[0]
            assert self.process.poll() is None and time.monotonic() < deadline, text
            time.sleep(0.01)

    def request(self, path, method="GET", headers=(), body=None):
        connection = http.client.HTTPConnection(self.address, timeout=20)
        connection.request(method, path, headers=dict(headers), body=body)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    def text(self, path, **more):
        answer, text = self.request(path, **more)
        assert answer.status == 200, (answer.status, text)
        return text

    def json(self, path):
        return json.loads(self.text(path))

    def status(self):
        return self.json("/api/v1/status")

    def wait_status(self, wanted, seconds=30):
        deadline = time.monotonic() + seconds
        while not wanted(status := self.status()):
            assert time.monotonic() < deadline, status
            time.sleep(0.05)
        return status

    def events(self, last_id=None):
        return Stream(self.address, last_id)

    def wait(self, timeout=60):
        code = self.process.wait(timeout)
        done = Finished(code, (self.cwd / "live.out").read_text(), self.errors.read_text(), time.monotonic() - self.began)
        assert_no_sanitizer_finding(done.err)
        if self.report_path.exists():
            done.report = json.loads(self.report_path.read_text())
        return done

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
