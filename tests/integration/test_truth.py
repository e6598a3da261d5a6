"""Truth under stalls: what pelt reports of a server that stops now and then is what plan and stalls give.

The replay knows nothing of pelt's measuring: request k of a uniform plan is due at start + k / rate, and the target's own log
says when the k-th request that it saw was answered. That its stalls were what was asked for is checked by the log too.
"""
import math
import os
import time

import pytest

from program import PASSED, SLOW, STARTS_MOVED, bench, if_quiet, in_a_quiet_moment

pytestmark = [pytest.mark.alone,
              pytest.mark.skipif(SLOW, reason="percentiles to the millisecond need a build without sanitizers")]

PATH = "/api/status"
RATE_PER_S, SECONDS = 2_000, int(os.environ.get("PELT_TRUTH_SECONDS") or 10)
PERCENTILES = ("p50", "p90", "p99", "p99.9")
TOLERANCE_MS, TOLERANCE_SHARE = 1.0, 0.01
# pelt-target first stalls one period (5 s) after its start. A load begun from 1.1 s to 4.9 s after it meets two whole
# stalls in 10 s (one of each length, where there are two), four in 20 s, and none cut off at its end.
HEAD_START_S = 1.5


# A core each side, as far as there are two: when a stall ends, 2,000 answers are made at once, and who shares a core
# with that waits for it.
CORES = sorted(os.sched_getaffinity(0))
TARGET_CORE, PELT_CORE = CORES[0], CORES[-1]


def plan_start_ns(requests):
    """When request 0 was due. No request is seen before it is due, and those between stalls at once: so the
    smallest distance between the i-th seen and the i-th due."""
    return min(line["begin_ns"] - i * 1e9 / RATE_PER_S for i, line in enumerate(requests))


def replay(start_ns, requests):
    """Response times in ms, sorted: from when request k was due to when the target had answered it."""
    return sorted((line["end_ns"] - start_ns) / 1e6 - k * 1e3 / RATE_PER_S for k, line in enumerate(requests))


def percentile(times, name):
    """Nearest rank, as HDR histograms define it."""
    return times[max(0, math.ceil(float(name[1:]) / 100 * len(times)) - 1)]


def measure(target, tmp_path, record_property, stalls):
    instance = target("--stall", stalls, "--threads", 1, cpus=TARGET_CORE)
    time.sleep(HEAD_START_S)
    done = bench(instance.url + PATH, "--rate", f"{RATE_PER_S}/s", "-d", f"{SECONDS}s", "--seed", 1, cwd=tmp_path,
                 preexec_fn=lambda: os.sched_setaffinity(0, {PELT_CORE}))
    assert done.code == PASSED, done.told()
    assert instance.stop() == 0
    requests = [line for line in instance.requests() if line["path"] == PATH]
    assert len(requests) == RATE_PER_S * SECONDS
    truth = replay(plan_start_ns(requests), requests)
    response = done.report["requests"][0]["response_ms"]
    for name in PERCENTILES:
        record_property(name, f"{response[name]:.1f} (replay {percentile(truth, name):.1f})")
    return done.report, response, truth


def assert_percentiles_equal(response, truth):
    for name in PERCENTILES:
        expected = percentile(truth, name)
        allowed = max(TOLERANCE_MS, TOLERANCE_SHARE * expected)
        if_quiet(abs(response[name] - expected) <= allowed, (name, response[name], expected))


def assert_plan_was_kept(report):
    """The stalls moved no start: the plan has exactly RATE_PER_S in each second."""
    started = {row["t"]: row["started"] for row in report["seconds"] if 0 <= row["t"] < SECONDS}
    assert len(started) == SECONDS
    off = {t: n for t, n in started.items() if abs(n - RATE_PER_S) > STARTS_MOVED}
    assert report["totals"]["started"] == RATE_PER_S * SECONDS
    if_quiet(not off, off)


def test_response_times_under_stalls_are_those_of_the_replay(target, tmp_path, record_property):
    def check(attempt):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        report, response, truth = measure(target, folder, record_property, "1s/5s")
        assert_percentiles_equal(response, truth)
        assert_plan_was_kept(report)
        if_quiet(950 <= response["p99"] <= 960, response)
        if_quiet(994 <= response["p99.9"] <= 1_000, response)
        if_quiet(report["requests"][0]["service_ms"]["p50"] < 1.0, report["requests"][0]["service_ms"])

    in_a_quiet_moment(check)


def test_stalls_of_two_lengths_are_those_of_the_replay(target, tmp_path, record_property):
    def check(attempt):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        report, response, truth = measure(target, folder, record_property, "1s,300ms/5s")
        assert_percentiles_equal(response, truth)
        assert_plan_was_kept(report)

    in_a_quiet_moment(check)
