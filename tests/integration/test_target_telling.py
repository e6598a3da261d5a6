"""What pelt-target tells of itself: the dashboard's paths and its pushes, events, traces of requests, alerts. All are held
against /metrics, /count and the truth log."""
import concurrent.futures
import json
import resource
import selectors
import time

import pytest

from bare import Bare
from program import if_quiet, in_a_quiet_moment
from targets import Target
from test_target_balancer import Backends
from test_target_limits import ask, ask_json, events, limit, metrics, turn, wait_until
from wsclient import WebSocket

MS = 1_000_000  # nanoseconds


@pytest.fixture
def target(tmp_path):
    target = Target(tmp_path, "--sample", "50ms")
    yield target
    target.stop()


# ---- the dashboard ----

@pytest.mark.sanitize
def test_all_paths_of_the_dashboard_answer_in_their_shape(target):
    shapes = {
        "/api/health": {"status", "degraded", "version", "uptime_s"},
        "/api/system/stats": {"uptime_s", "threads", "in_flight", "host", "process"},
        "/api/workers/stats": {"limited", "workers", "queue", "events"},
        "/api/tasks/queued": {"count", "tasks"},
        "/api/tasks/running": {"count", "tasks"},
        "/api/metrics/history": {"interval_s", "samples"},
        "/status": {"version", "uptime_s", "requests", "over", "errors", "in_flight", "systems", "host", "process"},
        "/alerts": {"alerts"},
    }
    for path, members in shapes.items():
        status, body = ask_json(target, "GET", path)
        assert status == 200 and set(body) == members, path
        assert ask(target, "POST", path)[0] == 405
    status, headers, page = ask(target, "GET", "/")
    assert status == 200 and headers["Content-Type"].startswith("text/html")
    assert b"new WebSocket" in page and b"http://" not in page and b"src=" not in page  # it asks nobody else
    for wrong in ("/api/tasks/status/77", "/api/tasks/status/x", "/api/tasks/status/"):
        assert ask(target, "GET", wrong)[0] == 404
    assert ask(target, "GET", "/api/metrics/history?limit=x")[0] == 400
    assert ask_json(target, "GET", "/api/health")[1]["status"] == "healthy"


@pytest.mark.sanitize
def test_status_equals_metrics(target):
    turn(target, workers=3, rate_limit="100/s", cache="1m", sample="1h")
    for _ in range(5):
        assert ask(target, "GET", "/work")[0] == 200
    assert ask(target, "GET", "/no/such/path")[0] == 404
    before = after = status = None

    def differing():
        """Figures of /status that lie outside of what /metrics says before and after it: a request that is just being done with is."""
        nonlocal before, status, after
        before, status, after = metrics(target), ask_json(target, "GET", "/status")[1], metrics(target)
        for kind, figures in (("limit", status["systems"]["limits"]), ("cache", status["systems"]["caches"])):
            for name, figure in figures.items():
                for field, value in figure.items():
                    key = f'pelt_target_{kind}_{field}{{{kind}="{name}"}}'
                    key = key if key in before else key.replace("{", "_total{", 1)
                    value = float("inf") if value == "unlimited" else value
                    if not sorted((before[key], after[key]))[0] <= value <= sorted((before[key], after[key]))[1]:
                        yield key, before[key], value, after[key]

    wait_until(lambda: not list(differing()))
    compared = sum(len(figure) for kind in ("limits", "caches") for figure in status["systems"][kind].values())
    for system, all_events in status["systems"]["events"].items():
        for event, count in all_events.items():
            assert count == after[f'pelt_target_events_total{{system="{system}",event="{event}"}}'], event
            compared += 1
    assert compared >= 12
    assert status["systems"]["caches"]["response_cache"]["hits"] == 4
    total = sum(value for name, value in after.items() if name.startswith("pelt_target_requests_total"))
    assert status["requests"] == total and status["errors"] == 0


@pytest.mark.sanitize
def test_the_history_says_when_what_was(target):
    turn(target, sample="20ms", sample_history=30)
    for _ in range(5):
        ask(target, "GET", "/work")
    ask(target, "GET", "/status/500")
    wait_until(lambda: len(ask_json(target, "GET", "/api/metrics/history")[1]["samples"]) == 30)
    samples = ask_json(target, "GET", "/api/metrics/history?limit=20")[1]["samples"]
    assert len(samples) == 20
    for before, after in zip(samples, samples[1:]):
        assert after["at_ns"] - before["at_ns"] >= 20 * MS
        assert after["requests"] >= before["requests"] and after["cpu_s"] >= before["cpu_s"]
    assert samples[-1]["errors"] == 1 and samples[-1]["ready"] and samples[-1]["resident_bytes"] > 1_000_000


# ---- pushes ----

def pushed(clients, seconds):
    """[(planned_ns, sent_ns)] of each client."""
    selector = selectors.DefaultSelector()
    got = {client: [] for client in clients}
    for client in clients:
        client.socket.setblocking(False)
        selector.register(client.socket, selectors.EVENT_READ, client)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for key, _ in selector.select(0.05):
            client = key.data
            client.received += client.socket.recv(65536)
            while len(client.received) >= 4:
                length = int.from_bytes(client.received[2:4], "big")  # a push has 126 bytes or more
                assert client.received[0] == 0x81 and client.received[1] == 126
                if len(client.received) < 4 + length:
                    break
                said = json.loads(bytes(client.received[4:4 + length]))
                assert said["type"] == "stats" and "requests_per_s" in said
                got[client].append((said["planned_ns"], said["sent_ns"]))
                del client.received[:4 + length]
    return got


@pytest.mark.sanitize
def test_pushes_come_in_the_period_that_was_set(target):
    turn(target, push="1h")
    wait_until(lambda: ask_json(target, "GET", "/api/metrics/history")[1]["samples"])
    with WebSocket(target.port, "/ws") as client:
        assert client.status == 101
        turn(target, push="100ms")  # it does not wait the hour out
        plans = pushed([client], 0.8)[client]
        gaps = {after - before for (before, _), (after, _) in zip(plans, plans[1:])}
        assert len(plans) >= 3 and all(gap % (100 * MS) == 0 for gap in gaps)
        assert all(sent >= planned for planned, sent in plans)
    assert ask(target, "GET", "/ws")[0] == 426


@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.slow(12)
def test_five_thousand_clients_are_pushed_to_each_two_seconds(tmp_path, record_property):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 6000:
        pytest.skip(f"5,000 connections need 6,000 file descriptors, the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 6000), hard))
    target = Target(tmp_path)
    clients = [WebSocket(target.port, "/ws") for _ in range(5000)]

    def check(_):
        got = pushed(clients, 4.3)
        assert all(len(pushes) >= 2 for pushes in got.values())
        gaps = sorted(abs(after[1] - before[1] - 2000 * MS) for pushes in got.values()
                      for before, after in zip(pushes, pushes[1:]))
        p50, p99, worst = (gaps[min(len(gaps) * share // 100, len(gaps) - 1)] / MS for share in (50, 99, 100))
        record_property("gaps are off by", f"p50 {p50:.3f} ms; p99 {p99:.2f} ms; max {worst:.1f} ms")
        if_quiet(p99 <= 50, f"the gap of pushes is off by {p99:.1f} ms (p99)")
        tenths = [0] * 10
        for pushes in got.values():
            tenths[pushes[0][0] % (2000 * MS) // (200 * MS)] += 1
        record_property("clients in a tenth of the period", f"{min(tenths)} to {max(tenths)}")
        assert max(tenths) - min(tenths) <= 50, tenths  # spread over the period

    try:
        assert limit(target, "websockets")["used"] == 5000
        in_a_quiet_moment(check)
    finally:
        for client in clients:
            client.socket.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        target.stop()


# ---- events ----

@pytest.mark.sanitize
def test_events_are_ordered_and_kept(target):
    turn(target, workers=2)
    ask(target, "POST", "/events", json.dumps([{"topic": "mine", "event": "begun", "data": {"n": i, "name": "x\"y"}}
                                               for i in range(3)]))
    all_events = ask_json(target, "GET", "/events")[1]
    assert [one["number"] for one in all_events["events"]] == list(range(1, len(all_events["events"]) + 1))
    mine = [one for one in all_events["events"] if one["topic"] == "mine"]
    assert [one["topic_number"] for one in mine] == [1, 2, 3]
    assert [one["data"] for one in mine] == [{"n": i, "name": 'x"y'} for i in range(3)]
    knob = next(one for one in all_events["events"] if one["event"] == "knob")  # what goes to the truth log comes here, too
    assert knob["topic"] == "workers" and knob["data"]["knob"] == "workers"
    only = ask_json(target, "GET", "/events?topic=mine&since=%d&limit=1" % mine[0]["number"])[1]
    assert [one["data"]["n"] for one in only["events"]] == [1] and only["lost"] == 0
    turn(target, events=2)
    few = ask_json(target, "GET", "/events?since=0")[1]
    assert len(few["events"]) == 2 and few["lost"] == few["next"] - 2
    for wrong in ("{", "[1]", '{"topic": "a b", "event": "x"}', '{"topic": "a", "event": "x", "data": 3}',
                  '{"topic": "a", "event": "x", "data": {"k": "%s"}}' % ("y" * 400)):
        assert ask(target, "POST", "/events", wrong)[0] == 400, wrong
    for wrong in ("since=-1", "since=", "since", "since=1&since=2", "limit=0", "limit=1001", "topic=", "topic=%22",
                  "topic=a&topic=b", "foo=1"):
        assert ask(target, "GET", "/events?" + wrong)[0] == 400, wrong
    forged = json.dumps({"topic": "lb", "event": "scale_up"})  # what systems tell is theirs
    status, told = ask_json(target, "POST", "/events", forged)
    assert status == 400 and "lb" in told["error"]["message"]
    assert ask_json(target, "GET", "/events?topic=lb")[1]["events"] == []
    turn(target, events=0)
    assert ask(target, "GET", "/events")[0] == 404


@pytest.mark.sanitize
def test_a_reader_sees_that_the_service_was_started_again(tmp_path):
    """Its numbers are another's then, whether there are more or fewer of them: it is told so, and reads from the begin."""
    def tell(count):
        ask(server, "POST", "/events", json.dumps([{"topic": "mine", "event": "e"}] * count))

    def read(query):
        told = ask_json(server, "GET", f"/events?{query}")[1]
        return len(told["events"]), told["next"], told["lost"], told["reset"], told["epoch"]

    epochs = []
    for life in ("a", "b"):
        (tmp_path / life).mkdir()
        server = Target(tmp_path / life)
        tell(5)
        epochs.append(read("since=0")[4])
        if life == "a":
            assert read(f"since=3&epoch={epochs[0]}") == (2, 5, 0, False, epochs[0])
        else:
            assert read("since=20") == (5, 5, 0, True, epochs[1]), "beyond the end"
            assert read(f"since=3&epoch={epochs[0]}") == (5, 5, 0, True, epochs[1]), "of another life"
            assert read(f"since=3&epoch={epochs[1]}")[3] is False
            assert ask(server, "GET", "/events?epoch=x")[0] == 400
        assert server.stop() == 0
    assert epochs[0] < epochs[1]


@pytest.mark.sanitize
def test_no_event_of_ten_thousand_a_second_is_lost(target):
    turn(target, events=30000)
    body = json.dumps([{"topic": "load", "event": "e", "data": {"n": i}} for i in range(100)])

    def publish(_):
        for _ in range(25):
            assert ask(target, "POST", "/events", body)[0] == 200

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        read = pool.submit(read_events, target, 10000)
        list(pool.map(publish, range(4)))
        numbers, lost = read.result()
    assert lost == 0
    assert numbers == list(range(1, 10001))
    figures = metrics(target)
    assert figures['pelt_target_topic_events_total{topic="load"}'] == 10000
    buckets = [count for name, count in figures.items() if name.startswith("pelt_target_event_lag_seconds_bucket")]
    assert buckets == sorted(buckets) and buckets[-1] == figures["pelt_target_event_lag_seconds_count"] >= 10000
    assert 10000 <= limit(target, "events")["used"] < limit(target, "events")["limit"] == 30000


def read_events(target, count):
    numbers, since, lost = [], 0, 0
    deadline = time.monotonic() + 20
    while len(numbers) < count and time.monotonic() < deadline:
        some = ask_json(target, "GET", f"/events?topic=load&since={since}")[1]
        numbers += [one["topic_number"] for one in some["events"]]
        since, lost = some["next"], lost + some["lost"]
    return numbers, lost


# ---- traces ----

@pytest.mark.sanitize
def test_a_request_is_traced_by_its_correlation_id(tmp_path):
    with Backends(tmp_path, 1, "--trace", 100, each=["--trace", 3, "--service-time", "5ms", "--workers", 1]) as backends:
        status, headers, _ = ask(backends.lb, "GET", "/work", headers={"X-Correlation-ID": "mine-1"})
        assert status == 200 and headers["X-Correlation-ID"] == "mine-1"
        wait_until(lambda: ask(backends.lb, "GET", "/trace/mine-1")[0] == 200)
        hop = ask_json(backends.lb, "GET", "/trace/mine-1")[1]["requests"][0]
        balanced = next(step for step in hop["steps"] if step["step"] == "balanced")
        assert balanced["backend"] == backends.names()[0]
        wait_until(lambda: ask(backends.all[0], "GET", "/trace/mine-1")[0] == 200)
        done = ask_json(backends.all[0], "GET", "/trace/mine-1")[1]["requests"][0]  # the chain goes on there
        assert [step["step"] for step in done["steps"]] == ["received", "worked", "answered"]
        assert done["steps"][1]["ms"] == 5 and done["duration_ms"] >= 5
        assert done["steps"][0]["at_ns"] >= hop["steps"][0]["at_ns"]
        own = ask(backends.lb, "GET", "/work")[1]["X-Correlation-ID"]  # made where the client gives none
        wait_until(lambda: ask(backends.all[0], "GET", "/trace/" + own)[0] == 200)
        turn(backends.all[0], rate_limit="1/h", rate_burst=1)
        for name in ("r1", "r2"):
            ask(backends.lb, "GET", "/work", headers={"X-Correlation-ID": name})
        wait_until(lambda: ask(backends.all[0], "GET", "/trace/r2")[0] == 200)
        refused = ask_json(backends.all[0], "GET", "/trace/r2")[1]["requests"][0]
        assert {"step": "refused", "by": "rate_limit"} in refused["steps"] and refused["status"] == 429
        assert ask(backends.all[0], "GET", "/trace/mine-1")[0] == 404  # three are kept
        turn(backends.lb, trace=0)
        assert "X-Correlation-ID" not in ask(backends.lb, "GET", "/api/status")[1]
        assert ask(backends.lb, "GET", "/trace/r2")[0] == 404


TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.sanitize
def test_the_trace_of_a_client_is_named_wherever_its_request_is(tmp_path):
    """In the truth log, the JSON log and the kept trace, of a balancer as of its back end; nowhere, if there is none."""
    with Backends(tmp_path, 1, "--trace", 9, each=["--trace", 9, "--json-log", tmp_path / "json.log"]) as backends:
        ask(backends.lb, "GET", "/work", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        ask(backends.lb, "GET", "/work", headers={"traceparent": f"00-{TRACE}-{PARENT}"})
        for server in (backends.lb, backends.all[0]):
            wait_until(lambda: ask(server, "GET", f"/trace/{TRACE}")[0] == 200)
            told = ask_json(server, "GET", f"/trace/{TRACE}")[1]
            assert [(one["path"], one["trace_id"], one["parent_id"]) for one in told["requests"]] == [("/work", TRACE, PARENT)]
        back_end = backends.all[0]
        backends.stop()
    named = [line.get("trace_id") for line in back_end.requests() if line["path"] == "/work"]
    assert named == [TRACE, None]
    lines = [json.loads(line) for line in (tmp_path / "json.log").read_text().splitlines()]
    assert [line.get("trace_id") for line in lines if line["message"] == "GET /work 200"] == named


# ---- figures ----

def lint(page):
    """What Prometheus asks of a page: each sample belongs to a family that was declared just before it, once; buckets ascend."""
    declared, family, kind, seen, buckets = set(), None, None, set(), {}
    for line in page.splitlines():
        if line.startswith("# "):
            _, word, name, rest = line.split(" ", 3)
            if word == "HELP":
                assert name not in declared, line
                declared.add(name)
                family = name
            else:
                assert (word, name) == ("TYPE", family) and rest in ("counter", "gauge", "histogram"), line
                kind = rest
            continue
        name, value = line.rsplit(" ", 1)
        bare = name.split("{")[0]
        assert bare == family or kind == "histogram" and bare in {f"{family}_{tail}" for tail in ("bucket", "sum", "count")}, line
        assert kind != "counter" or bare.endswith("_total") and float(value) >= 0, line
        assert name not in seen, line
        seen.add(name)
        if bare.endswith("_bucket") and kind == "histogram":
            labels, _, le = name.rpartition('le="')
            row = buckets.setdefault(labels, [])
            row.append((float(le.split('"')[0]), float(value)))
            assert row == sorted(row) and [count for _, count in row] == sorted(count for _, count in row), row
    assert all(row[-1][0] == float("inf") for row in buckets.values())


@pytest.mark.sanitize
def test_the_figures_that_all_services_have_are_told_by_their_names(target):
    turn(target, workers=1, service_time="20ms", service_for="work")
    for path in ("/work", "/work", "/status/500", "/health"):
        ask(target, "GET", path)
    ask(target, "POST", "/events", '{"topic": "mine", "event": "e"}')
    ask(target, "GET", "/events")
    wait_until(lambda: metrics(target).get('actions_total{action="/events"}') == 2)
    page = target.get("/metrics")
    lint(page)
    figures = metrics(target)
    assert [figures[f'actions_total{{action="{path}"}}'] for path in ("/work", "/status/N", "/health")] == [2, 1, 1]
    assert [figures[f'errors_total{{action="{path}"}}'] for path in ("/work", "/status/N", "/health")] == [0, 1, 0]
    times = "action_processing_duration_seconds"
    assert figures[f'{times}_bucket{{le="+Inf"}}'] == figures[f"{times}_count"] == figures["pelt_target_request_seconds_count"] >= 4
    assert figures[f"{times}_sum"] >= 0.04
    assert figures['queue_depth{queue="workers"}'] == 0 and figures["system_uptime_seconds"] > 0.04
    assert figures["event_processing_latency_seconds_count"] >= 1


# ---- alerts ----

def firing(target):
    return {name.split('"')[1] for name, value in metrics(target).items()
            if name.startswith("pelt_target_alert_firing") and value == 1}


@pytest.mark.sanitize
def test_planted_faults_fire_exactly_their_alerts(tmp_path):
    target = Target(tmp_path, "--sample", "20ms", "--alert-for", "60ms", "--alert-queue", 5, "--events", 100,
                    "--upstream", "http://127.0.0.1:1/", "--upstream-max", 0, "--upstream-failures", 1,
                    "--upstream-cooldown", "1h")

    def fires(*names):
        wait_until(lambda: firing(target) == set(names))

    time.sleep(0.2)
    assert firing(target) == set()
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        turn(target, workers=1, service_time="300ms")  # so that they are together, however slowly they are sent
        waiting = [pool.submit(ask, target, "GET", "/work") for _ in range(9)]
        wait_until(lambda: {one["name"] for one in ask_json(target, "GET", "/alerts")[1]["alerts"] if one["fired"]}
                   == {"QueueBacklog"})
        assert {one.result()[0] for one in waiting} == {200}
        fires()
        turn(target, workers="unlimited", service_time="0")

        def fail():
            while "HighErrorRate" not in firing(target):
                ask(target, "GET", "/status/503")

        pool.submit(fail).result()
        fires()
    turn(target, alert_memory="1k")
    fires("HighMemory")
    turn(target, alert_memory="1g")
    fires()
    turn(target, upstream_max=1, alert_errors="100%")
    ask(target, "GET", "/work")  # nobody listens there: the breaker opens, and the service is not ready
    fires("ServiceDown")
    turn(target, upstream_max=0)
    fires()
    told = ask_json(target, "GET", "/alerts")[1]["alerts"]
    assert [one["name"] for one in told if one["fired"]] == ["HighErrorRate", "QueueBacklog", "HighMemory", "ServiceDown"]
    for one in told:
        assert one["firings"][0]["resolved_ns"] > one["firings"][0]["fired_ns"]
    target.stop()
    logged = [(line["event"], line["alert"]) for line in events(target, "alerts") if line["event"] != "knob"]
    order = ["QueueBacklog", "HighErrorRate", "HighMemory", "ServiceDown"]
    assert logged[::2] == sorted((("fired", name) for _, name in logged[::2]), key=lambda line: order.index(line[1]))
    assert logged[1::2] == [("resolved", name) for _, name in logged[::2]]
    assert set(order) == {name for _, name in logged}


# ---- sizes ----

@pytest.mark.alone
@pytest.mark.idle
def test_a_size_is_a_capacity(tmp_path):
    capacity = {}

    def check(attempt):
        for size, users, expected in (("small", 8, 100), ("medium", 32, 400), ("large", 96, 1600)):
            folder = tmp_path / f"{size}{attempt}"
            folder.mkdir()
            target = Target(folder, "--size", size, "--service-time", "20ms")
            knobs = ask_json(target, "GET", "/admin/knobs")[1]
            assert knobs["workers"]["set_by"] == "size" and knobs["database-max"]["value"] == knobs["workers"]["value"]
            with Bare(target.port, users) as client:
                answers = client.closed_loop(0.8)
            target.stop()
            assert target.errors.read_text() == ""  # nothing is said of knobs that the size set
            first, last = answers[0].done + 0.1, answers[0].done + 0.6
            capacity[size] = sum(first <= answer.done < last for answer in answers) / 0.5
            if_quiet(capacity[size] == pytest.approx(expected, rel=0.1), capacity)
        assert capacity["small"] < capacity["medium"] < capacity["large"]

    in_a_quiet_moment(check)


def test_what_is_set_besides_a_size_wins(tmp_path):
    config = tmp_path / "a.conf"
    config.write_text("size = large\nsessions = 7\n")
    target = Target(tmp_path, "--config", config, "--workers", 5)
    knobs = ask_json(target, "GET", "/admin/knobs")[1]
    target.stop()
    assert (knobs["workers"]["value"], knobs["workers"]["set_by"]) == (5, "command line")
    assert (knobs["sessions"]["value"], knobs["sessions"]["set_by"]) == (7, "file")
    assert (knobs["workers-queue"]["value"], knobs["workers-queue"]["set_by"]) == (500, "size")


@pytest.mark.sanitize
def test_the_capacity_table_says_what_is_set_and_what_was_seen(tmp_path):
    target = Target(tmp_path, "--size", "small", "--service-time", "20ms", "--service-for", "work", "--sample", "100ms")
    for _ in range(30):
        ask(target, "GET", "/health")
    wait_until(lambda: ask_json(target, "GET", "/capacity")[1]["capacity"][0]["peak"])
    table = ask_json(target, "GET", "/capacity?rate=1000/s")[1]
    rows = {row["what"]: row for row in table["capacity"]}
    assert rows["requests with work"]["limit"] == 100
    assert rows["sessions"]["limit"] == rows["websockets"]["limit"] == 100
    assert table["plan"] == {"rate_per_s": 1000, "utilisation": 0.7, "instances": 15}
    turn(target, workers="unlimited")
    assert ask_json(target, "GET", "/capacity")[1]["capacity"][0]["limit"] is None
    assert ask(target, "GET", "/capacity?rate=x")[0] == 400
    target.stop()


@pytest.mark.sanitize
def test_the_dashboard_lists_tasks(tmp_path):
    target = Target(tmp_path, "--tasks", 1, "--tasks-time", "2s")
    ids = [ask_json(target, "POST", "/tasks", "{}")[1]["id"] for _ in range(3)]
    assert [one["id"] for one in ask_json(target, "GET", "/api/tasks/running")[1]["tasks"]] == ids[:1]
    assert [one["id"] for one in ask_json(target, "GET", "/api/tasks/queued")[1]["tasks"]] == ids[1:]
    assert ask_json(target, "GET", f"/api/tasks/status/{ids[2]}")[1]["state"] == "queued"
    target.stop()
