"""What is told of a burst, held against the target's own log of its queue."""
import json

import pytest

from program import PASSED, if_quiet, in_a_quiet_moment, pelt, report_of, run

WORKERS, SERVICE_S = 4, 0.02  # 200/s
BASE, PEAK = 40, 350

SCENARIO = f"""
local http = require("pelt").http
return {{
  name = "burst",
  target = require("pelt").env("TARGET"),
  load = require("pelt").load.burst {{ base = "{BASE}/s", peak = "{PEAK}/s", first = "5s", length = "3s", every = "9s",
                                      duration = "22s", arrivals = "uniform" }},
  iteration = function() http.get("/work") end,
}}
"""


# Arrivals up to the end of each spike: 5 s and 6 s of the base, 3 s of a spike. Evenly spaced, so the k-th request is the
# k-th arrival.
SPIKE_ENDS = [5 * BASE + 3 * PEAK, 11 * BASE + 6 * PEAK]


def spikes_of(requests):
    """When each spike ended, how long from then on anybody waited for a worker, and how many did at its end, by the
    target's log."""
    requests = sorted(requests, key=lambda line: line["begin_ns"])
    for last in SPIKE_ENDS:
        ended, at = requests[last - 1]["begin_ns"], last
        while requests[at]["queue_ns"] > 1e6:
            at += 1
        free = max(line["begin_ns"] + line["queue_ns"] for line in requests[:at])
        waiting = sum(line["begin_ns"] <= ended < line["begin_ns"] + line["queue_ns"] for line in requests)
        yield (free - ended) / 1e9, waiting


def findings(report, kind):
    return [finding for finding in report["findings"] if finding["kind"] == kind]


@pytest.mark.slow(22)
@pytest.mark.alone
@pytest.mark.idle
def test_recovery_is_that_of_the_target_s_queue(target, tmp_path, record_property):
    (tmp_path / "burst.lua").write_text(SCENARIO)

    def once(attempt):
        server = target("--workers", WORKERS, "--service-time", f"{SERVICE_S}s")
        done = run("burst.lua", "--target", server.url, cwd=tmp_path)
        server.stop()
        assert done.code == PASSED, done.told()
        requests = [line for line in server.log() if line["type"] == "request"]
        assert len(requests) == 16 * BASE + 6 * PEAK, len(requests)
        truth = list(spikes_of(requests))
        told = findings(done.report, "spike")
        assert [spike["about"] for spike in told] == ["1", "2"], told
        for spike, (recovery_s, waiting) in zip(told, truth, strict=True):
            said = json.dumps([spike, recovery_s, waiting])
            assert recovery_s > 2, said  # there was something to recover from
            if_quiet(spike["recovered"], said)
            record_property(f"spike {spike['about']}", f"{spike['recovery_s']:.2f} s (log {recovery_s:.2f} s)")
            if_quiet(abs(spike["recovery_s"] - recovery_s) <= max(0.1 * recovery_s, 0.1), said)
            # in flight are those that wait, and those that are worked on
            if_quiet(abs(spike["backlog"] - (waiting + WORKERS)) <= 0.1 * waiting, said)
            assert spike["errors"] == 0 and spike["level"] == PEAK, said
            if_quiet(spike["baseline_p50_ms"] < 2000 * SERVICE_S, said)
            assert spike["baseline_p99_ms"] is None, said  # of 240 requests at most
            assert spike["max_ms"] > spike["baseline_p50_ms"] and spike["text"].startswith("spike "), said

    in_a_quiet_moment(once)


@pytest.mark.one_thread
@pytest.mark.sanitize
def test_findings_are_the_same_when_they_are_asked_for_later(target, tmp_path):
    """Of a run that is over, and of the run file alone."""
    server = target("--workers", 2, "--service-time", "10ms")
    (tmp_path / "burst.lua").write_text(SCENARIO.replace('"5s"', '"1s"').replace('"3s"', '"1s"').replace('"9s"', '"2s"')
                                        .replace('"22s"', '"4s"').replace(f"{PEAK}/s", "100/s"))
    done = pelt("run", "burst.lua", "--target", server.url, "--quiet", "--allow-invalid", "--run-file", "run.pelt",
                "--out", "json=report.json", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    report = json.loads((tmp_path / "report.json").read_text())
    assert findings(report, "spike") and report["findings"] == report_of("run.pelt", tmp_path)["findings"]
