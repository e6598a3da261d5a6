"""watch_probe as tests use it: agents joined as a run joins them, and all that is told of them."""
import json
import subprocess
import threading
import time
from dataclasses import dataclass

from program import BIN, SLOW, assert_no_sanitizer_finding

PROBE = BIN / "watch_probe"


@dataclass
class Told:
    code: int
    mail: list
    err: str

    def of(self, kind):
        return [m for m in self.mail if m["mail"] == kind]

    def frames(self):
        return self.of("frame")

    def one(self, kind):
        found = self.of(kind)
        assert len(found) == 1, (kind, [(m["mail"], m.get("text")) for m in self.mail])
        return found[0]


def value(mail, name):
    """The cells of a figure in one mail; None: it is not in there."""
    return next((v[3:] for v in mail["values"] if v[0] == name), None)


class Probe:
    """watch_probe, running. `mail` grows while it does."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([str(PROBE), *map(str, arguments)], text=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.mail = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.mail.append(json.loads(line))

    def wait_for(self, wanted, timeout=10):
        """The first mail, from now on or before, of which `wanted` is true."""
        deadline, seen = time.monotonic() + timeout * (4 if SLOW else 1), 0
        while True:
            while seen < len(self.mail):
                seen += 1
                if wanted(self.mail[seen - 1]):
                    return self.mail[seen - 1]
            running = self.process.poll() is None or seen < len(self.mail)
            assert running and time.monotonic() < deadline, self.mail[-3:]
            time.sleep(0.005)

    def frames(self, count, after=-1):
        """Waits for `count` frames of ticks behind `after`."""
        def enough(_):
            return sum(m["mail"] == "frame" and m["k"] > after for m in self.mail) >= count
        return self.wait_for(enough)

    def told(self):
        self.reader.join(30)
        code = self.process.wait(10)
        err = self.process.stderr.read()
        assert_no_sanitizer_finding(err)
        return Told(code, list(self.mail), err)

    def end(self):
        """Ends it as if its seconds were over."""
        self.process.terminate()
        return self.told()


def watch(*arguments):
    return Probe(*arguments).told()
