"""What servers and caches say of their answers, as metrics: against the counts of pelt-target, nginx's access log and planted
times; and the ids by which a server's log knows a request."""
import collections
import contextlib
import json
import os
import socket
import subprocess
import threading

import jsonschema
import pytest

import nginx as real_nginx
from program import MISSED, PASSED, ROOT, USAGE, if_quiet, in_a_quiet_moment, pelt, run
from test_target_limits import metrics

pytestmark = pytest.mark.sanitize

USERS, ITERATIONS = 4, 50


def scenario(tmp_path, iteration, keys, head="", users=USERS, iterations=ITERATIONS):
    path = tmp_path / "s.lua"
    path.write_text(f"""local pelt = require "pelt"
local http, check = pelt.http, pelt.check
{head}
return {{ load = {{ users = {users}, iterations_per_user = {iterations} }}, {keys}, iteration = function(user)
{iteration}
end }}
""")
    return path


def series(report, metric):
    """Stats by what the tags say, the name of the request first."""
    return {tuple(row["tags"][key] for key in sorted(row["tags"], reverse=True)): row["stats"]
            for row in report["metrics"] if row["name"] == metric}


def counted(report, metric):
    return {tags: stats["count"] for tags, stats in series(report, metric).items()}


def seen_by_cache(report):
    """Answers by what caches did, over all requests."""
    seen = collections.Counter()
    for (_, result), count in counted(report, "cache_latency").items():
        seen[result] += count
    return dict(seen)


# ---- caches ----

def test_hits_and_misses_are_those_that_the_target_counts(target, tmp_path):
    instance = target("--cache", "1m", "--service-time", "constant:1ms")
    path = scenario(tmp_path, """
        http.get("/work?n=" .. user.iteration % 20)
        http.get("/status/200")""", 'observe = "cache"')
    done = run(path, "--target", instance.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    figures = metrics(instance)
    hits, misses = (figures[f'pelt_target_cache_{what}_total{{cache="response_cache"}}'] for what in ("hits", "misses"))
    assert hits + misses == USERS * ITERATIONS and misses >= 20
    assert seen_by_cache(done.report) == {"hit": hits, "miss": misses, "bypass": USERS * ITERATIONS}
    [http, named] = done.report["caches"]
    share = round(hits / (hits + misses), 9)
    assert http == {"name": "http", "hits": hits, "misses": misses, "hit_share": pytest.approx(share), "evictions": None}
    assert named == {**http, "name": "pelt-target"}
    jsonschema.validate(done.report, json.loads((ROOT / "docs/report.schema.json").read_text()))


def test_answers_that_others_asked_for_are_collapsed(target, tmp_path):
    instance = target("--coalesce", "100", "--service-time", "constant:100ms")
    path = scenario(tmp_path, 'http.batch { "/work", "/work", "/work" }', 'observe = { "cache" }', users=1, iterations=3)
    done = run(path, "--target", instance.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    seen = seen_by_cache(done.report)
    followers = metrics(instance)['pelt_target_events_total{system="coalescing",event="collapsed"}']
    assert sum(seen.values()) == 9 and seen.get("collapsed", 0) == followers > 0


CACHING = real_nginx.HEAD + """\
    log_format  cached '$upstream_cache_status $status';
    access_log  {prefix}/access.log cached;
    proxy_cache_path {prefix}/cache keys_zone=all:1m;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {origin};
            proxy_cache all;
            proxy_cache_valid 200 {valid};
            proxy_cache_bypass $arg_fresh;
            proxy_hide_header Cache-Status;
            add_header X-Cache-Status $upstream_cache_status always;
        }}
    }}
}}
"""


class Caching(real_nginx.Nginx):
    """A real nginx with a cache before `origin`."""

    def __init__(self, prefix, origin, valid):
        self.prefix, self.port = prefix, real_nginx.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = prefix / "nginx.conf"
        config.write_text(CACHING.format(prefix=prefix, port=self.port, origin=origin, valid=valid,
                                         user="user root;" if os.geteuid() == 0 else ""))
        self.process = subprocess.Popen([real_nginx.program(), "-p", str(prefix), "-c", str(config),
                                         "-e", str(prefix / "error.log")])
        self._wait_until_it_answers()

    def truth(self):
        log = (self.prefix / "access.log").read_text().splitlines()
        return dict(collections.Counter(line.split()[0].lower() for line in log))


@pytest.mark.one_thread
@pytest.mark.skipif(real_nginx.program() is None, reason="no nginx on this host: install nginx-light")
@pytest.mark.parametrize("valid, read", [("1m", "false"), ("1s", "true")])
def test_results_are_those_of_nginx_access_log_and_of_its_agent(target, agent, tmp_path, valid, read):
    instance = target("--service-time", "constant:20ms", "--service-for", "work")
    prefix = tmp_path / "nginx"
    prefix.mkdir()
    nginx = Caching(prefix, instance.url, valid)
    try:
        path = scenario(tmp_path, f"""
            local r = http.get("/work?n=" .. user.iteration % 5, {{ name = "page" }})
            if {read} then check("read", r:json("/status") == "done") end
            if user.iteration % 10 == 0 then http.get("/work?fresh=1", {{ name = "fresh" }}) end
            pelt.sleep("40ms")""", 'observe = { "cache", "server_timing" }')
        watching = agent("--cache", f"pages=nginx={prefix}/access.log#field=1")
        done = run(path, "--target", nginx.url, "--agent", f"web={watching.url}", cwd=tmp_path)
    finally:
        nginx.stop()
    assert done.code == PASSED, done.told()
    truth = nginx.truth()
    seen = seen_by_cache(done.report)
    assert seen == truth, done.told()
    assert seen["bypass"] == USERS * ITERATIONS / 10 and seen["hit"] > 0 and seen["miss"] >= 5
    assert ("expired" in seen) == (valid == "1s")
    [http, pages] = done.report["caches"]
    assert (http["hits"], http["misses"]) == (seen["hit"], seen["miss"] + seen.get("expired", 0))
    # The agent has the same look-ups: what was bypassed is none, and the last ones count. nginx writes its log behind the answer.
    assert all(http[what] - 2 <= pages["load"][what] <= http[what] for what in ("hits", "misses")), done.told()
    assert pages["client_gap_points"] < 1 and pages["client_hit_share"] == http["hit_share"]
    latency = series(done.report, "cache_latency")
    assert latency["page", "miss"]["min"] >= 20
    assert latency["page", "hit"]["min"] < 20, "an answer of the cache has no service time"


# ---- server time ----

def test_server_time_is_what_was_planted_and_the_rest_is_the_rest(target, tmp_path):
    instance = target("--service-time", "constant:20ms")
    path = scenario(tmp_path, 'http.get("/work", { name = "w" })', 'observe = "server_timing"', iterations=20)

    def check(_):
        done = run(path, "--target", instance.url, "--threshold", "server_time{name=w} p50 < 21ms",
                   "--threshold", "server_timing{entry=work} max <= 20ms", cwd=tmp_path)
        assert done.code == PASSED, done.told()
        count = USERS * 20
        server, rest = (series(done.report, f"server_{what}")["w",] for what in ("time", "rest"))
        assert server["count"] == rest["count"] == count
        assert counted(done.report, "server_timing") == {("queue",): count, ("work",): count}
        assert series(done.report, "server_timing")["work",]["min"] == pytest.approx(20, rel=0.01)
        [row] = done.report["requests"]
        whole = row["service_ms"]["mean"]
        assert whole == pytest.approx(server["mean"] + rest["mean"], abs=0.01), "nothing is lost between them"
        if_quiet(abs(server["p50"] - 20) < 0.5 and rest["p50"] < 5, done.told())

    in_a_quiet_moment(check)


def test_a_threshold_on_server_time_is_missed_where_it_is_slower(target, tmp_path):
    path = scenario(tmp_path, 'http.get("/work")', 'observe = { "server_timing" }', iterations=20)
    done = run(path, "--target", target("--service-time", "constant:20ms").url, "--threshold", "server_time p95 < 10ms",
               cwd=tmp_path)
    assert done.code == MISSED, done.told()


@contextlib.contextmanager
def answering(answer):
    """A server that gives the same bytes to each request, in small pieces, or those that a function of its head gives; its
    requests' heads."""
    heads = []

    def serve(connection):
        with connection, contextlib.suppress(OSError):
            pending = b""
            while True:
                while b"\r\n\r\n" not in pending:
                    data = connection.recv(65536)
                    if not data:
                        return
                    pending += data
                head, _, pending = pending.partition(b"\r\n\r\n")
                heads.append(head.decode())
                given = answer(heads[-1]) if callable(answer) else answer
                for at in range(0, len(given), 40):
                    connection.sendall(given[at:at + 40])

    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heads
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


TRAILED = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Server-Timing\r\nServer-Timing: early;dur=1\r\n\r\n"
           b"5\r\nhello\r\n0\r\nX-Other: 1\r\nServer-Timing: db;dur=2.5, total;dur=7.25\r\n\r\n")


@pytest.mark.parametrize("body", ["nobody", "r.body"])
def test_a_server_timing_in_the_trailer_counts(tmp_path, body):
    with answering(TRAILED) as (url, heads):
        path = scenario(tmp_path, f'local r = http.get("/x", {{ name = "x" }}) check("ok", r.ok and ({body} or "hello") == "hello")',
                        'observe = { "server_timing" }', head="local nobody = nil")
        done = run(path, "--target", url, cwd=tmp_path)
        once = pelt("check", path, "--once", "--target", url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert all(row["failed"] == 0 for row in done.report["checks"])
    count = USERS * ITERATIONS
    assert len(heads) == count + 1
    assert series(done.report, "server_time")["x",]["count"] == count
    assert series(done.report, "server_time")["x",]["max"] == 7.25
    assert counted(done.report, "server_timing") == {("early",): count, ("db",): count, ("total",): count}
    assert "< Server-Timing: db;dur=2.5, total;dur=7.25" in once.out and "* server time 7.25ms of 3 entries" in once.out


EVENTS = b"data: a\n\n: a word between\n: Server-Timing: db;dur=2.5\n\ndata: b\n\n: st total;dur=7.25\n\n"
STREAMED = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nServer-Timing: early;dur=1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(EVENTS), EVENTS))


@pytest.mark.parametrize("observed", [True, False])
def test_a_server_timing_in_a_comment_of_a_stream_counts(tmp_path, observed):
    with answering(STREAMED) as (url, heads):
        path = scenario(tmp_path, 'local n = 0 for e in http.stream("/x", { name = "x" }) do n = n + 1 end check("two", n == 2)',
                        'observe = { "server_timing" }' if observed else "pacing = '1ms'")
        done = run(path, "--target", url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert all(row["failed"] == 0 for row in done.report["checks"])
    count = USERS * ITERATIONS
    assert len(heads) == count
    if observed:
        assert series(done.report, "server_time")["x",]["count"] == count
        assert series(done.report, "server_time")["x",]["max"] == 7.25
        assert counted(done.report, "server_timing") == {("early",): count, ("db",): count, ("total",): count}
    else:
        assert not [row for row in done.report["metrics"] if row["name"].startswith("server_")]


def test_nothing_is_measured_that_nobody_asked_for_and_check_says_how_to(target, tmp_path):
    instance = target("--cache", "1m")
    path = scenario(tmp_path, 'http.get("/work")', "pacing = '1ms'")
    done = run(path, "--target", instance.url, cwd=tmp_path)
    assert done.report["metrics"] == [] and done.report["caches"] == []
    once = pelt("check", path, "--once", "--target", instance.url, cwd=tmp_path)
    assert '* to measure it: observe = { "server_timing", "cache" } in the scenario' in once.out
    assert "* cache hit, by Cache-Status" in once.out
    asked = scenario(tmp_path, 'http.get("/work")', 'observe = { "cache", "server_timing" }')
    assert "to measure it" not in pelt("check", asked, "--once", "--target", instance.url, cwd=tmp_path).out


def test_the_summary_shows_server_time_and_latency_by_cache_result(target, tmp_path):
    instance = target("--cache", "1m", "--service-time", "constant:1ms")
    path = scenario(tmp_path, 'http.get("/work", { name = "w" })', 'observe = { "cache", "server_timing" }')
    done = pelt("run", path, "--no-run-file", "--allow-invalid", "--target", instance.url, cwd=tmp_path)
    assert "server time, as it says" in done.out and "response by cache result" in done.out
    [hit] = [line.split() for line in done.out.splitlines() if line.split()[:2] == ["w", "hit"]]
    assert int(hit[2]) >= USERS * ITERATIONS * 0.8


# ---- ids ----

def logged(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line["correlation_id"] for line in lines if line["logger"] == "pelt-target.http"]


def test_every_request_has_an_id_that_the_server_logs(target, tmp_path):
    log = tmp_path / "json.log"
    instance = target("--json-log", log)
    path = scenario(tmp_path, """
        local ids = {}
        local function see(r) ids[#ids + 1] = r.trace_id end
        see(http.get("/health"))
        see(http.get("/health"))
        see(http.post("/echo", { json = { n = user.iteration }, name = "echo" }))
        for _, r in ipairs(http.batch { "/health", { "GET", "/health", { name = "b" } } }) do see(r) end
        for _, id in ipairs(ids) do
            check("an id", #id == 32 and not id:find("[^%x]"))
            check("not met before", not user[id])
            user[id] = true
        end
        local r = http.get("/echo", { name = "seen" })
        check("traceparent", r:json("/headers/traceparent"):match("^00%-(%x+)%-%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%-01$") == r.trace_id)
        check("untraced", http.get("/health", { trace = false }).trace_id == nil)""",
                    'trace = { correlation = "X-Correlation-ID" }', iterations=10)
    done = run(path, "--target", instance.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert all(row["failed"] == 0 for row in done.report["checks"]), done.report["checks"]
    sent = done.report["totals"]["sent"]["yes"]
    instance.stop()
    ids = [i for i in logged(log) if len(i) == 32 and "-" not in i]
    assert len(set(ids)) == len(ids) == sent - USERS * 10, "every request but the untraced has one of its own"


def test_each_hop_of_a_redirect_has_an_id_of_its_own(tmp_path):
    def answer(head):
        path = head.split()[1]
        if path == "/end-of-the-way":
            return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        to = "/longer/" + path[1:] if path.count("/") < 3 else "/end-of-the-way"
        return f"HTTP/1.1 307 Go\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()

    with answering(answer) as (url, heads):
        path = scenario(tmp_path, """
            local r = http.post("/x", { json = { n = 1 }, redirects = 5 })
            check("the last one's", r.redirects == 3 and #r.trace_id == 32)""",
                        'trace = { correlation = "X-Request-ID" }', users=2, iterations=3)
        done = run(path, "--target", url, cwd=tmp_path)
    assert done.code == PASSED and all(row["failed"] == 0 for row in done.report["checks"]), done.told()
    seen = []
    for head in heads:
        fields = dict(line.split(": ", 1) for line in head.splitlines()[1:])
        version, trace, span, flags = fields["traceparent"].split("-")
        assert (version, flags, fields["X-Request-ID"]) == ("00", "01", trace)
        seen.append((trace, span))
    assert len(seen) == len(set(seen)) == 2 * 3 * 4


def ids_of(tmp_path, *options, load="users = 3, iterations_per_user = 5"):
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (url, heads):
        path = tmp_path / "ids.lua"
        path.write_text(f"""local http = require("pelt").http
            return {{ trace = true, load = {{ {load} }}, setup = function() http.get("/setup") end,
                      teardown = function() http.get("/teardown") end,
                      iteration = function() http.get("/a") http.post("/b", {{ json = {{}} }}) end }}""")
        done = run(path, "--target", url, *options, cwd=tmp_path)
        assert done.code == PASSED, done.told()
        return sorted((head.split()[1], line[13:]) for head in heads for line in head.splitlines()
                      if line.startswith("traceparent: "))


@pytest.mark.parametrize("load", ["users = 3, iterations_per_user = 5", 'rate = "40/s", duration = "500ms"'])
def test_ids_follow_from_the_seed_on_any_number_of_threads(tmp_path, load):
    one = ids_of(tmp_path, "--threads", "1", load=load)
    assert len(one) > 20 and len({value for _, value in one}) == len(one)
    assert ids_of(tmp_path, "--threads", "2", load=load) == one
    assert {value for _, value in ids_of(tmp_path, "--seed", "2", load=load)}.isdisjoint(value for _, value in one)


def test_an_error_sample_names_a_request_of_the_servers_log(target, tmp_path):
    log = tmp_path / "json.log"
    instance = target("--json-log", log)
    path = scenario(tmp_path, 'http.get("/status/500") http.get("/health")', 'trace = { correlation = "X-Correlation-ID" }')
    done = run(path, "--target", instance.url, cwd=tmp_path)
    instance.stop()
    [error] = done.report["errors"]
    status, _, id = error["sample"].partition(", trace ")
    assert status == "status 500"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    [found] = [line for line in lines if line.get("correlation_id") == id]
    assert found["message"] == "GET /status/N 500"


def test_the_scripts_own_traceparent_is_left_alone(tmp_path):
    own = "00-11111111111111111111111111111111-2222222222222222-00"
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (url, heads):
        path = scenario(tmp_path, f"""
            local r = http.get("/x", {{ headers = {{ TraceParent = "{own}" }} }})
            check("none of ours", r.trace_id == nil)""", "trace = true", users=1, iterations=2)
        done = run(path, "--target", url, cwd=tmp_path)
    assert done.code == PASSED and all(row["failed"] == 0 for row in done.report["checks"])
    assert all(head.lower().count("traceparent") == 1 and own in head for head in heads)


@pytest.mark.one_thread
@pytest.mark.parametrize("keys, iteration, said", [
    ('observe = { "chache" }', "", "unknown word 'chache': did you mean 'cache'?"),
    ("observe = 5", "", "observe: a table is expected, not a number"),
    ('trace = { correlaton = "X" }', "", "unknown"),
    ('trace = { correlation = "X Y" }', "", "'X Y' is no name for a field"),
    ("trace = { traceparent = false }", "", "leaves nothing to send"),
    ("trace = 7", "", "true, false or a table is expected"),
    ("trace = true", 'http.get("/x", { trace = "yes" })', "true, false or a table is expected"),
    ("trace = true", 'http.get("/x", { trace = { traceparent = 1 } })', "traceparent"),
])
def test_bad_wishes_are_named(target, tmp_path, keys, iteration, said):
    done = run(scenario(tmp_path, iteration, keys), "--target", target().url, cwd=tmp_path)
    assert done.code == USAGE and said in done.err, done.told()


def test_the_example_of_the_documentation_runs(target, tmp_path):
    section = (ROOT / "docs/SCENARIOS.md").read_text().split("\n## What the server says\n")[1].split("\n## ")[0]
    path = tmp_path / "example.lua"
    path.write_text(section.split("```lua\n")[1].split("```")[0])
    done = run(path, "--target", target("--cache", "1m", "--service-time", "constant:1ms").url, cwd=tmp_path)
    assert done.code in (PASSED, MISSED), done.told()
    assert all(row["value"] is not None for row in done.report["thresholds"]), done.report["thresholds"]
    documented = {word for word in section.replace("`", " ").split() if word.startswith(("server_", "cache_", "cache."))}
    assert {row["name"] for row in done.report["metrics"]} == documented & {row["name"] for row in done.report["metrics"]}
