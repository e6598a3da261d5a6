"""Fixtures that more than one file of tests uses."""
import fcntl
import hashlib
import inspect
import os
import signal
import threading
import time
import types

import pytest

import certs
import nginx as real_nginx
import program
import stage
from agents import Agent
from targets import Target


def pytest_sessionstart(session):
    if hasattr(session.config, "workerinput"):  # pytest-xdist's workers are children of a session that came by here
        return
    # A shell starts what it puts into the background with SIGINT ignored, and all children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not (program.BIN / "pelt").exists():
        pytest.exit(f"no programs in {program.BIN}: build them (cmake --preset dev && cmake --build --preset dev), or say "
                    "where they are by PELT_BIN_DIR", returncode=4)


AGAIN = 4
SPIN_WATCH_S = 0.5


def drawn(item):
    """A number that is the same everywhere and has nothing to do with what the test is."""
    return int.from_bytes(hashlib.sha256(item.nodeid.encode()).digest()[:4], "big")


def asks_for_slow(code):
    """Whether a function, or one in it, looks at SLOW: it asserts more of the release build."""
    return "SLOW" in code.co_names or any(asks_for_slow(part) for part in code.co_consts if isinstance(part, types.CodeType))


def pytest_itemcollected(item):
    """With one thread a test does nothing that it does not do with more: of `threads`, 1 is what the release build is for. What
    runs with AddressSanitizer and asserts the same without runs in the release build as well if it is the one in AGAIN drawn."""
    if hasattr(item, "callspec") and item.callspec.params.get("threads") == 1:
        item.add_marker(pytest.mark.variant)
    marks = {mark.name for mark in item.iter_markers()}
    if "sanitize" in marks and "variant" not in marks and not asks_for_slow(inspect.unwrap(item.function).__code__) and drawn(item) % AGAIN:
        item.add_marker(pytest.mark.sanitized)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol():
    with stage.beside_others():
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """Each attempt that was not quiet enough is told in the results: a test that needs many is one to mend."""
    program.spoilt.clear()
    yield
    item.user_properties += [("spoilt", why) for why in program.spoilt]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Each worker has the test that it runs and the next one. The longer runs of neighbours that pytest-xdist hands out by
    itself may all be slow, and the last worker is then alone with them at the end."""
    from xdist.scheduler import LoadScheduling

    class TwoAtMost(LoadScheduling):
        def _send_tests(self, node, num):
            super()._send_tests(node, max(0, min(num, 2 - len(self.node2pending[node]))))

    return TwoAtMost(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Neighbours are alike in how long they take and how much CPU, so they are begun in an order that is the same everywhere and
    has nothing to do with what they are. What is slow is begun in the first half; where its mark has a number, of seconds,
    first of all, and what waits behind it is quick."""
    if not hasattr(config, "workerinput"):
        return

    def place(item):
        return drawn(item) // 2 if item.get_closest_marker("slow") else drawn(item)

    def seconds(item):
        slow = item.get_closest_marker("slow")
        return slow.args[0] if slow and slow.args else 0

    slowest = sorted(filter(seconds, items), key=seconds, reverse=True)
    rest = sorted((item for item in items if not seconds(item)), key=place)
    pairs = min(len(slowest), len(rest), config.workerinput["workercount"])
    first = [item for pair in zip(slowest[:pairs], reversed(rest[len(rest) - pairs:])) for item in pair]
    items[:] = first + slowest[pairs:] + rest[:len(rest) - pairs]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """made_once(name, make): the path that make(path) writes, by the first of pytest-xdist's workers that asks for it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def once(name, make):
        path, part = folder / name, folder / f"part-{name}"
        with open(folder / f"{name}.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                make(part)
                part.rename(path)
        return path

    return once


@pytest.fixture(scope="session", autouse=True)
def no_thread_spins():
    """A server of a test whose thread goes round in circles takes a core from all tests behind it, and none of them fails."""
    yield
    used = time.process_time()
    time.sleep(SPIN_WATCH_S)
    used = time.process_time() - used
    left = [thread.name for thread in threading.enumerate()]
    assert used < SPIN_WATCH_S / 5, f"in {SPIN_WATCH_S} s behind the last test its threads used {used:.2f} s of CPU: {left}"


@pytest.fixture(scope="session", autouse=True)
def certificates(made_once):
    certs.made_once = made_once


@pytest.fixture
def target(tmp_path):
    """target(*options) starts a pelt-target; all of them are stopped after the test."""
    started = []

    def start(*options, **more):
        folder = tmp_path / f"target-{len(started)}"
        folder.mkdir()
        started.append(Target(folder, *options, **more))
        return started[-1]

    yield start
    for instance in started:
        assert instance.stop() == 0


@pytest.fixture
def agent(tmp_path):
    """agent(*options) starts a pelt-agent; all of them are stopped after the test."""
    started = []

    def start(*options, **more):
        folder = tmp_path / f"agent-{len(started)}"
        folder.mkdir()
        started.append(Agent(folder, *options, **more))
        return started[-1]

    yield start
    for instance in started:
        assert instance.stop() == 0


@pytest.fixture
def nginx(tmp_path):
    """A real nginx with a configuration of its own."""
    if real_nginx.program() is None:
        pytest.skip("no nginx on this host: install nginx-light")
    prefix = tmp_path / "nginx"
    prefix.mkdir()
    server = real_nginx.Nginx(prefix, is_root=os.geteuid() == 0)
    yield server
    server.stop()
