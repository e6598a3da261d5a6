"""Runs pelt the way a user does, and reads what it leaves: exit code, what it printed, its JSON report.

Programs come from the build that PELT_BIN_DIR names (default build/dev/bin). PELT_SLOW says that the
build is slowed by a sanitizer: tests then ask for less a second.
"""
import contextlib
import functools
import json
import os
import pathlib
import select
import signal
import subprocess
import time
from dataclasses import dataclass, field


import stage
from others import Others

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("PELT_BIN_DIR") or ROOT / "build/dev/bin").resolve()
PELT = BIN / "pelt"
SLOW = bool(os.environ.get("PELT_SLOW"))

# Exit codes of the contract.
PASSED, FAILED, USAGE, MISSED, INVALID, SIGINT_CODE, SIGTERM_CODE = 0, 1, 2, 3, 4, 130, 143

SANITIZER_MARKS = ("Sanitizer", "runtime error:")


@dataclass
class Finished:
    """A program that ended: `seconds` from start to end, `report` its JSON where one was asked for."""

    code: int
    out: str
    err: str
    seconds: float
    report: dict = field(default_factory=dict)

    def told(self):
        """All that the user saw, for messages of failing tests."""
        return f"exit {self.code} after {self.seconds:.2f} s\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def assert_no_sanitizer_finding(text):
    assert not any(mark in text for mark in SANITIZER_MARKS), text


class Running:
    """pelt started and not yet waited for; by the words of `prefix`, which become it (taskset, say)."""

    def __init__(self, *arguments, cwd, env=None, prefix=(), **popen):
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [*prefix, str(PELT), *map(str, arguments)], cwd=cwd, env={**os.environ, **(env or {})}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen)
        self.said = b""

    def until(self, words, timeout=60):
        """Until these words came on its standard error, which wait() tells whole."""
        deadline = time.monotonic() + timeout
        while words.encode() not in self.said:
            readable = select.select([self.process.stderr], [], [], max(0, deadline - time.monotonic()))[0]
            piece = os.read(self.process.stderr.fileno(), 65536) if readable else b""
            assert piece, f"never said {words!r}: {self.said}"
            self.said += piece

    def signal(self, number):
        self.process.send_signal(number)
        return time.monotonic()

    def wait(self, timeout=60):
        """Reads the output to its end. A program that hangs fails the test, and tells what it had said."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            out, err = self.process.communicate()
            raise AssertionError(f"pelt hangs: not done after {timeout} s\n{out}\n{self.said.decode()}{err}") from None
        err = self.said.decode() + err
        assert_no_sanitizer_finding(err)
        return Finished(self.process.returncode, out, err, time.monotonic() - self.began)


def pelt(*arguments, cwd, timeout=60, env=None, **popen):
    return Running(*arguments, cwd=cwd, env=env, **popen).wait(timeout)


def measure(command, what, *options, cwd, timeout=120, **popen):
    """`pelt run` or `pelt bench` with its report: asked for in a file, so that what is printed stays free.

    A busy host makes a run INVALID, rightly; that is no failure of what most tests are about, so it is allowed."""
    path = pathlib.Path(cwd) / "report.json"
    path.unlink(missing_ok=True)
    done = pelt(command, what, "--quiet", "--no-run-file", "--allow-invalid", "--out", f"json={path}",
                *options, cwd=cwd,
                timeout=timeout, **popen)
    if path.exists():
        done.report = json.loads(path.read_text())
        assert not any("do not reconcile" in reason for reason in done.report["verdict"]["reasons"]), done.report["verdict"]
    return done


def bench(url, *options, **more):
    return measure("bench", url, *options, **more)


def run(scenario, *options, **more):
    return measure("run", scenario, *options, **more)


def report_of(run_file, cwd):
    """What `pelt report` says later of a run file."""
    done = pelt("report", run_file, "--out", "json=-", cwd=cwd)
    assert done.code == PASSED, done.told()
    return json.loads(done.out)


def outcomes_add_up(report):
    """Started equals the sum of outcomes, over all and for each request name."""
    for row in (report["totals"], *report["requests"]):
        assert row["started"] == sum(row["outcomes"].values()), row
    assert report["totals"]["started"] == sum(report["totals"]["sent"].values()), report["totals"]


def server_count_fits(report, counted):
    """What the server counted lies between the requests surely sent and those perhaps sent."""
    sent = report["totals"]["sent"]
    assert sent["yes"] <= counted <= sent["yes"] + sent["maybe"], (sent, counted)


# A start due at the very end of a second may be found in the next one; nothing else moves.
STARTS_MOVED = 1


class Spoilt(AssertionError):
    """What a busy host can bring about as well as a defect."""


def if_quiet(holds, said):
    if not holds:
        raise Spoilt(said)


# Of all cores, by programs that are none of these tests: with less, a moment is quiet.
BUSY_SHARE = 0.2
QUIET_S, PATIENCE_S = 0.5, 20


def wait_for_quiet():
    """Until other programs leave the host alone for a moment, or for so long as a test may wait for that."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        others = Others()
        time.sleep(QUIET_S)
        if others.share() < BUSY_SHARE:
            return


# PELT_ONCE: no second attempt, for figures that say how often something held.
ATTEMPTS = 1 if os.environ.get("PELT_ONCE") else 4
spoilt = []  # what the attempts of the test that runs failed by (conftest.py tells)
SPOILT_LENGTH = 200


def in_a_quiet_moment(check, attempts=ATTEMPTS):
    """Runs `check(attempt)` until no if_quiet() of it fails: figures exact to the millisecond need a moment in which the
    host lets both sides run, and a defect fails every attempt. What is asserted otherwise, counts above all, holds at once.
    The second half of the attempts is made with no other test beside it, as these may be what keeps the host busy. After an attempt
    in which other programs did, the next one waits for them."""
    busy = False
    for attempt in range(attempts):
        with stage.alone() if attempt > 0 and attempt >= attempts / 2 else contextlib.nullcontext():
            if busy:
                wait_for_quiet()
            others = Others()
            try:
                return check(attempt)
            except Spoilt as failure:
                spoilt.append(" ".join(str(failure).split())[:SPOILT_LENGTH])
                if attempt + 1 == attempts:
                    raise AssertionError(f"{failure} (other programs had {others.share():.0%} of this host)") from failure
                busy = others.share() > BUSY_SHARE
    return None


def tried_until_quiet(test):
    """A test that is one such check from begin to end."""
    @functools.wraps(test)
    def tried(*arguments, **fixtures):
        in_a_quiet_moment(lambda attempt: test(*arguments, **fixtures))

    return tried
