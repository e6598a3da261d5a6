"""slices: how long 10,000 scripted users on one thread hold its loop: the longest stay in Lua, and what a script adds to
the lag of the loop.
"""
import json
import os
import statistics
from contextlib import contextmanager

from clients import REPORT
from host import BUILD, CLIENT_CORE, PELT, ROOT, SCRATCH, allow_files, floor_target, run_on, stolen_ms, table, values

CYCLE = ROOT / "tests" / "bench" / "cycle.lua"  # path, headers, two formats, one field of the JSON answer
EMPTY = ROOT / "tests" / "bench" / "empty.lua"  # the same request, and nothing else
USERS = 10_000
SECONDS = 10
ROUNDS = 5
PACING = ("--ramp", "1s", "--set", "PACING=1s")  # 10,000 cycles a second, spread over it
SLICE_MS, LAG_MS = 2, 1  # allowed


def _run(scenario, *more, pelt=(PELT,)):
    """The report of a run. Each has a server, and so a port, of its own: where 10,000 connections to one port were closed less
    than a second ago, the kernel searches milliseconds in connect() for a free one of ours, and pelt connects within a slice.
    """
    with floor_target() as port:
        run_on(CLIENT_CORE, *pelt, "run", scenario, "--target", f"http://127.0.0.1:{port}", "-u", USERS,
               "-d", f"{SECONDS}s", "-t", 1, *more, "--quiet", "--allow-invalid", "--no-run-file", "--out", f"json={REPORT}")
    report = json.loads(REPORT.read_text())
    assert report["totals"]["outcomes"] == {"ok": report["totals"]["started"]}, report["totals"]
    assert all(c["failed"] == 0 for c in report["checks"]), report["checks"]
    return report


def _slices():
    """What tests/bench/slices.c tells of the load's thread."""
    result = SCRATCH / "slices.json"
    result.unlink(missing_ok=True)
    _run(CYCLE, pelt=("env", f"SLICES={result}", BUILD / "bin/pelt_slices"))
    return max((json.loads(line) for line in result.read_text().splitlines()), key=lambda thread: thread["lua"]["count"])


def _lag_ms(scenario):
    lag = _run(scenario, *PACING)["generator"]["loop_lag_ms"]
    assert lag["p99.9"] is not None, lag
    return lag["p99.9"]


@contextmanager
def _priority():
    """Real-time priority, if we may, for what is started meanwhile: a lag of the loop that other programs make is theirs. Both
    programs have a core each, and leave it idle half of the time.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        yield "ordinary priority"
        return
    try:
        yield "real-time priority (SCHED_FIFO), so that other programs of this host do not count"
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _held(is_held):
    return "held" if is_held else "**not held**"


def _slices_table():
    rows, longest_ms = [], []
    for i in range(ROUNDS):
        before_ms = stolen_ms(CLIENT_CORE)
        found = _slices()
        taken_ms = stolen_ms(CLIENT_CORE) - before_ms
        longest_ms.append(found["lua"]["longest_us"] / 1e3)
        for name in ("lua", "nothing"):
            rows.append((i + 1, name, f"{found[name]['count']:,}", f"{found[name]['longest_us'] / 1e3:.2f}",
                         *(f"{n:,}" for n in found[name]["from_us"].values()), f"{taken_ms:,}"))
    lengths = [f"{int(us) / 1e3:g} ms and more" for us in found["lua"]["from_us"]]
    return (f"Stays of the load's thread in Lua, collector included, in its CPU time (`tests/bench/slices.c`), as fast as answers come. "
            f"That clock goes on while an interrupt is served or the hypervisor has taken the core (last column, of the whole round): the "
            f"same clock around nothing shows how much. "
            f"Longest: {max(longest_ms):.2f} ms, below {SLICE_MS} ms are allowed: {_held(max(longest_ms) < SLICE_MS)}.\n\n"
            + table(("round", "around", "times", "longest, ms", *lengths, "taken, ms"), rows))


def _lag_table():
    lag_ms = {EMPTY: [], CYCLE: []}
    with _priority() as priority:
        for _ in range(ROUNDS):
            for scenario in lag_ms:
                lag_ms[scenario].append(_lag_ms(scenario))
    added_ms = statistics.median(lag_ms[CYCLE]) - statistics.median(lag_ms[EMPTY])
    rows = [(scenario.name, values(lag_ms[scenario], 3)) for scenario in lag_ms]
    return (f"Loop lag at 10,000 cycles a second ({' '.join(PACING)}), by pelt itself, at {priority}. The script adds {added_ms:.3f} ms (medians), "
            f"at most {LAG_MS} ms are allowed: {_held(added_ms <= LAG_MS)}.\n\n"
            + table(("script", "loop lag p99.9, ms: median (each round)"), rows))


def figure():
    allow_files(20_000)
    intro = (f"`pelt run tests/bench/cycle.lua -u {USERS} -d {SECONDS}s -t 1`: each cycle a path and headers of its own by two formats, and a "
             f"field of the JSON answer; client and a fresh server on a core each; {ROUNDS} rounds.\n\n")
    return intro + _slices_table() + "\n" + _lag_table()
