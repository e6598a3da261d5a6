"""Live progress: a block that stays in place on a terminal, plain lines elsewhere."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from program import PASSED, PELT, SIGINT_CODE, if_quiet, in_a_quiet_moment, pelt, report_of
from screen import Screen

BLOCK_ROWS_MAX = 6
REDRAWS_PER_S_MAX = 2


def set_width(terminal, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def read_for(terminal, seconds, screen):
    """Feeds the screen for so long, or until the program is gone; returns what was read."""
    text = ""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([terminal], [], [], left)[0]:
            break
        try:
            piece = os.read(terminal, 65536).decode(errors="replace")
        except OSError:  # the program's side is closed
            break
        if not piece:
            break
        screen.feed(piece)
        text += piece
    return text


class OnTerminal:
    """pelt bench whose stderr is a terminal of so many columns."""

    def __init__(self, url, tmp_path, columns, env=None, seconds=60):
        self.terminal, side = pty.openpty()
        set_width(self.terminal, columns)
        self.screen = Screen(columns)
        environment = {**os.environ, "TERM": "xterm-256color", **(env or {})}
        if not env:
            environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen([str(PELT), "bench", url + "/health", "--rate", "200/s", "-d", f"{seconds}s",
                                         "--no-run-file", "--allow-invalid"], cwd=tmp_path, env=environment, start_new_session=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=side, text=True)
        os.close(side)

    def resize(self, columns):
        set_width(self.terminal, columns)
        self.screen.resize(columns)

    def read(self, seconds):
        return read_for(self.terminal, seconds, self.screen)

    def read_redraws(self, count):
        """Reads on until so many more redraws were seen."""
        wanted, deadline = self.screen.redraws + count, time.monotonic() + 20
        while self.screen.redraws < wanted:
            assert time.monotonic() < deadline and self.process.poll() is None, self.screen.shown()
            self.read(0.05)

    def finish(self, code=PASSED):
        text = self.read(20)
        out = self.process.stdout.read()
        self.process.stdout.close()
        assert self.process.wait(20) == code, text
        os.close(self.terminal)
        return out

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        self.finish(SIGINT_CODE)


USERS = [f"row {i} of the user's" for i in range(10)]  # what a shell printed before


def block(screen):
    """What is redrawn: all but what stays above it, the announcement of the load included."""
    return [row for row in screen.shown() if not row.startswith("pelt: ") and row not in USERS]


def assert_block_fits(screen):
    shown = block(screen)
    assert 1 <= len(shown) <= BLOCK_ROWS_MAX, shown
    assert not screen.wrapped, screen.wrapped
    assert not screen.unknown, screen.unknown


@pytest.mark.parametrize("columns", [80, 200])
def test_the_block_stays_in_place(target, tmp_path, columns):
    began = time.monotonic()
    run = OnTerminal(target().url, tmp_path, columns, seconds=4)
    run.read_redraws(3)
    assert_block_fits(run.screen)
    shown = "\n".join(run.screen.shown())
    assert "p99" in shown and "200" in shown, shown
    assert run.screen.redraws <= REDRAWS_PER_S_MAX * (time.monotonic() - began) + 1
    out = run.finish()
    assert not any("p99" in row for row in block(run.screen)), "the block is removed at the end"
    assert "measurement" in out, "the summary follows"


def test_the_block_is_right_after_a_resize(target, tmp_path):
    run = OnTerminal(target().url, tmp_path, 120)
    run.screen.feed("".join(f"{row}\r\n" for row in USERS))
    run.read_redraws(1)
    assert_block_fits(run.screen)
    for columns in (60, 30, 100):
        run.resize(columns)
        run.read_redraws(2)  # the first one may have been under way
        assert_block_fits(run.screen)
        assert max(map(len, block(run.screen))) <= columns
        assert [row for row in run.screen.shown() if row in USERS] == USERS
    run.interrupt()


def test_no_color_means_no_colour(target, tmp_path):
    failing = target().url + "/missing"  # errors are what is coloured
    colours = {}
    for name, env in {"plain": {"NO_COLOR": "1"}, "as ever": {}}.items():
        run = OnTerminal(failing, tmp_path, 80, env=env)
        run.read_redraws(3)
        run.interrupt()
        colours[name] = run.screen.colours
    assert colours["plain"] == 0 and colours["as ever"] > 0, colours


@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.slow
def test_without_a_terminal_there_are_plain_lines(target, tmp_path):
    url = target().url + "/health"

    def check(_):
        done = pelt("bench", url, "--rate", "50/s", "-d", "11s", "--no-run-file", "--allow-invalid", cwd=tmp_path)
        assert done.code == PASSED, done.told()
        assert "\x1b" not in done.err + done.out
        lines = [line for line in done.err.splitlines() if "p99" in line]
        assert len(lines) == 1 and "requests/s" in lines[0], done.err
        if_quiet(" 50 requests/s" in lines[0], done.err)

    in_a_quiet_moment(check)


def test_quiet_prints_the_summary_only(target, tmp_path):
    done = pelt("bench", target().url + "/health", "--rate", "50/s", "-d", "1s", "--no-run-file", "--allow-invalid", "--quiet", cwd=tmp_path)
    assert done.code == PASSED and done.err == "", done.told()
    assert "measurement" in done.out


def full_pipe():
    """A pipe that takes no more; (reading end, writing end, bytes in it)."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    filled = 0
    try:
        while True:
            filled += os.write(writing, b"." * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    return reading, writing, filled


def test_a_stderr_that_nobody_reads_does_not_hold_the_load(target, tmp_path):
    """Each iteration logs a line; the plan is kept all the same, on all threads, and the run file with it."""
    instance = target()
    path = tmp_path / "s.lua"
    path.write_text("local pelt = require 'pelt' return { load = pelt.load.sustained { rate = '200/s', duration = '3s' }, "
                    "iteration = function() pelt.log(('x'):rep(2000)) pelt.http.get('/api/status') end }")
    reading, writing, filled = full_pipe()
    process = subprocess.Popen([str(PELT), "run", str(path), "--target", instance.url, "--threads", "2", "--allow-invalid",
                                "--run-file", "run.pelt"],
                               cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=writing)
    os.close(writing)
    try:
        out, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    os.close(reading)
    assert process.returncode == PASSED
    assert instance.count()["paths"]["/api/status"] == 600
    seconds = report_of("run.pelt", tmp_path)["seconds"]
    assert sum(row["started"] for row in seconds) == 600
    assert "exit 0" in out.decode()


def test_lines_that_nobody_read_are_counted(target, tmp_path):
    """The reader comes back in the middle of the run: what was said before stands there, and how much is missing."""
    instance = target()
    path = tmp_path / "s.lua"
    path.write_text("local pelt = require 'pelt' return { load = pelt.load.sustained { rate = '200/s', duration = '5s' }, "
                    "iteration = function() pelt.log(('x'):rep(4000)) pelt.http.get('/api/status') end }")
    reading, writing, filled = full_pipe()
    process = subprocess.Popen([str(PELT), "run", str(path), "--target", instance.url, "--allow-invalid", "--no-run-file"],
                               cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writing)
    os.close(writing)
    while instance.count()["paths"].get("/api/status", 0) < 600:
        assert process.poll() is None
        time.sleep(0.02)
    with open(reading, "rb") as stderr:
        text = stderr.read()[filled:].decode()
    assert process.wait(10) == PASSED
    printed = sum(line.endswith("x" * 4000) for line in text.splitlines())
    missing = sum(int(line.split()[2]) for line in text.splitlines() if line.endswith("are missing here: nobody read them"))
    assert missing > 0
    assert printed + missing == 1000
