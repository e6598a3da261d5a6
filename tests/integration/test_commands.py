"""Each command does what its help says, on a real server."""
import csv
import json
import os
import re
import resource
import signal
import socket
import time

import pytest

from nginx import free_port
from program import FAILED, MISSED, PASSED, ROOT, USAGE, Running, bench, pelt, report_of, run
from targets import Target

pytestmark = pytest.mark.sanitize

SCENARIO = """
local pelt = require "pelt"
return {
  name = "two-steps",
  load = pelt.load.sustained { users = 2, duration = "1s" },
  setup = function() return { greeting = "hello" } end,
  iteration = function(user, data)
    local r = pelt.http.get("/api/status")
    pelt.check("answered", r.status == 200)
    pelt.check("data came along", data.greeting == "hello")
    pelt.http.post("/api/chat", { json = { message = data.greeting }, name = "chat" })
  end,
}
"""


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "two-steps.lua"
    path.write_text(SCENARIO)
    return path


def test_run_reports_requests_by_name_and_checks(target, tmp_path, scenario):
    instance = target()
    done = run(scenario, "--target", instance.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert {row["name"] for row in done.report["requests"]} == {"GET /api/status", "chat"}
    counted = instance.count()["paths"]
    assert {row["name"]: row["started"] for row in done.report["requests"]} == \
        {"GET /api/status": counted["/api/status"], "chat": counted["/api/chat"]}
    checks = {row["name"]: (row["passed"], row["failed"]) for row in done.report["checks"]}
    assert checks == {"answered": (counted["/api/status"], 0), "data came along": (counted["/api/status"], 0)}


def test_check_says_what_would_run_and_sends_nothing(target, tmp_path, scenario):
    instance = target()
    done = pelt("check", scenario, "--target", instance.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert "2 users" in done.out, done.out
    assert instance.count()["total"] == 0


def test_check_once_sends_one_iteration_and_prints_each_exchange(target, tmp_path, scenario):
    instance = target()
    done = pelt("check", scenario, "--once", "--target", instance.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert instance.count()["paths"] == {"/api/status": 1, "/api/chat": 1}
    assert "/api/status" in done.out and "chat" in done.out and "200" in done.out, done.out


def test_check_once_says_which_checks_held(target, tmp_path):
    path = tmp_path / "s.lua"
    path.write_text("local pelt = require 'pelt' return { setup = function() pelt.check('set up', true) end, "
                    "iteration = function() pelt.check('is\\27 here', pelt.http.get('/api/status').status == 200) "
                    "pelt.check('never', false) for i = 1, 3 do pelt.check('sometimes', i == 2) end end }")
    done = pelt("check", path, "--once", "--target", target().url, cwd=tmp_path)
    assert done.code == PASSED, done.told()  # as in a run: a threshold on checks is what fails it
    told = done.out[done.out.index("checks  "):].splitlines()
    assert [line[11:] for line in told[:4]] == ["set up: passed", "is? here: passed", "never: failed",
                                                "sometimes: failed 2 of 3 times"], done.out


def test_check_once_says_what_a_script_that_raised_had_checked(tmp_path):
    path = tmp_path / "s.lua"
    path.write_text("local pelt = require 'pelt' return { iteration = function() pelt.check('first', true) error('oops') end }")
    done = pelt("check", path, "--once", cwd=tmp_path)
    assert done.code == USAGE, done.told()
    assert "first: passed" in done.out
    assert "s.lua:1: oops" in done.err


@pytest.mark.one_thread
@pytest.mark.parametrize("threshold, code, level", [
    ("http_response p50 < 10s", PASSED, "target"),
    ("http_response p50 < 1us", MISSED, "missed"),
    ("http_response p99.99 < 10s", MISSED, "unjudged"),
])
def test_a_threshold_decides_the_exit_code(target, tmp_path, threshold, code, level):
    done = bench(target().url + "/health", "--rate", "100/s", "-d", "1s", "--threshold", threshold, cwd=tmp_path)
    assert done.code == code, done.told()
    assert done.report["thresholds"][0]["level"] == level
    assert done.report["result"]["exit_code"] == code


@pytest.mark.one_thread
def test_percentiles_without_enough_samples_are_not_given(target, tmp_path):
    done = bench(target().url + "/health", "--rate", "100/s", "-d", "1s", cwd=tmp_path)
    response = done.report["requests"][0]["response_ms"]
    assert response["p95"] is not None and response["p99"] is None
    assert "n/a (needs 368)" in done.out, done.out


@pytest.mark.one_thread
def test_wait_for_waits_for_the_server(tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}/health"
    running = Running("bench", url, "-c", 1, "-d", "1s", "--no-run-file", "--allow-invalid", "--wait-for", url, "--wait-timeout", "20s",
                      cwd=tmp_path)
    time.sleep(0.5)
    assert running.process.poll() is None
    instance = Target(tmp_path, "--listen", f"127.0.0.1:{port}")
    done = running.wait()
    assert instance.stop() == 0
    assert done.code == PASSED, done.told()


def test_wait_for_gives_up(tmp_path):
    url = f"http://127.0.0.1:{free_port()}/health"
    done = pelt("bench", url, "-c", 1, "-d", "1s", "--no-run-file", "--wait-for", url, "--wait-timeout", "500ms",
                cwd=tmp_path)
    assert done.code in (FAILED, USAGE) and url in done.err and done.seconds < 20, done.told()


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_waiting(tmp_path, number, code):
    url = f"http://127.0.0.1:{free_port()}/health"
    running = Running("bench", url, "-d", "1s", "--no-run-file", "--wait-for", url, cwd=tmp_path)
    running.until("waiting up to")
    running.process.send_signal(number)
    done = running.wait()
    assert done.code == code and f"stopped by {number.name} after waiting" in done.err and done.seconds < 20, done.told()  # it would wait for 60 s


@pytest.mark.one_thread
@pytest.mark.slow
def test_wait_for_names_the_last_failure_whenever_it_ends(tmp_path):
    """Also while it holds back from a port that refused, up to 1 s after some tries: nothing was asked then."""
    url = f"http://127.0.0.1:{free_port()}/health"
    waiting = [Running("bench", url, "-d", "1s", "--no-run-file", "--wait-for", url, "--wait-timeout", f"{ms}ms", cwd=tmp_path)
               for ms in (300, 4600, 5000, 5400, 5800)]
    for done in [running.wait() for running in waiting]:
        assert done.code == USAGE and "Connection refused" in done.err, done.told()


def test_wait_for_names_a_server_that_is_silent(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        done = pelt("bench", url, "-d", "1s", "--no-run-file", "--wait-for", url, "--wait-timeout", "500ms", cwd=tmp_path)
    assert done.code == USAGE and "takes the question and does not answer" in done.err, done.told()


@pytest.mark.one_thread
def test_report_gives_every_format_later(target, tmp_path):
    path = tmp_path / "run.pelt"
    done = pelt("bench", target().url + "/health", "--rate", "400/s", "-d", "1s", "--quiet", "--allow-invalid", "--run-file", path,
                "--out", f"json={tmp_path / 'then.json'}", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    later = pelt("report", path, "--out", f"csv={tmp_path / 'later'}", cwd=tmp_path)
    assert later.code == PASSED, later.told()
    with open(tmp_path / "later/stats.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows and all(None not in row.values() for row in rows)
    assert json.loads((tmp_path / "then.json").read_text()) == report_of(path, tmp_path)
    assert pelt("report", path, cwd=tmp_path).out == done.out


@pytest.mark.one_thread
def test_default_run_files_go_to_pelt_runs(target, tmp_path):
    done = pelt("bench", target().url + "/health", "-c", 1, "-d", "1s", "--quiet", "--allow-invalid", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    files = list((tmp_path / "pelt-runs").iterdir())
    assert len(files) == 1 and files[0].suffix == ".pelt", files
    assert str(files[0].relative_to(tmp_path)) in done.out


@pytest.mark.one_thread
def test_kept_scenarios_are_sound(target, tmp_path):
    paths = sorted((ROOT / "scenarios").glob("*.lua"))
    assert paths
    for path in paths:
        done = pelt("check", path, "--once", "--target", target().url, cwd=tmp_path)
        assert done.code == PASSED, (path, done.told())


def test_doctor_says_of_each_sign_what_was_found_and_what_to_do(tmp_path):
    done = pelt("doctor", "--out", f"json={tmp_path}/signs.json", cwd=tmp_path, env={**os.environ, "SSL_CERT_FILE": "/no/such/file"})
    assert done.code == PASSED, done.told()
    document = json.loads((tmp_path / "signs.json").read_text())
    signs = {sign["what"]: sign for sign in document["signs"]}
    assert document["schema"] == "pelt-doctor/1" and len(signs) == 14
    for what, sign in signs.items():
        assert f"{what:16} {sign['level']:7} {sign['found']}" in done.out.splitlines(), done.out
        assert (sign["advice"] is None) == (sign["level"] in ("fine", "unknown")), sign
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert signs["descriptors"]["found"].endswith(f"at most {hard}")
    assert signs["CA certificates"]["advice"].startswith("SSL_CERT_FILE /no/such/file")
    only = pelt("doctor", "--out", "json=-", cwd=tmp_path)
    assert only.code == PASSED and json.loads(only.out)["schema"] == "pelt-doctor/1"
    refused = pelt("doctor", "--out", "csv=x", cwd=tmp_path)
    assert refused.code == USAGE and "doctor writes json=PATH only" in refused.err, refused.told()
