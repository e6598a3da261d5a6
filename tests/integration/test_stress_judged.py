"""The exit code of a stress load: it passes where it found the level, by the steps that verified it."""
import json
import sqlite3
import time

import pytest

from program import MISSED, PASSED, if_quiet, in_a_quiet_moment, pelt, report_of

pytestmark = [pytest.mark.alone, pytest.mark.idle]

# One worker, 30 ms a request: one user waits 30 ms, two wait 60 ms.
SCENARIO = """
local pelt = require "pelt"
return {{
  load = pelt.load.stress {{ from = {first}, step = 1, max = 2, every = "3s", verify = 2, hysteresis = false, {more} }},
  iteration = function() pelt.http.get("/work") end,
  thresholds = {{ "http_response p90 < 45ms" }},
}}
"""


def stress(tmp_path, url, first=1, more=""):
    """What came of it, its report as read from the run file, the row of its threshold, and the event at its end."""
    path = tmp_path / "stress.lua"
    path.write_text(SCENARIO.format(first=first, more=more))
    (tmp_path / "run.pelt").unlink(missing_ok=True)
    done = pelt("run", path, "--target", url, "--allow-invalid", "--run-file", "run.pelt", cwd=tmp_path)
    done.report = report_of("run.pelt", tmp_path)
    row, = done.report["thresholds"]
    with sqlite3.connect(tmp_path / "run.pelt") as db:
        (capacity,), = db.execute("SELECT text FROM event WHERE kind = 'capacity'")
    return done, row, capacity


def check_windows(path, report):
    """A row of table step, its finding and the seconds of its stages tell the same: all but `settle` and the one behind."""
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT number, from_s, to_s FROM step ORDER BY id").fetchall()
        spans = {number: (first, last) for number, first, last in db.execute(
            "SELECT span, MIN(from_s), MAX(to_s) FROM stage WHERE part <> 'rest' GROUP BY span")}
    oks = {second["t"]: second["ok"] for second in report["seconds"]}
    told = {int(step["about"]): step for step in report["findings"] if step["kind"] == "step"}
    assert rows and len(rows) == len(told)
    for number, first, last in rows:
        begun, over = spans[number]
        assert begun + 1 <= first < last == over - 1, (number, first, last, spans[number])  # it may begin anew
        assert (told[number]["judged_from_s"], told[number]["judged_to_s"]) == (first, last)
        assert told[number]["ok_per_s"] == pytest.approx(sum(oks[t] for t in range(int(first), int(last))) / (last - first))


@pytest.fixture
def slow_target(target):
    return target("--workers", 1, "--service-time", "constant:30ms").url


@pytest.mark.slow
def test_a_stress_load_passes_where_it_found_the_level(slow_target, tmp_path):
    def check(attempt):
        done, row, capacity = stress(tmp_path, slow_target)
        if_quiet(capacity.startswith("largest level that holds: 1 user, 2 of 2 times; it breaks at 2 users: "), capacity)
        assert (done.code, row["level"]) == (PASSED, "target"), done.told()
        check_windows(tmp_path / "run.pelt", done.report)
        verify = [step for step in done.report["findings"] if step["kind"] == "step" and step["part"] == "verify"]
        assert verify[0]["from_s"] < row["from_s"] < row["to_s"] <= verify[-1]["to_s"]
        assert 25 < row["value"] < 45
        assert "of the steps that verified the level" in done.out, done.told()

    in_a_quiet_moment(check)


@pytest.mark.slow
def test_thresholds_beside_an_own_slo_are_of_the_whole_run(slow_target, tmp_path):
    def check(attempt):
        done, row, capacity = stress(tmp_path, slow_target, more='slo = "http_response p90 < 45ms"')
        if_quiet(capacity.startswith("largest level that holds: 1 user"), capacity)
        assert (done.code, row["level"]) == (MISSED, "missed"), done.told()
        assert "to_s" not in row and "of the steps that verified" not in done.out

    in_a_quiet_moment(check)


def parameters(tmp_path):
    with sqlite3.connect(tmp_path / "run.pelt") as db:
        (text,), = db.execute("SELECT value FROM meta WHERE key = 'load_params'")
    return json.loads(text)


@pytest.mark.one_thread
@pytest.mark.sanitize
def test_an_slo_is_recorded_as_it_is_judged(slow_target, tmp_path):
    stress(tmp_path, slow_target, more='duration = "3s"')
    assert parameters(tmp_path)["slo"] == ["http_response p90 <= 45ms"]
    stress(tmp_path, slow_target, more="""duration = "3s", slo = {
        { metric = "http_response", name = "GET /work", stat = "p95", max = 0.001 },
        { metric = "requests", stat = "per_second", min = "5/s" },
        { metric = "errors", stat = "share", target = "1%", critical = "5%" } }""")
    found = parameters(tmp_path)
    assert found["slo"] == ["http_response{GET /work} p95 <= 1ms", "requests per_second >= 5/s", "errors share <= 5%"]
    assert (found["from"], found["max"], found["every_s"]) == (1, 2, 3)
    names = [f"{i:03d} " + "x" * 100 for i in range(40)]
    many = ", ".join(f'"http_response{{{name}}} p50 < 45ms"' for name in names)
    stress(tmp_path, slow_target, more=f'duration = "3s", slo = {{ {many} }}')
    assert parameters(tmp_path)["slo"] == [f"http_response{{{name}}} p50 <= 45ms" for name in names]


@pytest.mark.one_thread
@pytest.mark.sanitize
def test_an_slo_on_what_never_comes_ends_the_load(slow_target, tmp_path):
    begun = time.monotonic()
    done, row, capacity = stress(tmp_path, slow_target, more='slo = "http_response{chat} p50 < 45ms"')
    assert capacity == ('1 user: it could not be judged: http_response{chat} p50 <= 45ms: the run had no request "chat"')
    assert time.monotonic() - begun < 30


@pytest.mark.sanitize
def test_a_stress_load_without_a_level_that_holds_misses_its_thresholds(slow_target, tmp_path):
    done, row, capacity = stress(tmp_path, slow_target, first=2, more='duration = "6s"')
    assert capacity.startswith("not found within the duration of 6 s: no level held so far"), capacity
    assert (done.code, row["level"], row["value"]) == (MISSED, "missed", None), done.told()
    assert done.report["result"]["reasons"] == [f"threshold missed: http_response p90 <= 45ms: {capacity}"]


@pytest.mark.sanitize
@pytest.mark.one_thread
def test_a_dead_server_ends_a_stress_load_at_once(tmp_path):
    begun = time.monotonic()
    done, row, capacity = stress(tmp_path, "http://127.0.0.1:1")
    assert capacity == "no request ended ok at 1 user: the most frequent error is connect"
    assert (done.code, row["level"]) == (MISSED, "missed"), done.told()
    assert done.report["result"]["reasons"] == [f"threshold missed: http_response p90 <= 45ms: {capacity}"]
    assert time.monotonic() - begun < 15
    said = {(f["kind"], f.get("about")): f["text"] for f in done.report["findings"]}
    assert said["plateau", None] == "no plateau: 0 levels with ok answers, it needs 2"
    assert said["usl", None] == "no scalability law: 0 levels with ok answers, it needs 6"


LIGHT = """
local pelt = require "pelt"
return {
  load = pelt.load.stress { from = 2, step = 2, max = 4, every = "3s", verify = 1, slo = { "errors share <= 1%" } },
  iteration = function() pelt.http.get("/work") pelt.sleep(0.01) end,
}
"""


@pytest.mark.slow
def test_a_threshold_on_the_capacity_is_of_what_was_found(target, tmp_path):
    (tmp_path / "stress.lua").write_text(LIGHT)
    done = pelt("run", "stress.lua", "--target", target().url, "--allow-invalid", "--run-file", "run.pelt", "--threshold",
                "capacity users >= 4", "--threshold", "capacity users > 5", "--out", "json=report.json", cwd=tmp_path)
    with sqlite3.connect(tmp_path / "run.pelt") as db:
        (capacity,), = db.execute("SELECT text FROM event WHERE kind = 'capacity'")
    assert capacity.startswith("largest level that holds: 4 users, 1 of 1 times; it is the max"), capacity
    assert done.code == MISSED, done.told()
    rows = json.loads((tmp_path / "report.json").read_text())["thresholds"]
    assert [(row["level"], row["value"]) for row in rows] == [("target", 4), ("unjudged", None)]
    said = "threshold unjudged: capacity users >= 5: nothing broke up to the max of the load, 4 users, so it is at least that"
    assert said in " ".join(done.out.split()), done.told()
    assert report_of("run.pelt", tmp_path)["thresholds"] == rows  # the run file says the same


@pytest.mark.slow
def test_a_capacity_that_was_not_found_is_unjudged(target, tmp_path):
    (tmp_path / "stress.lua").write_text(LIGHT)
    done = pelt("run", "stress.lua", "--target", target().url, "--allow-invalid", "--run-file", "run.pelt", "--threshold",
                "capacity users > 1", "--duration", "4s", cwd=tmp_path)
    row, = report_of("run.pelt", tmp_path)["thresholds"]
    assert (done.code, row["level"], row["value"]) == (MISSED, "unjudged", None), done.told()
    assert "threshold unjudged: capacity users >= 1: not found within the duration of 4 s" in " ".join(done.out.split()), done.told()


@pytest.mark.parametrize("load, threshold, said", [
    ("load = { users = 1, duration = '1s' }", "capacity users > 1", "only a stress load looks for it"),
    ("load = pelt.load.stress { from = 1, step = 1, max = 2 }", "capacity per_second > 1/s", "write capacity users"),
    ("load = pelt.load.stress { from = '1/s', step = '1/s', max = '2/s' }", "capacity users > 1", "write capacity per_second"),
    ("load = pelt.load.stress { from = 1, step = 1, max = 2, slo = 'capacity users > 1' }", "errors share < 1%",
     "'capacity' means nothing for a step"),
])
def test_a_capacity_that_the_load_does_not_look_for_is_refused(tmp_path, load, threshold, said):
    (tmp_path / "s.lua").write_text(f"local pelt = require 'pelt' return {{ {load}, iteration = function() end }}")
    done = pelt("run", "s.lua", "--run-file", "run.pelt", "--threshold", threshold, cwd=tmp_path)
    assert done.code == 2 and said in done.err, done.told()
    assert not (tmp_path / "run.pelt").exists()
