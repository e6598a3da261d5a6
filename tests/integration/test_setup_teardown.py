"""What setup and teardown send is in no figure of the load, and is not lost either: both together are what the server counts."""
import csv
import json
import signal
import time

import jsonschema
import pytest

from program import MISSED, PASSED, ROOT, Running, outcomes_add_up, pelt, report_of

pytestmark = pytest.mark.sanitize

ITERATIONS = 40
SCENARIO = """
local pelt = require "pelt"
local http, check = pelt.http, pelt.check
return {
  name = "apart",
  load = pelt.load.sustained { rate = "40/s", users = 20, duration = "1s" },
  setup = function()
    local r = http.get("/api/status", { name = "login" })
    check("logged in", r.status == 200)
    http.get("/no/such/page", { name = "missing" })
    check("has a page", false)
    http.get("/api/status")
    return { ok = true }
  end,
  iteration = function()
    local r = http.get("/api/status")
    check("answered", r.status == 200)
  end,
  teardown = function() http.get("/api/status", { name = "logout" }) end,
}
"""


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "apart.lua"
    path.write_text(SCENARIO)
    return path


@pytest.fixture
def instance(target):
    return target()


def run_apart(scenario, instance, folder, *options):
    """The run, and where its run file lies."""
    path, report = folder / "run.pelt", folder / "report.json"
    done = pelt("run", scenario, "--target", instance.url, "--quiet", "--allow-invalid", "--run-file", path,
                "--out", f"json={report}", *options, cwd=folder)
    done.report = json.loads(report.read_text())
    return done, path


def test_the_loads_figures_are_the_loads_only_and_all_counts_are_the_servers(instance, tmp_path, scenario):
    done, _ = run_apart(scenario, instance, tmp_path, "--threshold", "errors share <= 0%", "--threshold",
                        f"requests count <= {ITERATIONS}", "--threshold", "checks share >= 100%")
    assert done.code == PASSED, done.told()
    report = done.report
    totals, apart = report["totals"], report["setup_teardown"]
    outcomes_add_up(report)
    assert totals["started"] == totals["outcomes"]["ok"] == totals["started_per_s"] == ITERATIONS
    assert [row["name"] for row in report["requests"]] == ["GET /api/status"]
    assert report["requests"][0]["response_ms"]["count"] == ITERATIONS
    assert [(row["name"], row["failed"]) for row in report["checks"]] == [("answered", 0)]
    assert report["errors"] == []
    assert (apart["started"], apart["outcomes"], apart["sent"]) == \
        (4, {"ok": 3, "http_status": 1}, {"yes": 4, "maybe": 0, "no": 0})
    assert apart["checks"] == [{"name": "logged in", "passed": 1, "failed": 0}, {"name": "has a page", "passed": 0, "failed": 1}]
    assert [(row["class"], row["name"], row["count"]) for row in apart["errors"]] == [("http_status", "missing", 1)]
    assert instance.count()["total"] == totals["started"] + apart["started"]
    jsonschema.validate(report, json.loads((ROOT / "docs/report.schema.json").read_text()))


def test_the_report_read_later_is_the_one_told_at_the_end(instance, tmp_path, scenario):
    done, path = run_apart(scenario, instance, tmp_path, "--out", f"summary={tmp_path / 'end.txt'}")
    later = pelt("report", path, "--out", f"json={tmp_path / 'later.json'}", "--out", f"csv={tmp_path / 'later'}",
                 "--out", f"summary={tmp_path / 'later.txt'}", cwd=tmp_path)
    assert later.code == PASSED, later.told()
    assert json.loads((tmp_path / "later.json").read_text()) == done.report
    summary = (tmp_path / "later.txt").read_text()
    assert summary == (tmp_path / "end.txt").read_text()
    assert "4 exchanges: 3 ok, 1 http_status; 2 checks, 1 failed" in summary, summary
    assert "http_status  missing" in summary and "check failed  has a page" in summary, summary
    with open(tmp_path / "later/setup_teardown.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["name"]: int(row["count"]) for row in rows if row["outcome"] == "all"} == \
        {"login": 1, "missing": 1, "GET /api/status": 1, "logout": 1}
    with open(tmp_path / "later/stats.csv", newline="", encoding="utf-8") as file:
        assert {row["name"] for row in csv.DictReader(file)} == {"GET /api/status"}


def test_a_threshold_on_what_only_setup_sent_is_not_judged(instance, tmp_path, scenario):
    done, _ = run_apart(scenario, instance, tmp_path, "--threshold", "requests{login} count <= 1")
    assert done.code == MISSED, done.told()
    assert done.report["thresholds"][0]["level"] == "unjudged"
    assert 'the load had no request "login"' in done.told()


def test_a_killed_run_has_its_setup(instance, tmp_path, scenario):
    path = tmp_path / "run.pelt"
    running = Running("run", scenario, "--target", instance.url, "--quiet", "--run-file", path, "-d", "60s", cwd=tmp_path)
    deadline = time.monotonic() + 20
    while instance.count()["total"] < 5:  # three of setup's, and some of the load's
        assert time.monotonic() < deadline, "the load never came"
        time.sleep(0.01)
    running.signal(signal.SIGKILL)
    running.wait()
    report = report_of(path, tmp_path)
    assert report["setup_teardown"]["outcomes"] == {"ok": 2, "http_status": 1}
    assert report["verdict"]["status"] == "SUSPECT"
