"""Fixtures that more than one file of tests uses."""
import hashlib
import os
import signal

import pytest

import nginx as real_nginx
from agents import Agent
from program import BIN
from targets import Target


def pytest_sessionstart(session):
    if hasattr(session.config, "workerinput"):  # pytest-xdist's workers are children of a session that came by here
        return
    # A shell starts what it puts into the background with SIGINT ignored, and all children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not (BIN / "pelt").exists():
        pytest.exit(f"no programs in {BIN}: build them (cmake --preset dev && cmake --build --preset dev), or say "
                    "where they are by PELT_BIN_DIR", returncode=4)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """pytest-xdist gives each worker a run of neighbours, which are alike in how long they take and how much CPU. In an
    order that is the same everywhere and has nothing to do with what they are, each gets its share of both. What is slow
    is begun in the first half, or the share that its mark names (20: a twentieth), so that no worker is alone with it at the end."""
    def place(item):
        drawn = int.from_bytes(hashlib.sha256(item.nodeid.encode()).digest()[:4], "big")
        slow = item.get_closest_marker("slow")
        return drawn // (slow.args[0] if slow.args else 2) if slow else drawn

    if hasattr(config, "workerinput"):
        items.sort(key=place)


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
