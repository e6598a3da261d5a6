"""Alerts: planted faults fire those that they are for, and no others; what is told of them, and to whom."""
import json
import re
import signal
import time
import urllib.request

import pytest

from hook import Hook
from live import Live
from program import MISSED, PASSED, ROOT, SIGTERM_CODE, USAGE, pelt, run
from targets import Target

ALERTS = ROOT / "scenarios/alerts.lua"
NAMES = ["HighErrorRate", "QueueBacklog", "HighMemory", "ServiceDown"]


@pytest.fixture
def live(tmp_path):
    started = []

    def start(*arguments, **options):
        folder = tmp_path / f"live-{len(started)}"
        folder.mkdir()
        started.append(Live(*arguments, cwd=folder, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def turn(server, **knobs):
    body = json.dumps({name.replace("_", "-"): value for name, value in knobs.items()}).encode()
    request = urllib.request.Request(server.url + "/admin/knobs", data=body, method="PUT")
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200


def firing(status):
    return [a["name"] for a in status["alerts"] if a["state"] == "firing"]


def memory_limit_for(server, share):
    used = json.loads(server.get("/health/detailed"))["systems"]["limits"]["memory"]["used"]
    return int(used / share)


@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.slow(15)
def test_planted_faults_fire_exactly_those_and_are_resolved(live, target, tmp_path):
    calm = {"service_time": "constant:2ms", "error_share": "0", "memory_limit": "8g", "workers": 50}
    server = target("--workers", 50, "--service-time", "constant:2ms", "--memory-limit", "8g")  # a worker for each user: none waits
    faults = {
        "HighErrorRate": (lambda: turn(server, error_share="50%"), lambda: turn(server, **calm)),
        "QueueBacklog": (lambda: turn(server, workers=2, service_time="constant:300ms"), lambda: turn(server, **calm)),
        "HighMemory": (lambda: turn(server, memory_limit=memory_limit_for(server, 0.88)), lambda: turn(server, **calm)),
        "ServiceDown": (lambda: server.process.send_signal(signal.SIGSTOP), lambda: server.process.send_signal(signal.SIGCONT)),
    }
    with Hook() as hook:
        going = live("run", ALERTS, "--target", server.url, "--set", "WINDOW=1s", "--set", "QUEUE_MAX=5", "--set", f"WEBHOOK={hook.url}",
                     "-u", 40, "-d", "90s")
        status = going.wait_status(lambda s: s.get("elapsed_s", 0) > 2.5)
        assert {a["name"]: a["state"] for a in status["alerts"]} == dict.fromkeys(NAMES, "quiet"), status["alerts"]
        planted = {}
        for name, (plant, mend) in faults.items():
            planted[name] = going.status()["elapsed_s"]
            plant()
            try:
                assert firing(going.wait_status(firing)) == [name]
            finally:
                mend()
            going.wait_status(lambda s: not firing(s))
        going.process.terminate()
        done = going.wait()
        assert done.code == SIGTERM_CODE, done.told()
        rows = {row["name"]: row for row in done.report["alerts"]}
        for name in NAMES:
            assert [row["state"] for row in rows.values()] == ["resolved"] * 4, rows
            fired = rows[name]["firings"][0]
            assert planted[name] - 1 <= fired["fired_s"] < fired["resolved_s"], (planted, rows[name])
        # The queue of a server that was stopped is there for a moment when it goes on.
        assert [(m["alert"], m["status"]) for m in hook.messages][:8] == [(name, word) for name in NAMES for word in ("firing", "resolved")]
        told = [line for line in done.err.splitlines() if line.startswith("alert: ")]
        assert [re.match(r"alert: (?:warning: )?(fired|resolved): (\w+): ", line).groups() for line in told][:8] == [
            (word, name) for name in NAMES for word in ("fired", "resolved")], told


@pytest.mark.slow
def test_a_server_that_is_gone_fires_what_it_is_for_until_the_end(live, tmp_path):
    folder = tmp_path / "target"
    folder.mkdir()
    server = Target(folder, "--workers", 2)
    try:
        going = live("run", ALERTS, "--target", server.url, "--set", "WINDOW=1s", "-u", 20, "-d", "60s")
        going.wait_status(lambda s: s.get("elapsed_s", 0) > 1.5)
    finally:
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()
    going.wait_status(lambda s: "ServiceDown" in firing(s))
    going.process.terminate()
    done = going.wait()
    states = {row["name"]: row["state"] for row in done.report["alerts"]}
    assert states == {"HighErrorRate": "firing", "QueueBacklog": "quiet", "HighMemory": states["HighMemory"], "ServiceDown": "firing"}, done.told()
    assert re.search(r"^  firing   ServiceDown: http_response count >= 1 over 1s\n +fired at \d+ s, not resolved: count is 0, 1 was wanted$", done.out, re.M), done.told()


# --- what is told

BUSY = """local pelt = require "pelt"
return { load = { users = 2, duration = "%s" }, thresholds = { "users max <= %d" },
  alerts = { webhook = %s, { alert = "Busy", metric = "users", stat = "max", max = 1 }, { alert = "Never", rule = "http_response p50 < 1s" } },
  iteration = function() pelt.sleep("50ms") end }
"""


def busy(folder, webhook=None, duration="2s", most=5):
    path = folder / "busy.lua"
    path.write_text(BUSY % (duration, most, json.dumps(webhook) if webhook else "nil"))
    return path


@pytest.mark.sanitize
def test_alerts_judge_nothing_and_are_in_every_report(tmp_path):
    done = pelt("run", busy(tmp_path), "--run-file", "a.pelt", "--out", "json=a.json", "--allow-invalid", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    busy_row, never = json.loads((tmp_path / "a.json").read_text())["alerts"]
    assert busy_row == {"name": "Busy", "rule": "users max <= 1", "state": "firing", "unjudged": None,
                        "firings": [{"fired_s": 1.0, "resolved_s": None, "why": "max is 2, 1 was allowed"}]}
    assert never == {"name": "Never", "rule": "http_response p50 <= 1s", "state": "unjudged", "unjudged": never["unjudged"], "firings": []}
    assert "\nalerts\n  firing   Busy: users max <= 1\n           fired at 1 s, not resolved: max is 2, 1 was allowed\n  unjudged Never: " in done.out
    assert "alert_fired" not in done.out, "told twice"
    again = pelt("report", "a.pelt", "--out", "json=b.json", cwd=tmp_path)
    assert again.code == PASSED and json.loads((tmp_path / "b.json").read_text())["alerts"] == [busy_row, never]
    assert run(busy(tmp_path, most=1), cwd=tmp_path).code == MISSED


@pytest.mark.sanitize
def test_a_webhook_gets_each_turn_as_json(tmp_path):
    with Hook() as hook:
        done = run(busy(tmp_path, hook.url), cwd=tmp_path)
        assert done.code == PASSED and hook.tries == 1 and hook.types == ["application/json"], done.told()
        message = hook.messages[0]
    assert message["schema"] == "pelt-alert/1" and message["status"] == "firing" and message["alert"] == "Busy"
    assert message["rule"] == "users max <= 1" and message["value"] == 2 and message["at_s"] == 1 and message["since_s"] == 0
    assert message["run"]["id"] == done.report["run"]["id"] and message["run"]["scenario"] == "busy"
    assert message["text"] == "[firing] Busy: max is 2, 1 was allowed (busy, at 1 s)"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message["at"])


@pytest.mark.sanitize
@pytest.mark.slow
def test_a_webhook_that_fails_costs_the_run_nothing_and_is_told_once(tmp_path):
    with Hook(status=500) as hook:
        done = run(busy(tmp_path, hook.url, duration="6s"), cwd=tmp_path)
        assert hook.tries == 3, done.told()
    lines = [line for line in done.err.splitlines() if line.startswith("webhook: ")]
    assert len(lines) == 2 and "an alert was not delivered: it answers 500" in lines[0] and "1 of 1 messages were not delivered" in lines[1], done.told()
    assert "SECRET" not in done.err and done.code == PASSED, done.told()
    assert [row["t"] for row in done.report["seconds"]][:6] == list(range(6))


@pytest.mark.slow
def test_a_webhook_that_never_answers_is_not_waited_for(tmp_path):
    with Hook(status=None) as hook:
        began = time.monotonic()
        done = run(busy(tmp_path, hook.url), cwd=tmp_path)
        assert hook.tries == 1 and done.code == PASSED, done.told()
    assert "1 of 1 messages were not delivered" in done.err and time.monotonic() - began < 12, done.told()


def test_a_webhook_must_be_a_url(tmp_path):
    for url in ("nonsense", "ftp://h/x", "http://user:secret@h/x"):
        for command in ("run", "check"):
            done = pelt(command, busy(tmp_path, url), cwd=tmp_path)
            assert done.code == USAGE and "alerts.webhook: " in done.err and "secret" not in done.err, done.told()


def test_an_alert_on_what_agents_read_needs_one(tmp_path):
    path = tmp_path / "s.lua"
    path.write_text('return { load = { users = 1, duration = 1 }, iteration = print, alerts = { { alert = "Mem", rule = "server.api.memory.ratio max < 80%" } } }')
    done = pelt("run", path, cwd=tmp_path)
    assert done.code == USAGE and "server.api.memory.ratio max <= 80% needs an agent" in done.err, done.told()


def test_alerts_are_of_what_an_agent_reads_where_there_is_one(live, target, agent, tmp_path):
    server = target("--workers", 2)
    api = agent("--port", server.port)
    path = tmp_path / "s.lua"
    path.write_text("""local pelt = require "pelt"
return { target = pelt.env("TARGET"), load = { users = 1, duration = "3s" }, agents = { api = pelt.env("AGENT") },
  alerts = { { alert = "Taken", rule = "server.api.memory.used max < 1" } },
  iteration = function() pelt.http.get("/health") pelt.sleep("100ms") end }
""")
    done = run(path, "--set", f"TARGET={server.url}", "--set", f"AGENT={api.url}", cwd=tmp_path)
    assert done.report["alerts"][0]["state"] == "firing", done.told()


def test_check_lists_alerts_without_the_secret_part_of_the_webhook(tmp_path):
    done = pelt("check", busy(tmp_path, "https://chat.example/services/SECRET"), cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert "alerts     Busy: users max <= 1\n           Never: http_response p50 <= 1s\nwebhook    https://chat.example\n" in done.out, done.told()
