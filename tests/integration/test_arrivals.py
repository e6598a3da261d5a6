"""The plan of an open loop comes from the seed alone: not from the number of threads, not from the server."""
import contextlib
import json
import os
import pathlib
import re
import sqlite3
import time

import pytest

from hostile import Hostile
from program import INVALID, PASSED, SLOW, STARTS_MOVED, Running, if_quiet, in_a_quiet_moment, pelt, run

pytestmark = pytest.mark.sanitize

RATE_PER_S, SECONDS = (200, 2) if SLOW else (1_000, 2)
SCENARIO = """
local pelt = require "pelt"
return {{
  name = "arrivals",
  load = pelt.load.rate {{ rate = "{rate}/s", duration = "{seconds}s", arrivals = "{arrivals}" }},
  iteration = function() pelt.http.get("/api/status") end,
}}
"""


def started_each_second(target_url, tmp_path, arrivals, seed, threads):
    """(begun in each second, in all): the plan, as the server answers at once."""
    path = tmp_path / "arrivals.lua"
    path.write_text(SCENARIO.format(rate=RATE_PER_S, seconds=SECONDS, arrivals=arrivals))
    done = run(path, "--target", target_url, "--seed", seed, "-t", threads, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    seconds = [row["started"] for row in done.report["seconds"] if row["t"] < SECONDS]
    return seconds, done.report["totals"]["started"]


@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.parametrize("arrivals", ["poisson", pytest.param("gamma", marks=pytest.mark.variant)])
def test_the_same_seed_gives_the_same_plan_on_any_number_of_threads(target, tmp_path, arrivals):
    url = target().url

    def check(attempt):
        one, one_total = started_each_second(url, tmp_path, arrivals, seed=7, threads=1)
        four, four_total = started_each_second(url, tmp_path, arrivals, seed=7, threads=4)
        assert one_total == four_total
        # Two runs, each with its own start that a second's edge may catch.
        assert len(set(one)) > 1, "random arrivals are not the same in every second"
        if_quiet(SLOW or all(abs(a - b) <= 2 * STARTS_MOVED for a, b in zip(one, four, strict=True)), (one, four))

    in_a_quiet_moment(check)


def test_arrivals_that_nobody_serves_are_dropped_and_the_report_says_why(tmp_path):
    """One user, held by a server that never answers: one arrival waits, the others are dropped."""
    path = tmp_path / "busy.lua"
    path.write_text("""
local pelt = require "pelt"
return {
  load = pelt.load.rate { rate = "50/s", duration = "1s", users = 1, waiting = 1, grace = "100ms" },
  iteration = function() pelt.http.get("/", { timeout = "1m" }) end,
}
""")
    with Hostile("silence") as server:
        done = pelt("run", path, "--target", server.url, "-t", 1, "--no-run-file", "--out", "json=r.json", cwd=tmp_path)
    assert done.code == INVALID, done.told()
    report = json.loads((tmp_path / "r.json").read_text())
    dropped = report["totals"]["dropped"]
    why = (f"{dropped} of 50 arrivals were not started: every user was busy (--users) or had failed in user_init, "
           "or this host was too slow")
    assert 45 <= dropped <= 49 and why in report["verdict"]["reasons"], report["verdict"]
    assert why in " ".join(done.out.split()), done.told()


@pytest.mark.one_thread
def test_another_seed_gives_another_plan(target, tmp_path):
    url = target().url
    _, seven = started_each_second(url, tmp_path, "poisson", 7, 1)
    _, eight = started_each_second(url, tmp_path, "poisson", 8, 1)
    assert seven != eight


@pytest.mark.alone
@pytest.mark.idle
def test_uniform_arrivals_are_exact(target, tmp_path):
    url = target().url

    def check(attempt):
        started, total = started_each_second(url, tmp_path, "uniform", 7, 2)
        assert total == RATE_PER_S * SECONDS
        if_quiet(SLOW or all(abs(n - RATE_PER_S) <= STARTS_MOVED for n in started), started)

    in_a_quiet_moment(check)


def polled_ns(run_file):
    with contextlib.closing(sqlite3.connect(run_file)) as database:
        return database.execute("SELECT sum(spin_ns) FROM thread").fetchone()[0]


@pytest.mark.parametrize("pacing", ["poll", "sleep"])
def test_who_is_told_how_to_wait_waits_so(target, tmp_path, pacing):
    done = pelt("bench", target().url + "/api/status", "--rate", "2000/s", "-d", "1s", "-t", 2 if pacing == "poll" else 1, "--pacing", pacing, "--allow-invalid",
                 "--run-file", "waits.pelt", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert (polled_ns(tmp_path / "waits.pelt") > 0) == (pacing == "poll")


def test_pinned_threads_stay_on_a_cpu_of_their_own(target, tmp_path):
    running = Running("bench", target().url + "/api/status", "--rate", "100/s", "-c", 10, "-d", "3s", "-t", 2, "--threads-pin", "--allow-invalid", cwd=tmp_path)
    deadline, cpus = time.monotonic() + 20, {}
    while len(cpus) < 2 and time.monotonic() < deadline:
        for task in pathlib.Path(f"/proc/{running.process.pid}/task").glob("*"):
            with contextlib.suppress(OSError):  # it ended
                if re.fullmatch(r"pelt-\d+\n", (task / "comm").read_text()):
                    cpus[task.name] = sorted(os.sched_getaffinity(int(task.name)))
    done = running.wait()
    assert done.code == PASSED, done.told()
    allowed = sorted(os.sched_getaffinity(0))
    assert sorted(cpus.values()) == sorted([[allowed[0]], [allowed[1 % len(allowed)]]])
