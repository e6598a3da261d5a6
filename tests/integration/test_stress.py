"""Stress finds the capacity that the target was given, or says that it is not within max."""
import json
import os
import random
import re
import sqlite3

import pytest

from program import MISSED, PASSED, ROOT, if_quiet, in_a_quiet_moment, pelt

pytestmark = pytest.mark.slow

SCENARIO = """
local pelt = require "pelt"
return {{
  load = pelt.load.stress {{ {load} }},
  iteration = function() pelt.http.get("/work") end,
}}
"""


def stress(tmp_path, url, load, scenario=SCENARIO):
    """(the capacity's text, [(part, span, level)] of the seconds, [texts of the steps])"""
    path = tmp_path / "stress.lua"
    path.write_text(scenario.format(load=load) if load else scenario)
    (tmp_path / "run.pelt").unlink(missing_ok=True)
    done = pelt("run", path, "--target", url, "--allow-invalid", "--run-file", "run.pelt", cwd=tmp_path, timeout=200)
    assert done.code == PASSED, done.told()
    with sqlite3.connect(tmp_path / "run.pelt") as db:
        events = db.execute("SELECT kind, text FROM event ORDER BY id").fetchall()
        seconds = db.execute("SELECT part, span, level_to FROM stage ORDER BY id").fetchall()
        judged = db.execute("SELECT number, judgement, slo, reason FROM step ORDER BY id").fetchall()
        kind, = db.execute("SELECT value FROM meta WHERE key = 'load_kind'").fetchone()
        params, = db.execute("SELECT value FROM meta WHERE key = 'load_params'").fetchone()
    assert kind == "stress"
    capacity, = [text for kind, text in events if kind == "capacity"]
    steps = [text for kind, text in events if kind == "step"]
    check_judged(judged, steps, json.loads(params)["slo"])
    return capacity, seconds, steps


def check_judged(judged, steps, slo):
    """Table step and the events say the same."""
    assert len(judged) == len(steps)
    for (number, judgement, by, reason), text in zip(judged, steps):
        assert re.match(rf"step {number}: .*? {judgement}: ", text), (number, judgement, text)
        if judgement == "holds":
            assert (by, reason) == ("", "")
        else:
            assert text.endswith(f" {judgement}: {reason}") and by in [*slo, "throughput", "errors"], (by, slo, text)


@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.slow(77)
@pytest.mark.parametrize("seed", range(int(os.environ.get("PELT_CAPACITIES", "1"))))
def test_stress_finds_a_planted_capacity(target, tmp_path, seed, record_property):
    drawn = random.Random(seed)
    workers, service_us = drawn.randint(3, 5), drawn.randint(17_000, 25_000)
    capacity = workers * 1e6 / service_us
    url = target("--workers", workers, "--service-time", f"constant:{service_us}us").url

    def check(attempt):
        text, seconds, steps = stress(tmp_path, url, 'from = "60/s", step = "60/s", max = "2000/s", every = "3s", verify = 2, '
                                      'slo = { "http_response p95 < 300ms", "errors share <= 1%" }')
        found = re.match(r"largest level that holds: ([\d.]+)/s, 2 of 2 times; it breaks at ([\d.]+)/s: ", text)
        assert found, (text, steps)
        record_property("capacity", f"{capacity:.1f}/s, found {found[1]}/s, {float(found[1]) / capacity - 1:+.1%}")
        if_quiet(abs(float(found[1]) / capacity - 1) <= 0.05, (capacity, text, steps))
        parts = [part for part, _, _ in seconds]
        order = sorted(set(parts) - {"rest"}, key=parts.index)
        assert order == ["climb", "search", "verify", "down"], order
        spans = [span for part, span, _ in seconds if part != "rest"]
        assert spans == sorted(spans) and set(spans) == set(range(1, len(steps) + 1))
        assert all(re.match(r"step \d+: [\d.]+/s (holds|breaks): ", step) for step in steps), steps

    in_a_quiet_moment(check)


def test_stress_says_that_nothing_broke_up_to_max(target, tmp_path):
    url = target("--service-time", "constant:5ms").url  # else all that the host can do
    text, seconds, steps = stress(tmp_path, url, 'from = 2, step = 3, max = 4, every = "3s", verify = 2, '
                                  'slo = { "errors share <= 1%" }')
    assert text == "largest level that holds: 4 users, 2 of 2 times; it is the max: nothing broke"
    assert [level for part, _, level in seconds][0] == 2 and {part for part, _, _ in seconds} == {"climb", "verify"}
    assert len(steps) == 4


@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.slow(20)
def test_the_stress_load_shown_runs(target, tmp_path):
    shown = (ROOT / "docs/SCENARIOS.md").read_text().split("\n### Stress\n", 1)[1]
    shown = re.search(r"```lua\n(.*?)```", shown, re.S).group(1)

    def check(attempt):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        text, _, steps = stress(folder, target().url, None, scenario=shown)
        if_quiet(text.startswith("largest level that holds: 150/s, 1 of 1 times; it is the max"), (text, steps))

    in_a_quiet_moment(check)


def test_the_stress_scenario_runs_until_its_time_is_over(target, tmp_path):
    done = pelt("run", ROOT / "scenarios/stress.lua", "--target", target().url, "--set", "EVERY=4s", "--duration", "6s",
                "--run-file", "run.pelt", "--allow-invalid", cwd=tmp_path)
    assert done.code == MISSED, done.told()  # no level was verified
    with sqlite3.connect(tmp_path / "run.pelt") as db:
        texts = [text for text, in db.execute("SELECT text FROM event WHERE kind = 'capacity'")]
        levels = [level for level, in db.execute("SELECT level_to FROM stage ORDER BY id")]
    text, = texts
    assert text.startswith("not found within the duration of 6 s: ")
    assert levels == [50] * 5 + [100] or "no level held so far" in text  # a busy host repeats the first step
