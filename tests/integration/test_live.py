"""The live page of a run: its events, figures and JSON, who may ask for them, and what slow or strange viewers cost: nothing."""
import json
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

from live import Live
from program import PASSED, USAGE, pelt

pytestmark = pytest.mark.sanitize

HOSTILE = 'a"b\\\'<script>alert(1)</script>&#10;\n\ndata: {"t": 99}\r\nid: 7\x01 \u2028é'


@pytest.fixture
def live(tmp_path):
    """live(command, what, *options) starts a run with a live page; what still goes after the test is killed."""
    started = []

    def start(*arguments, **options):
        folder = tmp_path / f"live-{len(started)}"
        folder.mkdir()
        started.append(Live(*arguments, cwd=folder, **options))
        return started[-1]

    yield start
    for run in started:
        run.stop()


def lua_text(text):
    return "\"" + "".join(f"\\{b:03d}" for b in text.encode()) + "\""


def scenario(folder, body="pelt.sleep('20ms')", name="s", load='users = 3, duration = "4s"', more=""):
    path = folder / "scenario.lua"
    path.write_text(f"""local pelt = require "pelt"
return {{ target = pelt.env("TARGET"), load = {{ {load} }}, {more}
  iteration = function(user) pelt.http.get("/health", {{ name = {lua_text(name)} }}) {body} end }}
""")
    return path


def seconds_of(events):
    return [e.data for e in events if e.kind == "second"]


# --- what is told

def test_seconds_are_those_of_the_report_and_the_end_has_its_judgement(live, target, tmp_path):
    run = live("run", scenario(tmp_path), "--set", f"TARGET={target().url}", "--threshold", "http_response p50 < 5s")
    events = list(run.events())
    done = run.wait()
    assert done.code == PASSED, done.told()
    for told, row in zip(seconds_of(events), done.report["seconds"], strict=True):
        assert {key: told[key] for key in row if key != "response_ms"} == {key: row[key] for key in row if key != "response_ms"}
        assert told["response_ms"] == {**row["response_ms"], "max": told["response_ms"]["max"]}
        assert {"waiting", "in_flight", "planned", "dropped", "bytes_sent", "bytes_received"} <= set(told)
    numbered = [int(e.id.split(":")[1]) for e in events if e.id]
    assert numbered == list(range(1, len(numbered) + 1)), numbered
    assert {e.id.split(":")[0] for e in events if e.id} == {done.report["run"]["id"]}
    end = next(e for e in events if e.kind == "end").data
    assert end["phase"] == "ended" and end["totals"]["started"] == done.report["totals"]["started"]
    assert end["judgement"]["verdict"] == done.report["verdict"] and end["judgement"]["thresholds"] == done.report["thresholds"]
    assert end["judgement"]["result"] == done.report["result"]


def test_events_come_each_second_and_a_reconnect_gets_what_it_missed(live, target, tmp_path):
    run = live("run", scenario(tmp_path, load='users = 2, duration = "6s"'), "--set", f"TARGET={target().url}")
    first = run.events()
    before = first.until(lambda e: e.kind == "second" and e.data["t"] == 0)
    first.close()
    run.wait_status(lambda s: s["elapsed_s"] > 3.2)
    last = [e.id for e in before if e.id][-1]
    after = list(run.events(last_id=last))
    assert [row["t"] for row in seconds_of(before) + seconds_of(after)] == list(range(6)) or seconds_of(after)[-1]["t"] == 6
    assert after[0].kind == "status" and not [e for e in after if e.kind == "missed"]
    assert run.wait().code == PASSED


def test_an_id_of_another_run_gets_all_of_this_one(live, target, tmp_path):
    run = live("run", scenario(tmp_path, load='users = 1, duration = "3s"'), "--set", f"TARGET={target().url}")
    run.wait_status(lambda s: s.get("elapsed_s", 0) > 1.2)
    for strange in ("0123456789abcdef:1", "nonsense", "x" * 3000, ":", "99999999999999999999999"):
        stream = run.events(last_id=strange)
        assert seconds_of(stream.until(lambda e: e.kind == "second"))[0]["t"] == 0
        stream.close()
    run_id = run.status()["run"]["id"]
    stream = run.events(last_id=f"{run_id}:999999")  # of this run, and not yet there
    assert seconds_of(stream.until(lambda e: e.kind == "second"))[0]["t"] == 0
    stream.close()


def test_the_json_api_has_status_seconds_and_events(live, target, tmp_path):
    more = 'alerts = { { alert = "Busy", metric = "users", stat = "max", max = 1 } },'
    run = live("run", scenario(tmp_path, more=more), "--set", f"TARGET={target().url}")
    status = run.wait_status(lambda s: s.get("elapsed_s", 0) > 2.2)
    assert status["run"]["scenario"] == "scenario" and status["phase"] == "load" and status["loop"] == "closed"
    assert status["users"] == 3 and status["requests"][0]["name"] == "s" and status["judgement"] is None
    assert status["alerts"] == [{"name": "Busy", "rule": "users max <= 1", "state": "firing"}]
    seconds = run.json("/api/v1/seconds")["seconds"]
    assert [row["t"] for row in seconds] == list(range(len(seconds))) and len(seconds) >= 2
    assert [row["t"] for row in run.json("/api/v1/seconds?from=1&to=2")["seconds"]] == [1]
    assert run.json("/api/v1/seconds?from=1000")["seconds"] == []
    event = run.json("/api/v1/events")["events"][0]
    assert event["kind"] == "alert_fired" and event["alert"] == "Busy" and event["t_s"] == 1
    for path in ("/api/v1/seconds?from=", "/api/v1/seconds?from=x", "/api/v1/seconds?form=1", "/api/v1/seconds?from=99999999999999999999"):
        answer, text = run.request(path)
        assert answer.status == 400 and json.loads(text)["error"], (path, text)
    answer, text = run.request("/nowhere")
    assert answer.status == 404 and "/api/v1/status" in json.loads(text)["error"]


def promtool(text):
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    return [line for line in (done.stdout + done.stderr).splitlines() if line]


def samples(text):
    return dict(re.findall(r"^([a-z_:]+(?:\{.*\})?) (\S+)$", text, re.M))


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool: install prometheus")
def test_metrics_are_what_prometheus_reads(live, target, tmp_path):
    more = 'alerts = { { alert = "Busy", metric = "users", stat = "max", max = 1 } },'
    run = live("run", scenario(tmp_path, name=HOSTILE, more=more), "--set", f"TARGET={target().url}")
    run.wait_status(lambda s: s.get("elapsed_s", 0) > 1.5)
    plain = run.request("/metrics")
    assert plain[0].headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert promtool(plain[1]) == []
    answer, text = run.request("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0, text/plain;q=0.5"})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith("\n# EOF\n") and text.count("# EOF") == 1
    found = samples(text)
    assert found["pelt_users"] == "3" and found['pelt_alert_firing{alert="Busy"}'] == "1" and found['pelt_level{loop="closed"}'] == "3"
    started = [float(value) for key, value in found.items() if key.startswith("pelt_requests_total{")]
    again = samples(run.text("/metrics", headers={"Accept": "application/openmetrics-text"}))
    assert started[0] > 0 and [float(v) for k, v in again.items() if k.startswith("pelt_requests_total{")][0] >= started[0]


def test_strange_names_stay_data(live, target, tmp_path):
    run = live("run", scenario(tmp_path, name=HOSTILE, body='print("\\n\\nevent: end\\ndata: {}") error("data: x\\n\\nid: 9")',
                               load='users = 1, duration = "2s", iterations = 3'),
               "--set", f"TARGET={target().url}", "--allow-script-errors")
    events = list(run.events())
    done = run.wait()
    assert [e.kind for e in events if e.kind not in ("status", "second", "happened")] == ["end"], done.told()
    name = done.report["requests"][0]["name"]
    assert "\n" not in name and "<script>" in name
    assert next(e for e in events if e.kind == "end").data["requests"][0]["name"] == name
    assert any(e.kind == "happened" and e.data["kind"] == "script_error" and "\n\nid: 9" in e.data["text"] for e in events)


# --- who may ask

ASKED_BY = [
    ({"Host": "evil.example"}, 403), ({"Host": "127.0.0.1.evil.example:80"}, 403), ({"Host": "10.0.0.1"}, 403), ({"Host": ""}, 403),
    ({"Host": "localhost:1"}, 200), ({"Host": "[::1]"}, 200), ({"Host": "a.localhost"}, 200),
    ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403),
]


def test_only_pages_and_names_of_this_host_are_answered(live, target, tmp_path):
    run = live("run", scenario(tmp_path, load='users = 1, duration = "20s"'), "--set", f"TARGET={target().url}")
    for headers, status in ASKED_BY:
        for path in ("/", "/events", "/metrics", "/api/v1/status"):
            connection = Raw(run.address, path, headers)
            assert connection.status == status, (path, headers, connection.head)
            assert "access-control" not in connection.head.lower() and "nosniff" in connection.head
            connection.close()


class Raw:
    """A GET as it is written here, of which only the head is read."""

    def __init__(self, address, path, headers, method="GET"):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        fields = {"Host": address, **headers}
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\n".encode() + b"".join(f"{k}: {v}\r\n".encode() for k, v in fields.items()) + b"\r\n")
        self.head = ""
        while "\r\n\r\n" not in self.head:
            piece = self.socket.recv(4096).decode()
            assert piece, self.head
            self.head += piece
        self.status = int(self.head.split()[1])

    def close(self):
        self.socket.close()


def test_nothing_can_be_changed(live, target, tmp_path):
    run = live("run", scenario(tmp_path, load='users = 1, duration = "3s"'), "--set", f"TARGET={target().url}")
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer, _ = run.request("/api/v1/status", method=method)
        assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD"
    assert run.request("/events", method="HEAD")[0].status == 405
    assert run.request("/api/v1/status", method="HEAD")[0].status == 200
    assert run.request("/api/v1/status", body="x")[0].status == 400


def test_addresses_of_others_are_refused_before_anything_is_sent(tmp_path):
    for address, says in (("0.0.0.0:9647", "loopback"), ("192.168.1.5:80", "loopback"), ("[::]:80", "loopback"), ("example.com:80", "loopback"),
                          ("127.0.0.1:99999", "port"), ("127.0.0.1:", "loopback"), ("[::1", "loopback")):
        done = pelt("bench", "http://127.0.0.1:9/", f"--web={address}", "-d", "1s", cwd=tmp_path)
        assert done.code == USAGE and done.err.startswith("pelt: error: --web: ") and says in done.err, done.told()
        assert done.err.count("\n") == 1 and not (tmp_path / "pelt-runs").exists(), done.told()


def test_a_taken_port_is_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = pelt("bench", "--web", port, "http://127.0.0.1:9/", "-d", "1s", cwd=tmp_path)
    assert done.code == USAGE and f"cannot listen on 127.0.0.1:{port}: Address already in use" in done.err, done.told()


def test_the_address_may_be_left_out_before_the_operand(tmp_path):
    done = pelt("run", "--web", "nowhere.lua", cwd=tmp_path)
    assert done.code == USAGE and "nowhere.lua: No such file" in done.err, done.told()


# --- what viewers cost

def test_viewers_that_do_not_read_block_nobody(live, target, tmp_path):
    run = live("run", scenario(tmp_path, load='users = 3, duration = "4s"'), "--set", f"TARGET={target().url}")
    deaf = [Raw(run.address, "/events", {}) for _ in range(8)]
    half = socket.create_connection(tuple(run.address.rsplit(":", 1)))
    half.sendall(b"GET /events HT")
    seen = [None] * 10

    def watch(i):
        seen[i] = [row["t"] for row in seconds_of(run.events())]

    watchers = [threading.Thread(target=watch, args=[i]) for i in range(10)]
    for watcher in watchers:
        watcher.start()
    for watcher in watchers:
        watcher.join()
    ended = time.monotonic()
    done = run.wait()
    assert done.code == PASSED, done.told()
    assert all(s == seen[0] and s[:4] == [0, 1, 2, 3] for s in seen), seen
    assert time.monotonic() - ended < 20, "the process waits for viewers"
    for connection in deaf:
        connection.close()
    half.close()


def test_more_viewers_than_there_is_room_for_are_told_so(live, target, tmp_path):
    run = live("run", scenario(tmp_path, load='users = 1, duration = "4s"'), "--set", f"TARGET={target().url}")
    viewers = [Raw(run.address, "/events", {}) for _ in range(32)]
    late = Raw(run.address, "/events", {})
    assert late.status == 503
    viewers.pop().close()
    deadline = time.monotonic() + 10
    while (again := Raw(run.address, "/events", {})).status != 200:
        again.close()
        assert time.monotonic() < deadline
    assert run.status()["viewers"] >= 31
    for viewer in (late, again, *viewers):
        viewer.close()


def test_a_run_that_fails_says_so_to_its_viewers(live, tmp_path):
    path = tmp_path / "scenario.lua"
    with socket.create_server(("127.0.0.1", 0)) as server:  # setup lasts until it is let go
        path.write_text(f"""local pelt = require "pelt"
return {{ load = {{ users = 1, duration = "1s" }}, iteration = function() end,
         setup = function() pelt.http.get("http://127.0.0.1:{server.getsockname()[1]}/") error("no luck") end }}
""")
        run = live("run", path)
        assert run.status()["phase"] == "setup" and run.text("/metrics").startswith("# ")
        stream = run.events()
    events = list(stream)
    done = run.wait()
    assert done.code == USAGE and events[-1].data["phase"] == "ended", done.told()
    assert any("no luck" in reason for reason in events[-1].data["judgement"]["result"]["reasons"]), events[-1]


def test_the_thread_of_the_page_takes_no_signal(live, target, tmp_path):
    run = live("run", scenario(tmp_path, load='users = 1, duration = "60s"'), "--set", f"TARGET={target().url}")
    stream = run.events()
    stream.until(lambda e: e.kind == "second")
    run.process.terminate()
    events = stream.until(lambda e: e.kind == "end")
    done = run.wait()
    assert done.code == 143, done.told()
    assert any(e.kind == "happened" and e.data["kind"] == "signal" for e in events), [e.kind for e in events]
    assert events[-1].data["judgement"]["result"]["exit_code"] == 143
