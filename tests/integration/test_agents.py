"""A run beside real pelt-agents: what they read is in the report, thresholds judge it, and one that dies moves nothing."""
import json
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

import pytest

from agents import Agent
from fakeagent import FakeAgent
from program import MISSED, PASSED, USAGE, Running, bench, if_quiet, in_a_quiet_moment, outcomes_add_up, pelt, report_of, run

pytestmark = pytest.mark.sanitize

LOST = 6
HELLO = 'pelt.http.get("/health", { name = "h" })'


def scenario(tmp_path, load, *, thresholds=(), more="", body=HELLO):
    path = tmp_path / "agents.lua"
    path.write_text(f"""
local pelt = require "pelt"
return {{ load = {load}, thresholds = {{ {", ".join(map(json.dumps, thresholds))} }}, {more}
  iteration = function(user) {body} end }}
""")
    return path


def watched(target, agent, *options):
    """A pelt-target and a pelt-agent on its port."""
    server = target()
    return server, agent("--port", f"web={server.port}", "--name", "api-1", *options)


def counted(server, wanted):
    """Waits until the server has got so many requests."""
    deadline = time.monotonic() + 30
    while server.count()["total"] < wanted:
        assert time.monotonic() < deadline, server.count()
        time.sleep(0.02)


def limits(report, agent="api-1"):
    return {(row["limit"], row["target"]): row
            for one in report["agents"] if one["name"] == agent for row in one["limits"]}


def level(done, metric):
    return next(row["level"] for row in done.report["thresholds"] if row["metric"] == metric)


def test_what_an_agent_reads_is_in_the_reports(target, agent, tmp_path):
    in_a_quiet_moment(lambda attempt: read_and_reported(target, agent, tmp_path))


def read_and_reported(target, agent, tmp_path):
    server, api = watched(target, agent)
    path = scenario(tmp_path, '{ rate = "50/s", duration = "2s" }', more=f'agents = {{ "{api.url}" }},',
                    thresholds=["server.api-1.nofile.ratio max < 90%", "server.api-1.nofile.used{target=web} max < 2g",
                                "server.api-1.memory.free min > 1m over 1s", "server.api-1.tcp_retransmits.count count < 1000000"])
    done = run(path, "--target", server.url, "--out", "csv=tables", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    outcomes_add_up(done.report)
    one, = done.report["agents"]
    assert (one["name"], one["url"]) == ("api-1", api.url)
    assert one["gaps"] == [] and one["frames"] > 10, one
    nofile = limits(done.report)["nofile", "web"]
    assert 3 < nofile["used"] < nofile["max"] and nofile["full_share"] == pytest.approx(nofile["used"] / nofile["max"], abs=1e-5)
    seconds = [row["server"]["api-1"] for row in done.report["seconds"]]
    assert any("memory" in row for row in seconds), seconds  # which is read once a second, at any tick
    if_quiet(all("cpu" in row for row in seconds), seconds)
    assert all(row["level"] == "target" for row in done.report["thresholds"]), done.told()
    assert "server limits, closest to full" in done.out and "its clock is known to" in done.out, done.told()
    assert max(len(line) for line in done.out.splitlines()) <= 80, done.out
    history = (tmp_path / "tables/server_history.csv").read_text().splitlines()
    assert history[0].startswith("t,agent,limit,used,max,events,target,")
    assert [line for line in history if line.startswith("-1,api-1,nofile,")], history[:5]  # the baseline
    if_quiet(one["clock_bound_ms"] < 5, one)


def test_a_limit_that_is_too_full_misses_and_can_stop_the_run(target, agent, tmp_path):
    server, api = watched(target, agent)
    path = scenario(tmp_path, '{ users = 2, duration = "20s" }', body=HELLO + ' pelt.sleep("5ms")')
    done = run(path, "--target", server.url, "--agent", f"api={api.url}",
               "--threshold", "server.api.memory.ratio max < 0.01% abort", cwd=tmp_path)
    assert done.code == MISSED, done.told()
    assert done.report["run"]["duration_s"] < 15
    assert level(done, "server.api.memory.ratio") == "missed"
    assert "threshold missed" in done.err, done.told()


@pytest.mark.parametrize("threshold, says", [
    ("server.apl.nofile.ratio max < 1%", ['no agent "apl"', 'did you mean "api"?']),
    ("server.api.nofiles.ratio max < 1%", ['agent api has no limit "nofiles"', 'did you mean "nofile"?']),
    ("server.api.nofile.value max < 1", ["nofile is a limit: .used, .free, .ratio or .events"]),
    ("server.api.nofile.used{target=wed} max < 1", ["nofile has no {target=wed}", 'did you mean "web"?']),
    ("cache.page.hit_share share > 1%", ['no agent has a cache "page"', "there are none"]),
])
def test_what_no_agent_has_is_refused_before_anything_is_sent(target, agent, tmp_path, threshold, says):
    server, api = watched(target, agent)
    done = bench(server.url, "-d", "1s", "--agent", f"api={api.url}", "--threshold", threshold, "--no-run-file", cwd=tmp_path)
    assert done.code == USAGE, done.told()
    assert all(text in done.err for text in says), done.told()
    assert server.settled_count()["total"] == 0


def test_a_threshold_without_an_agent_and_an_agent_that_is_none_are_refused(target, tmp_path):
    server = target()
    cases = [
        (["--threshold", "server.api.nofile.ratio max < 1%"], USAGE, "needs an agent on the server: --agent NAME=URL"),
        (["--agent", "api=10.0.0.5"], USAGE, "write [NAME=]http://HOST:9646"),
        (["--agent", "http://127.0.0.1:1"], LOST, "Connection refused"),
        (["--agent", server.url], USAGE, "agent"),
        (["--agent-token-file", "token"], USAGE, "there is no agent"),
    ]
    for options, code, says in cases:
        done = pelt("bench", server.url, "-d", "1s", "--no-run-file", *options, cwd=tmp_path)
        assert done.code == code and says in done.err, (options, done.told())


def test_who_stops_a_run_does_not_wait_for_an_agent(tmp_path):
    path = scenario(tmp_path, '{ users = 1, duration = "1s" }')

    def check(_):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            running = Running("run", path, "--target", "http://127.0.0.1:9", "--no-run-file", "--agent",
                              f"http://127.0.0.1:{silent.getsockname()[1]}", cwd=tmp_path)
            connection, _ = silent.accept()
            asked = running.signal(signal.SIGINT)
            done = running.wait()
            took = time.monotonic() - asked
            connection.close()
        assert done.code == 130 and "stopping" in done.err and "no request was started" in done.out, done.told()
        if_quiet(took < 1, took)  # an agent has 3 s to answer

    in_a_quiet_moment(check)


def test_what_cannot_be_read_leaves_a_threshold_unjudged_with_the_reason(target, agent, tmp_path):
    server, api = watched(target, agent)
    why = {(row["name"], row["target"]): row["unreadable"] for row in api.info()["figures"]}
    sample = api.sample()
    name, of = next((key for key, value in sample.items() if isinstance(value, str) and key[0] in (
        "cgroup_memory_high", "cgroup_swap", "cgroup_pids", "cgroup_cpu")), (None, None))
    if name is None:
        pytest.skip(f"everything can be read here: {why}")
    done = bench(server.url, "-d", "1s", "--agent", f"api={api.url}", "--threshold", f"server.api.{name}.used{{target={of}}} max < 1g",
                 cwd=tmp_path)
    row, = done.report["thresholds"]
    assert row["level"] == "unjudged" and done.code == MISSED, done.told()
    assert any(f"{name} could not be read by agent api: " in reason and sample[name, of][:60] in reason
               for reason in done.report["result"]["reasons"]), done.report["result"]


class Unlimited(FakeAgent):
    """Its one limit has no max, and nobody counts how often it is met."""

    def _values(self, first):
        return [[0, 10, None, None], *super()._values(first)[1:]]


def test_what_a_limit_does_not_have_leaves_a_threshold_unjudged_with_the_reason(target, tmp_path):
    server, fake = target(), Unlimited(name="api").start()
    try:
        path = scenario(tmp_path, '{ iterations_per_user = 20, users = 1 }', body=HELLO + ' pelt.sleep("20ms")',
                        thresholds=["server.api.nofile.ratio max < 80%", "server.api.nofile.free min > 1",
                                    "server.api.nofile.events count < 10", "server.api.nofile.used max < 100"])
        done = run(path, "--target", server.url, "--agent", fake.url, "--allow-invalid", "--no-run-file", cwd=tmp_path)
    finally:
        fake.stop()
    assert [row["level"] for row in done.report["thresholds"]] == ["unjudged"] * 3 + ["target"], done.told()
    assert done.code == MISSED and sum("nofile has no max at agent api" in why for why in done.report["result"]["reasons"]) == 2
    assert any("nofile has no count of its events at agent api" in why for why in done.report["result"]["reasons"]), done.told()


def test_a_step_whose_slo_cannot_be_read_there_says_so(target, tmp_path):
    server, fake = target(), FakeAgent(name="api").start()
    try:
        path = scenario(tmp_path, 'pelt.load.stress { from = "20/s", step = "20/s", max = "40/s", every = "2s", settle = "0s", '
                        'duration = "3s", slo = { "server.api.memory_rss.used max < 1g" } }')
        done = run(path, "--target", server.url, "--agent", fake.url, "--allow-invalid", "--no-run-file", cwd=tmp_path)
    finally:
        fake.stop()
    assert done.report, done.told()
    steps = [finding for finding in done.report["findings"] if finding["kind"] == "step"]
    assert any("slo[1]: memory_rss could not be read by agent api: EACCES" in step["text"] for step in steps), done.told()


def test_check_knows_agents(tmp_path):
    path = scenario(tmp_path, '{ users = 1, duration = "1s" }', thresholds=["server.api.nofile.ratio max < 80%"],
                    more='agents = { api = { url = "http://10.0.0.5:9646", token_file = "token" }, "db=http://10.0.0.6:9646" },')
    done = pelt("check", path, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert "agents     db at http://10.0.0.6:9646\n           api at http://10.0.0.5:9646" in done.out, done.told()
    done = pelt("check", path, "--agent", "web=http://10.0.0.7:9646", cwd=tmp_path)
    assert done.code == USAGE and "needs an agent called api" in done.err, done.told()
    path = scenario(tmp_path, 'require "pelt".load.stress { from = "50/s", step = "50/s", max = "200/s", '
                    'slo = { "http_response p95 < 100ms", "server.api.cpu.ratio max < 90%" } }')
    done = pelt("check", path, cwd=tmp_path)
    assert done.code == USAGE and "load.slo[2]: server.api.cpu.ratio needs an agent called api" in done.err, done.told()
    assert pelt("check", path, "--agent", "http://10.0.0.7:9646", cwd=tmp_path).code == PASSED


# --- caches

def test_a_hit_rate_is_of_what_was_looked_up_in_the_load(target, agent, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    server, api = watched(target, agent, "--cache", f"page=statsd=127.0.0.1:{port}#hit=hits,miss=misses")
    statsd = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    statsd.connect(("127.0.0.1", port))
    statsd.send(b"hits:1000|c\nmisses:1000|c")  # before the load: in none of its figures
    api.wait_for(lambda sample: sample["page", ""][:2] == [1000, 1000])
    path = scenario(tmp_path, '{ users = 1, duration = "2s" }', body=HELLO + ' pelt.sleep("20ms")',
                    thresholds=["cache.page.hit_share share > 70%"])
    running = Running("run", path, "--target", server.url, "--agent", f"api={api.url}", "--no-run-file", "--allow-invalid",
                      "--out", "json=report.json", cwd=tmp_path)
    counted(server, 5)
    for _ in range(20):
        statsd.send(b"hits:30|c\nmisses:10|c")
        time.sleep(0.02)
    done = running.wait()
    report = json.loads((tmp_path / "report.json").read_text())
    cache, = report["caches"]
    assert (cache["name"], cache["agent"]) == ("page", "api")
    assert (cache["hits"], cache["misses"], cache["hit_share"]) == (600, 200, 0.75), cache
    row, = report["thresholds"]
    assert row["level"] == "target" and row["value"] == 0.75, done.told()
    assert "server caches" in done.out and "75.00%" in done.out, done.told()


# --- what is read once a second

WRITER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1
    def do_GET(self):
        if self.path == "/write":
            with open(sys.argv[1], "ab") as file:
                file.write(bytes(4 << 20))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def writer():
    """A server whose /write writes 4 MiB to a disk."""
    with tempfile.NamedTemporaryFile(dir="/var/tmp") as file:
        process = subprocess.Popen(["/usr/bin/python3", "-c", WRITER, file.name], stdout=subprocess.PIPE, text=True)
        process.port = int(process.stdout.readline())
        yield process
        process.kill()
        process.wait()
        process.stdout.close()


def written_by(pid):
    lines = pathlib.Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


@pytest.mark.variant
def test_counts_of_the_load_are_whole_and_those_of_setup_and_teardown_are_not_its(writer, agent, tmp_path):
    watching = agent("--pid", f"app={writer.pid}", "--name", "api")
    before = written_by(writer.pid)
    urllib.request.urlopen(f"http://127.0.0.1:{writer.port}/write", timeout=10).read()
    if written_by(writer.pid) == before:
        pytest.skip("this kernel does not count what is written to this file system")
    counts = "server.api.process_write.count"
    hook = "function() for _ = 1, 3 do pelt.http.get('/write') end end"
    path = scenario(tmp_path, '{ users = 1, iterations_per_user = 9 }', more=f"setup = {hook}, teardown = {hook},",
                    body='pelt.http.get(user.iteration == 8 and "/write" or "/")',
                    thresholds=[f"{counts} count < 6m", f"{counts} count > 3m", "server.api.process_cpu.used mean < 8",
                                "server.api.cpu_busiest.value mean <= 1"])
    done = pelt("run", path, "--quiet", "--target", f"http://127.0.0.1:{writer.port}", "--agent", watching.url, "--allow-invalid",
                "--run-file", "kept.pelt", "--out", "json=report.json", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    done.report = json.loads((tmp_path / "report.json").read_text())
    count, = [row["count"] for row in done.report["agents"][0]["counters"] if row["counter"] == "process_write"]
    assert 4 << 20 <= count < 5 << 20, done.told()  # the last request's, and neither setup's 12 MiB nor teardown's
    assert [row["level"] for row in done.report["thresholds"]] == ["target"] * 4, done.told()
    assert sum(row["server"]["api"].get("process_write{app}", {"count": 0})["count"] for row in done.report["seconds"]) == count
    limits = {row["limit"]: row for row in done.report["agents"][0]["limits"] if row["target"] == "app"}
    assert 0 < limits["process_cpu"]["mean"] <= limits["process_cpu"]["used"]
    again = report_of("kept.pelt", tmp_path)
    assert all(again[part] == done.report[part] for part in ("agents", "thresholds", "metrics"))


# --- an agent that dies

def beside(folder, name, port, *options):
    """A pelt-agent whose life is the test's own; port 0: a free one."""
    place = folder / name
    place.mkdir()
    return Agent(place, *options, "--listen", f"127.0.0.1:{port}")


def kill(one):
    one.process.send_signal(signal.SIGKILL)
    one.process.wait()


def killed_run(target, folder, seconds, back_after_s):
    """(done, report) of a run at 100/s whose agent is killed after 1.5 s."""
    server = target()
    options = ("--port", f"web={server.port}", "--name", "api-1")
    path = scenario(folder, f'{{ rate = "100/s", duration = "{seconds}s", arrivals = "uniform" }}',
                    thresholds=["server.api-1.nofile.ratio max < 90%"])
    first = beside(folder, "first", 0, *options)
    second = None
    running = Running("run", path, "--target", server.url, "--agent", first.url, "--no-run-file", "--allow-invalid",
                      "--out", "json=report.json", cwd=folder)
    try:
        counted(server, 150)
        kill(first)
        if back_after_s is not None:
            time.sleep(back_after_s)
            second = beside(folder, "second", first.port, *options)
        done = running.wait()
    finally:
        if first.process.poll() is None:
            kill(first)
        if second is not None:
            second.stop()
    report = json.loads((folder / "report.json").read_text())
    outcomes_add_up(report)
    starts = [row["started"] for row in report["seconds"]]
    assert sum(starts) + report["totals"]["dropped"] == 100 * seconds, (starts, done.told())
    if_quiet(all(abs(count - 100) <= 1 for count in starts[:seconds]), starts)
    return done, report


def a_folder(tmp_path, attempt):
    folder = tmp_path / f"try-{attempt}"
    folder.mkdir()
    return folder


def test_an_agent_that_is_killed_and_comes_back_leaves_a_gap_and_moves_no_start(target, tmp_path):
    def check(attempt):
        done, report = killed_run(target, a_folder(tmp_path, attempt), 5, 0.3)
        one, = report["agents"]
        if_quiet(len(one["gaps"]) == 1 and one["gaps"][0]["to_s"] is not None, (one["gaps"], done.told()))
        gap, = one["gaps"]
        assert done.code == PASSED, done.told()
        assert 0 < gap["to_s"] - gap["from_s"], gap
        assert "no figures from" in done.out and "agent_lost" in done.out and "agent_joined" in done.out, done.told()
        assert report["thresholds"][0]["level"] == "target", done.told()
        if_quiet(gap["to_s"] - gap["from_s"] < 3.5, gap)
        if_quiet("api-1" in report["seconds"][4]["server"], gap)

    in_a_quiet_moment(check)


def test_an_agent_that_a_threshold_needs_and_that_stays_away_is_exit_6(target, tmp_path):
    def check(attempt):
        done, report = killed_run(target, a_folder(tmp_path, attempt), 3, None)
        if_quiet(report["agents"][0]["gaps"], done.told())  # else it was not missed before the end
        assert done.code == LOST == report["result"]["exit_code"], done.told()
        assert "agent api-1, which a threshold needs, was lost at " in report["result"]["reasons"][0], report["result"]
        gap, = report["agents"][0]["gaps"]
        assert gap["to_s"] is None and gap["from_s"] < 3, gap

    in_a_quiet_moment(check)
