"""Sustained load finds a server that becomes slower, and no fault in one that does not."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from program import PASSED, if_quiet, in_a_quiet_moment, run

# A drift needs 60 samples, and one of p99 needs 100 requests: nothing is judged of less than 60 s between the ramps. Four
# more are for seconds that a busy host leaves without an answer.
SECONDS = 68

SCENARIO = """
local pelt = require "pelt"
return {{
  load = pelt.load.sustained {{ {level}, duration = "{seconds}s", ramp = "2s", ramp_down = "2s" }},
  iteration = function() pelt.http.get("/work") end,
}}
"""
# The service sleeps, so long that what a busy host adds is little beside it, and twice as long after a minute: from the first
# steady second to the last by 1.05 of what it was at first, and their mean is 1.57 of it. The smallest drift worth a word is
# 0.05.
SERVICE = ["--service-time", "lognormal:400ms,0.2"]
LEAKING = ["--leak-latency", "100%"]
DRIFT = 1.05 / 1.57

ARRIVALS, USERS = 'rate = "200/s", arrivals = "poisson"', "users = 100"

# What is started, and the figures that leak: users who wait longer also ask less.
RUNS = {
    "steady": (SERVICE, ARRIVALS, set()),
    "leak": (SERVICE + LEAKING, ARRIVALS, {"p50", "p99"}),
    "leak, users": (SERVICE + LEAKING, USERS, {"p50", "p99", "throughput"}),
}


def findings(server, level, folder):
    """{figure: what is said of it} of a run. It leaves most of a core to the others beside it."""
    folder.mkdir(parents=True)
    (folder / "sustained.lua").write_text(SCENARIO.format(level=level, seconds=SECONDS))
    done = run("sustained.lua", "--target", server.url, "-t", 1, cwd=folder, timeout=2 * SECONDS)
    assert done.code == PASSED, done.told()
    return {finding["about"]: finding for finding in done.report["findings"]}


@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.slow(69)
def test_a_leak_is_named_and_nothing_else(target, tmp_path, record_property):
    def check(attempt):
        with ThreadPoolExecutor() as pool:
            told = {name: pool.submit(findings, target(*options), level, tmp_path / f"{attempt} {name}")
                    for name, (options, level, _) in RUNS.items()}
        for name, (_, _, leaks) in RUNS.items():
            said = told[name].result()
            texts = f"{name}: " + "; ".join(finding["text"] for finding in said.values())
            assert set(said) == {"p50", "p99", "errors", "throughput"}, texts
            if_quiet(all("drift" in finding for finding in said.values()), texts)
            assert said["errors"]["drift"] == 0, texts
            for figure in ("p50", "p99"):
                f = said[figure]
                record_property(f"{name}: {figure}", f"{f['drift']:+.1%} [{f['low']:+.1%}, {f['high']:+.1%}]")
            assert not leaks or said["p50"]["kind"] == "leak", texts  # no host is so busy that it hides this
            if_quiet({figure for figure, f in said.items() if f["kind"] == "leak"} == leaks, texts)
            if_quiet({figure for figure, f in said.items() if f["named"]} == leaks, texts)
            for figure in leaks - {"throughput"}:
                if_quiet(said[figure]["low"] <= DRIFT <= said[figure]["high"], texts)

    in_a_quiet_moment(check)
