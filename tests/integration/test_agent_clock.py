"""The clock of a real pelt-agent as pelt measures it, against the truth: pelt-agent-shim shows another time."""
import contextlib
import os
import statistics
import subprocess
import sys
import time

import pytest

from agents import SHIM, Agent
from program import if_quiet, in_a_quiet_moment
from watchprobe import Probe, watch

TICK_NS = 100_000_000
MOVED = [(-300, 100), (300, -100)]  # s, ppm


def shim(folder, offset_s=0, ppm=0, *options):
    folder.mkdir()
    return Agent(folder, *options, program=SHIM, env={"PELT_AGENT_CLOCK": f"{int(offset_s * 1e9)},{ppm}"})


def true_offset_ns(run_ns, offset_s, ppm):
    return int(offset_s * 1e9) + int(run_ns * ppm / 1e6)


@contextlib.contextmanager
def busy_cores():
    """A process on each core that only burns."""
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def check(told, offset_s, ppm):
    """Of each frame: what pelt holds the offset for is wrong by at most the bound that it tells."""
    assert told.code == 0, told
    frames = told.frames()
    assert frames, told.mail
    for f in frames:
        error_ns = abs(f["clock"]["offset_ns"] - true_offset_ns(f["now_ns"], offset_s, ppm))
        # The offset was told between at_ns and now_ns, and the truth goes on meanwhile.
        since_ns = abs(ppm) / 1e6 * (f["now_ns"] - f["at_ns"])
        assert error_ns <= f["clock"]["bound_ns"] + since_ns + 1, (error_ns, f)
        assert f["clock"]["jumps"] == 0, f
    return frames


@pytest.mark.parametrize("offset_s, ppm", MOVED)
def test_the_error_is_within_the_bound_with_all_cores_busy(tmp_path, offset_s, ppm):
    agent = shim(tmp_path / "agent", offset_s, ppm)
    with busy_cores():
        told = watch("-w", "0.3", "-d", "1.7", agent.url)
    check(told, offset_s, ppm)
    assert agent.stop() == 0


def test_the_bound_is_below_1_ms_on_loopback(tmp_path):
    def attempt(number):
        agent = shim(tmp_path / f"agent{number}", -300, 100)
        frames = check(watch("-d", "1.5", agent.url), -300, 100)
        assert agent.stop() == 0
        if_quiet(max(f["clock"]["bound_ns"] for f in frames) < 1_000_000, frames[-1]["clock"])

    in_a_quiet_moment(attempt)


def test_samples_are_taken_at_the_runs_ticks(tmp_path):
    """What the agent calls tick k is the run's, by a clock that is 300 s off and drifts."""
    def attempt(number):
        agent = shim(tmp_path / f"agent{number}", 300, 100)
        told = watch("-d", "1.2", agent.url)
        frames, epoch = check(told, 300, 100), told.one("start")["epoch_ns"]
        assert agent.stop() == 0
        for f in frames:
            assert f["due_ns"] == epoch + f["k"] * TICK_NS
            # A sample that was late is that of the next tick, too, if that is due within 50 ms.
            assert f["at_ns"] - f["due_ns"] > -TICK_NS / 2, f
        drifted_ns = 100e-6 * (frames[-1]["now_ns"] - epoch)  # since the agent was told of the ticks
        late_ns = statistics.median(f["at_ns"] - f["due_ns"] for f in frames)
        assert late_ns > -frames[-1]["clock"]["bound_ns_max"] - drifted_ns, late_ns
        if_quiet(late_ns < TICK_NS / 10, late_ns)
        if_quiet([f["k"] for f in frames] == list(range(len(frames))), frames)

    in_a_quiet_moment(attempt)


@pytest.mark.sanitize
def test_a_killed_agent_is_joined_again_within_3_seconds(tmp_path):
    def attempt(n):
        first = shim(tmp_path / f"first-{n}")
        probe = Probe("-d", "20", first.url)
        before = probe.frames(3)
        first.process.kill()
        first.process.wait()
        lost = probe.wait_for(lambda m: m["mail"] == "lost")
        second = shim(tmp_path / f"second-{n}", 0, 0, "--listen", f"127.0.0.1:{first.port}")
        began = time.monotonic()
        joined = probe.wait_for(lambda m: m["mail"] == "joined")
        took_s = time.monotonic() - began
        probe.frames(2, after=before["k"] + 3)
        told = probe.end()
        assert second.stop() == 0
        assert joined["restarted"] and joined["from_ns"] == lost["from_ns"] < joined["to_ns"], joined
        counts = [v[3] for m in told.frames() for v in m["values"] if v[2] == "counter"]
        assert counts and min(counts) >= 0
        last = {}
        for m in told.frames():
            for name, target, kind, *cells in m["values"]:
                if kind == "counter" and cells[0] is not None:
                    assert cells[0] >= last.get((name, target), 0), (name, target, m["k"])
                    last[name, target] = cells[0]
        if_quiet(took_s < 3, took_s)

    in_a_quiet_moment(attempt)
