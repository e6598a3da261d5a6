"""Thresholds of whole runs: the tables of scenarios/, windows, what stops a run, exit codes."""
import json
import re
import signal
import sqlite3
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from program import (FAILED, INVALID, MISSED, PASSED, ROOT, SIGINT_CODE, SIGTERM_CODE, USAGE, Running, bench, if_quiet,
                     in_a_quiet_moment, pelt, report_of, run, tried_until_quiet)

THRESHOLDS = ROOT / "scenarios/thresholds.lua"
ALERTS = ROOT / "scenarios/alerts.lua"


def row_of(report, metric, name, stat):
    found = [row for row in report["thresholds"] if (row["metric"], row["name"], row["stat"]) == (metric, name, stat)]
    assert len(found) == 1, report["thresholds"]
    return found[0]


def scenario(folder, body, thresholds="", load='users = 2, duration = "3s"'):
    path = folder / "scenario.lua"
    path.write_text(f"""
local pelt = require "pelt"
return {{ target = pelt.env("TARGET"), load = {{ {load} }}, thresholds = {{ {thresholds} }},
  iteration = function(user) {body} end }}
""")
    return path


# --- scenarios/thresholds.lua: each row at each level

CHAT_P50, CHAT_P95 = ("http_response", "chat", "p50"), ("http_response", "chat", "p95")
HEALTH, ERRORS = ("http_response", "health", "p95"), ("errors", None, "share")
ANSWERS = ("http_response", None, "per_second")

MANY = ["-u", 100, "-d", "1s", "--set", "THINK=150ms"]
LONGER = ["-u", 80, "-d", "3s", "--set", "THINK=150ms"]
ALONE = ["-u", 1, "-d", "3s", "--set", "THINK=1ms"]


@pytest.mark.parametrize("service, load, levels", [
    pytest.param(["--service-time", "constant:250ms", "--service-for", "work"], MANY,
                 {CHAT_P50: "target", CHAT_P95: "target", HEALTH: "target", ERRORS: "target", ANSWERS: "target"},
                 id="target"),
    pytest.param(["--service-time", "constant:750ms", "--service-for", "work"], MANY,
                 {CHAT_P50: "warning", CHAT_P95: "target"}, id="chat p50 warning"),
    pytest.param(["--service-time", "constant:1500ms", "--service-for", "work"], MANY,
                 {CHAT_P50: "critical", CHAT_P95: "warning"}, id="chat p50 critical, p95 warning"),
    pytest.param(["--service-time", "constant:3s", "--service-for", "work"], MANY,
                 {CHAT_P50: "missed", CHAT_P95: "critical"}, id="chat p50 missed, p95 critical"),
    pytest.param(["--service-time", "constant:5500ms", "--service-for", "work"], MANY,
                 {CHAT_P95: "missed"}, id="chat p95 missed"),
    pytest.param(["--service-time", "constant:75ms", "--error-share", "0.4%"],
                 LONGER, {HEALTH: "warning", ERRORS: "warning"},
                 id="health and errors warning"),
    pytest.param(["--service-time", "constant:150ms", "--error-share", "3%"],
                 LONGER, {HEALTH: "critical", ERRORS: "critical"},
                 id="health and errors critical"),
    pytest.param(["--service-time", "constant:300ms", "--error-share", "20%"], MANY,
                 {HEALTH: "missed", ERRORS: "missed"}, id="health and errors missed"),
    pytest.param(["--service-time", "constant:140ms"], ALONE,
                 {ANSWERS: "warning"}, id="answers warning"),
    pytest.param(["--service-time", "constant:330ms"], ALONE,
                 {ANSWERS: "critical"}, id="answers critical"),
    pytest.param(["--service-time", "constant:900ms"], ALONE,
                 {ANSWERS: "missed"}, id="answers missed"),
])
def test_each_row_of_the_thresholds_is_judged_at_each_level(target, tmp_path, service, load, levels):
    def check(attempt):
        done = run(THRESHOLDS, "--target", target(*service).url, *load, cwd=tmp_path)
        passed = all(row["level"] not in ("missed", "unjudged") for row in done.report["thresholds"])
        assert done.code == (PASSED if passed else MISSED), done.told()
        for row, level in levels.items():
            judged = row_of(done.report, *row)
            assert judged["level"] == level or row != ERRORS, (judged, done.told())
            if_quiet(judged["level"] == level, (judged, done.told()))

    in_a_quiet_moment(check)


# --- scenarios/alerts.lua

class Server:
    """Chats, and tells of itself what it is given: a server whose machine is as bad as wanted."""

    def __init__(self, queue=0, memory=0.5, cpu=0.5, disk=10**10, chat_status=200, chat_s=0.0):
        server = self
        self.looks = 0

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *args):
                pass

            def answer(self, status, value):
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                server.looks += 1
                self.answer(200, {
                    "systems": {"limits": {"workers_queue": {"used": queue}}},
                    "host": {"memory_bytes": 1000, "memory_available_bytes": 1000 * (1 - memory),
                             "cpu_s": 8.0 * server.looks, "cpu_busy_s": 8.0 * cpu * server.looks,
                             "disk_free_bytes": disk}})

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                time.sleep(chat_s)
                self.answer(chat_status, {})

        class Http(ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True
            block_on_close = False

        self.http = Http(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=[0.02], daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.http.shutdown()
        self.http.server_close()


# p95 > 30 s takes longer than a test should: tests/unit/script/threshold_tables_test.c has it.
@pytest.mark.parametrize("figures, alert", [
    pytest.param({}, None, id="none"),
    pytest.param({"queue": 1001}, ("queue", None, "max"), id="queue"),
    pytest.param({"memory": 0.81}, ("memory_share", None, "max"), id="memory"),
    pytest.param({"cpu": 0.91}, ("cpu_share", None, "max"), id="cpu"),
    pytest.param({"disk": 999_999_999}, ("disk_free", None, "min"), id="disk"),
    pytest.param({"chat_status": 500}, ("errors", "chat", "share"), id="errors"),
    pytest.param({"chat_s": 30.0}, ("http_response", "chat", "per_second"), id="throughput"),
])
def test_each_alert_is_raised_by_what_it_is_for(tmp_path, figures, alert):
    with Server(**figures) as server:
        done = run(ALERTS, "--target", server.url, "-u", 40, "-d", "2s", "--grace", "1s", cwd=tmp_path)
    raised = [(row["metric"], row["name"], row["stat"])
              for row in done.report["thresholds"] if row["level"] == "missed"]
    expected = [] if alert is None else [alert]
    if alert == ("http_response", "chat", "per_second"):
        expected = [("errors", "chat", "share"), alert]  # what got no answer was cancelled, which is an error
    assert raised == expected, done.told()
    assert done.code == (MISSED if raised else PASSED) or alert == ("http_response", "chat", "per_second"), done.told()


def test_the_reference_service_tells_all_that_alerts_ask_for(target, tmp_path):
    done = run(ALERTS, "--target", target("--workers", 2, "--service-time", "constant:1ms").url, "-u", 40, "-d", "2s",
               "--grace", "1s", cwd=tmp_path)
    assert not [row for row in done.report["thresholds"] if row["level"] == "unjudged"], done.told()


def test_alerts_are_of_what_an_agent_reads_where_there_is_one(target, agent, tmp_path):
    server = target("--workers", 2, "--service-time", "constant:1ms")
    api = agent("--port", server.port)
    done = run(ALERTS, "--target", server.url, "--set", f"AGENT={api.url}", "-u", 40, "-d", "3s", cwd=tmp_path)
    rows = {row["metric"]: row["level"] for row in done.report["thresholds"]}
    assert rows["server.alerts.memory.ratio"] != "unjudged" and rows["server.alerts.cpu.ratio"] != "unjudged", done.told()
    assert rows["server.alerts.disk_space.free"] != "unjudged", done.told()
    assert rows["server.alerts.listen_backlog.used"] == "target", done.told()
    assert "memory_share" not in rows, rows


def test_a_scenario_takes_both_tables_by_require(target, tmp_path):
    for path in (THRESHOLDS, ALERTS):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "own.lua").write_text("""
local thresholds, alerts = require("thresholds").thresholds, require("alerts").thresholds
return { load = { users = 1, duration = "1s" }, iteration = print,
  thresholds = { "errors share < 2%", thresholds, alerts } }
""")
    done = pelt("check", "own.lua", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert "errors share <= 2%" in done.out and "http_response{chat} p95 <= 1s (target)" in done.out, done.told()
    assert "queue max <= 1000" in done.out and "http_response{chat} per_second >= 10/m" in done.out, done.told()


# --- what stops a run

SLEEPY = 'pelt.http.get("/health", { name = "h" }) pelt.sleep("5ms")'
STATUS = 'pelt.http.get("/status/" .. (user.iteration < 200 and 200 or 500), { name = "h" }) pelt.sleep("5ms")'


def stopped(done, at_s, length_s):
    """The run was stopped when second at_s - 1 was over, says so everywhere, and ended as after a signal."""
    missed = [row for row in done.report["thresholds"] if row.get("aborted")]
    assert len(missed) == 1 and missed[0]["level"] == "missed" and missed[0]["to_s"] == at_s, done.told()
    assert done.code == MISSED, done.told()
    assert done.report["result"]["exit_code"] == MISSED
    reason = done.report["result"]["reasons"][-1]
    assert f"threshold missed, which stopped the run at {at_s} s: " in reason and re.search("was (allowed|wanted)", reason), reason
    assert at_s <= done.report["run"]["duration_s"], done.report["run"]
    if_quiet(done.report["run"]["duration_s"] < at_s + 0.5, done.report["run"])
    assert "threshold missed" in done.err and "stopping" in done.err, done.told()
    assert done.seconds < length_s - 1, done.told()
    return missed[0]


@pytest.mark.parametrize("threshold, at_s", [
    ("http_response max < 1us abort", 1),
    ("http_response max < 1us abort delay 3s", 3),
    ("http_response p95 < 1us over 2s abort", 2),
    ("http_response max < 1us for 3s abort", 3),
    ("http_response max < 1us over 2s for 3s abort", 4),
    ("requests per_second > 100000/s over 2s abort", 2),
    ("apdex{h} 1us > 0.9 abort", 1),
    ("users max < 1 abort", 1),
])
@tried_until_quiet
def test_a_broken_threshold_stops_the_run_as_its_rule_says(target, tmp_path, threshold, at_s):
    path = scenario(tmp_path, SLEEPY, f'"{threshold}"', 'users = 2, duration = "20s"')
    stopped(run(path, "--target", target().url, cwd=tmp_path), at_s, 20)


@tried_until_quiet
def test_what_breaks_later_stops_the_run_then(target, tmp_path):
    path = scenario(tmp_path, STATUS, '"errors share < 5% for 2s abort"', 'users = 2, duration = "20s"')
    done = run(path, "--target", target().url, cwd=tmp_path)
    row = stopped(done, done.report["thresholds"][0]["to_s"], 20)
    assert row["from_s"] >= 1 and row["to_s"] - row["from_s"] == 2, row


@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.slow(30)
@tried_until_quiet
def test_a_trend_stops_the_run_once_it_has_30_points(target, tmp_path):
    path = scenario(tmp_path, 'pelt.http.get("/health") pelt.sleep(0.004 + user.iteration / 500000)',
                    '"requests per_second trend > -10% abort"', 'users = 2, duration = "60s"')
    row = stopped(run(path, "--target", target().url, cwd=tmp_path), 30, 60)
    assert row["value"] < -0.1 and row["from_s"] == 0, row


def test_a_run_that_holds_is_not_stopped(target, tmp_path):
    rules = ["errors share < 1% abort", "http_response p95 < 10s over 2s abort", "http_response max < 10s for 2s abort",
             "requests count > 1000000 abort", "requests{never} per_second > 1/s abort"]
    path = scenario(tmp_path, SLEEPY, ", ".join(f'"{rule}"' for rule in rules), 'users = 2, duration = "4s"')
    done = run(path, "--target", target().url, cwd=tmp_path)
    assert done.report["run"]["duration_s"] == 4 and not any(row.get("aborted") for row in done.report["thresholds"])
    levels = [row["level"] for row in done.report["thresholds"]]
    assert levels == ["target", "target", "target", "missed", "unjudged"], done.told()  # the last two: at the end


@tried_until_quiet
def test_abort_on_fail_makes_all_thresholds_stop_the_run(target, tmp_path):
    url = target().url + "/health"
    options = ["-c", 2, "-d", "10s", "--threshold", "http_response p95 < 1us"]
    stopped(bench(url, *options, "--abort-on-fail", cwd=tmp_path), 1, 10)
    done = bench(url, "-c", 2, "-d", "2s", "--threshold", "http_response p95 < 1us", cwd=tmp_path)
    assert done.code == MISSED and done.report["run"]["duration_s"] == 2, done.told()


@tried_until_quiet
def test_teardown_runs_and_what_is_in_flight_is_answered_after_an_abort(target, tmp_path):
    path = tmp_path / "scenario.lua"
    path.write_text("""
local pelt = require "pelt"
return { target = pelt.env("TARGET"), load = { users = 4, duration = "20s", grace = "5s" },
  thresholds = { "users max < 1 abort" },
  teardown = function() pelt.http.get("/status/204", { name = "over" }) end,
  iteration = function() pelt.http.get("/work") end }
""")
    (tmp_path / "run.pelt").unlink(missing_ok=True)
    done = pelt("run", path, "--target", target("--service-time", "constant:400ms").url, "--quiet", "--allow-invalid",
                "--run-file", "run.pelt", cwd=tmp_path)
    report = report_of("run.pelt", tmp_path)
    assert done.code == MISSED and set(report["totals"]["outcomes"]) == {"ok"}, done.told()
    assert report["setup_teardown"]["outcomes"] == {"ok": 1}, report["setup_teardown"]
    db = sqlite3.connect(tmp_path / "run.pelt")
    [(t_s, text)] = db.execute("SELECT t_s, text FROM event WHERE kind = 'abort'")
    if_quiet(t_s < 1.5, t_s)
    assert 1 <= t_s and text == "threshold missed: users max <= 1 abort: max is 4, 1 was allowed (0 s to 1 s)"


# --- from the run file

@pytest.mark.parametrize("extra", ["", "http_response{h} p90 < 1us over 2s for 2s abort"], ids=["whole", "stopped"])
def test_what_is_judged_from_the_file_of_a_killed_run_is_what_was_judged_live(target, tmp_path, extra):
    rules = ["http_response{h} p95 < 1us over 2s", "http_response max < 1s for 2s", "requests per_second > 1/s for 3s",
             "http_response mean trend < 1% over 2s", "requests{h} per_second > 1000000/s over 3s for 2s",
             "apdex{h} 20ms > 0.99 over 2s", "goodput{h} 1us share > 95% for 2s", "checks{c} share > 99% over 2s",
             "orders count > 10 over 2s", "orders{kind=b} per_second > 1000/s", "depth max < 3 over 2s",
             "waits p90 < 1us for 2s", "seen share > 90% over 2s", "iteration p90 < 1us over 2s",
             "bytes_received per_second > 1g/s over 2s", "users min > 0", "errors share < 1%",
             "dropped count < 1 over 2s",
             *([extra] if extra else [])]
    path = tmp_path / "scenario.lua"
    path.write_text(f"""
local pelt = require "pelt"
local orders, depth = pelt.metric.counter("orders"), pelt.metric.gauge("depth")
local waits, seen = pelt.metric.trend("waits"), pelt.metric.share("seen")
return {{ target = pelt.env("TARGET"), load = {{ users = 3, duration = "5s" }},
  thresholds = {{ {", ".join(f'"{rule}"' for rule in rules)} }},
  iteration = function(user)
    local r = pelt.http.get("/health", {{ name = "h" }})
    pelt.check("c", user.rng:uniform(0, 1) < 0.9)
    orders:add(1, {{ kind = user.rng:uniform(0, 1) < 0.5 and "a" or "b" }})
    depth:add(user.rng:uniform(0, 5)) waits:add(user.rng:uniform(0, 1)) seen:add(user.rng:uniform(0, 1) < 0.5)
    pelt.sleep("3ms")
  end }}
""")
    done = pelt("run", path, "--target", target().url, "--quiet", "--allow-invalid", "--run-file", "run.pelt",
                cwd=tmp_path)
    assert done.code == MISSED, done.told()
    live = report_of("run.pelt", tmp_path)
    db = sqlite3.connect(tmp_path / "run.pelt")
    db.execute("DELETE FROM verdict")
    db.execute("UPDATE threshold SET level = NULL, value = NULL, needs = NULL, why = NULL, from_s = NULL, to_s = NULL,"
               " aborted = NULL")
    db.commit()
    db.close()
    killed = pelt("report", "run.pelt", "--out", "json=-", cwd=tmp_path)
    again = json.loads(killed.out)
    assert again["thresholds"] == live["thresholds"]
    levels = [row["level"] for row in live["thresholds"]]
    assert "missed" in levels and "target" in levels, levels
    assert bool(extra) == any(row.get("aborted") for row in live["thresholds"])


def test_windows_stand_in_summary_json_and_csv(target, tmp_path):
    done = pelt("bench", target().url + "/health", "-c", 2, "-d", "3s", "--no-run-file", "--quiet", "--allow-invalid",
                "--threshold", "http_response p95 < 1us over 2s for 2s", "--threshold", "apdex 1s > 0.5",
                "--out", "json=r.json", "--out", "csv=tables", "--out", "summary=-", cwd=tmp_path)
    assert done.code == MISSED, done.told()
    assert "http_response p95 <= 1us over 2s for 2s" in done.out and "1us was allowed (0 s to 3 s)" in done.out
    window, apdex = json.loads((tmp_path / "r.json").read_text())["thresholds"]
    assert (window["over_s"], window["for_s"], window["from_s"], window["to_s"]) == (2, 2, 0, 3)
    assert apdex["t_ms"] == 1000 and apdex["value"] == 1 and "from_s" not in apdex and apdex["stat"] == "score"
    header, first, second = (tmp_path / "tables/thresholds.csv").read_text().splitlines()
    assert header.endswith("why,t_ms,over_s,for_s,trend,abort,delay_s,from_s,to_s,aborted")
    assert first.endswith(",,2,2,,,,0,3,") and second.endswith(",1000,,,,,,,,"), (first, second)


# --- each exit code, of a run; of every two the first: tests/unit/run/judge_test.c

@pytest.mark.parametrize("code, options, said", [
    (PASSED, [], None),
    (FAILED, ["--out", "json=/dev/full"], "No space left"),
    (USAGE, ["--threshold", "http_response p95 < 5"], "p95"),
    (MISSED, ["--threshold", "requests count < 0"], "threshold missed: requests count <= 0"),
])
def test_each_exit_code_has_its_run(target, tmp_path, code, options, said):
    done = pelt("bench", target().url + "/health", "-c", 1, "-d", "500ms", "--allow-invalid", "--no-run-file", *options,
                cwd=tmp_path)
    assert done.code == code, done.told()
    assert said is None or said in done.out + done.err, done.told()


def test_a_run_that_is_not_to_be_believed_is_4_before_its_missed_threshold(tmp_path):
    done = pelt("bench", "http://127.0.0.1:9/", "-c", 1, "-d", "300ms", "--strict", "--no-run-file",
                "--threshold", "errors share < 1%", cwd=tmp_path)
    assert done.code == INVALID and "the run is SUSPECT" in done.out and "threshold missed" in done.out, done.told()


def test_a_script_error_is_2_before_a_missed_threshold(target, tmp_path):
    path = scenario(tmp_path, 'error("oops")', '"iteration count < 1"', 'users = 1, duration = "300ms"')
    done = pelt("run", path, "--target", target().url, "--no-run-file", cwd=tmp_path)
    assert done.code == USAGE and "oops" in done.out and "threshold missed" in done.out, done.told()


@pytest.mark.parametrize("number, code", [(signal.SIGINT, SIGINT_CODE), (signal.SIGTERM, SIGTERM_CODE)])
def test_a_signal_goes_before_a_missed_threshold(target, tmp_path, number, code):
    running = Running("bench", target().url + "/health", "-c", 1, "-d", "20s", "--no-run-file", "--allow-invalid",
                      "--threshold", "requests count < 0", cwd=tmp_path)
    time.sleep(1.5)
    running.signal(number)
    done = running.wait()
    assert done.code == code and "threshold missed: requests count <= 0" in done.out, done.told()
