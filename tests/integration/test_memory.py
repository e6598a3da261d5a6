"""Memory for series: said before the run, and kept to, however wide the values are."""
import json
import re
import subprocess
import sys

import pytest

from program import PASSED, PELT

SCENARIO = """
local pelt = require "pelt"
local wide, tags = pelt.metric.trend("wide"), {{}}
for i = 1, 1000 do tags[i] = {{ series = i }} end
return {{
    load = {{ users = 8, duration = "60s" }},
    iteration = function(user)
        for i = 1, 1000 do wide:add(10 ^ user.rng:uniform({low}, {high}), tags[i]) end
        if user.iteration == 99 then user:stop() end
        pelt.sleep("20ms")
    end,
}}
"""

# A process of its own, so that no other child's memory counts. The run's output goes through.
WAITER = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print("peak_kb", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def run_and_peak_kb(*arguments, cwd):
    done = subprocess.run([sys.executable, "-c", WAITER, PELT, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=100)
    assert done.returncode == PASSED, done.stdout + done.stderr
    return done.stderr, int(re.search(r"peak_kb (\d+)", done.stderr)[1])


@pytest.mark.parametrize("low, high", [(-6, -1), (-3, 3.556)], ids=["1 us to 100 ms", "1 ms to 1 h"])
def test_a_thousand_wide_series_stay_within_the_memory_said_before(tmp_path, low, high):
    """800,000 values on 4 threads: all are in the report, each in its own series."""
    path = tmp_path / "wide.lua"
    path.write_text(SCENARIO.format(low=low, high=high))
    told, peak_kb = run_and_peak_kb("run", path, "-t", 4, "--allow-invalid", "--out", "json=r.json", cwd=tmp_path)
    said_mib = float(re.search(r"memory for series: up to ([0-9.]+) MiB", told)[1])
    assert said_mib == 128 and "are spent" not in told, told
    rows = [row for row in json.loads((tmp_path / "r.json").read_text())["metrics"] if row["tags"]]
    assert len(rows) == 1000 and all(row["stats"]["count"] == 800 for row in rows)
    assert peak_kb < said_mib * 1024
