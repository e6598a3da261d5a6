"""What pelt-target depends on, an upstream and a database behind pools of connections, with a circuit breaker and
retries around the upstream: each limit bites where it was planted, and does not when its knob is off. The upstream is
another pelt-target; the client is bare, never pelt."""
import json
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import time

import pytest

from bare import Bare
from program import SLOW, if_quiet, in_a_quiet_moment, tried_until_quiet
from targets import Target
from test_target_limits import ask, ask_json, events, limit, metrics, run_with, turn, wait_until

MS = 1_000_000  # nanoseconds
LATE = 1 if SLOW else 0.4  # seconds: how late a thread may be on a busy machine


def told(target, system, event):
    """How often it happened, by /metrics."""
    return metrics(target)[f'pelt_target_events_total{{system="{system}",event="{event}"}}']


def spent(head, name):
    """Milliseconds of Server-Timing."""
    found = re.search(rf"[ ,]{name};dur=([\d.]+)", head.decode() if isinstance(head, bytes) else head)
    return float(found[1]) if found else None


def message(body):
    return json.loads(body)["error"]["message"]


class Upstream:
    """A pelt-target that can be killed and started again at its port."""

    def __init__(self, target, *options):
        self.start, self.options = target, options
        self.instance = target(*options)
        self.port = self.instance.port
        self.url = f"{self.instance.url}/work"

    def calls(self):
        return self.instance.count()["paths"].get("/work", 0)

    def restart(self):
        self.instance.stop()
        self.instance = self.start(*self.options, "--listen", f"127.0.0.1:{self.port}")


@pytest.fixture
def upstream(target):
    return lambda *options: Upstream(target, *options)


def statuses(answers):
    return sorted(answer.status for answer in answers)


def together(instance, count, path="/work"):
    with Bare(instance.port, count, path) as client:
        return client.together()


# ---- the upstream: its pool ----

@pytest.mark.sanitize
@tried_until_quiet
def test_a_call_is_part_of_the_request_and_told_apart(target, upstream, monkeypatch):
    slow = upstream("--service-time", "constant:30ms")
    with monkeypatch.context() as environment:  # whose proxies are not asked
        environment.setenv("http_proxy", "http://127.0.0.1:1")
        instance = target("--upstream", slow.url, "--service-time", "constant:10ms")
    for path, status in (("/work", 200), ("/health", 200), ("/work", 200)):
        got, headers, _ = ask(instance, "GET", path)
        assert got == status
        assert (spent(headers["Server-Timing"], "upstream") is not None) == (path == "/work")
    assert spent(headers["Server-Timing"], "upstream") >= 30 and spent(headers["Server-Timing"], "work") == 10
    if_quiet(spent(headers["Server-Timing"], "upstream-wait") < LATE * 1000, headers["Server-Timing"])
    assert slow.calls() == 2 and told(instance, "upstream", "connect") == 1, "the connection is kept"
    instance.stop()
    lines = [line for line in instance.requests() if line["path"] == "/work"]
    assert all(line["upstream_ns"] >= 30 * MS and "upstream_wait_ns" in line for line in lines) and len(lines) == 2
    assert [line["event"] for line in events(instance, "upstream")] == ["connect", "disconnect"]
    assert events(instance, "upstream")[1]["why"] == "end"


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
def test_sixteen_in_flight_on_four_connections_are_twelve_waiters(target, upstream, threads):
    slow = upstream("--service-time", "constant:1500ms" if SLOW else "constant:300ms", "--threads", 1)
    instance = target("--upstream", slow.url, "--upstream-max", 4, "--threads", threads)
    with Bare(instance.port, 16) as client:
        while client.idle:
            client.send()
        wait_until(lambda: limit(instance, "upstream") == {"used": 4, "limit": 4, "waiters": 12, "events": 12})
        assert limit(instance, "upstream_queue")["used"] == 12
        assert statuses(client.rest()) == [200] * 16
    assert limit(instance, "upstream") == {"used": 0, "limit": 4, "waiters": 0, "events": 12}
    assert told(instance, "upstream", "connect") == 4 and slow.calls() == 16
    turn(instance, upstream_max=16)
    assert statuses(together(instance, 16)) == [200] * 16
    assert limit(instance, "upstream")["events"] == 12, "with sixteen connections nobody waits"


@pytest.mark.sanitize
@tried_until_quiet
def test_a_pool_turned_off_calls_nobody_and_lets_go_who_waits(target, upstream):
    slow = upstream("--service-time", "constant:400ms")
    off = target("--upstream", slow.url, "--upstream-max", 0)
    assert ask(off, "GET", "/work")[0] == 200 and slow.calls() == 0
    assert "upstream" not in off.get("/metrics")
    instance = target("--upstream", slow.url, "--upstream-max", 1)
    began = time.monotonic()
    with Bare(instance.port, 4) as client:
        while client.idle:
            client.send()
        wait_until(lambda: limit(instance, "upstream")["waiters"] == 3)
        turn(instance, upstream_max=0)
        assert statuses(client.rest()) == [200] * 4
    took_s = time.monotonic() - began
    assert slow.calls() == 1
    if_quiet(took_s < 0.8 + LATE, took_s)
    turn(instance, upstream_max=2)
    assert ask(instance, "GET", "/work")[0] == 200 and slow.calls() == 2


@pytest.mark.alone
@pytest.mark.idle
def test_waits_for_a_connection_follow_littles_law(target, upstream):
    slow = upstream("--service-time", "constant:20ms")
    instance = target("--upstream", slow.url, "--upstream-max", 4)

    def check(_):
        with Bare(instance.port, 16) as client:
            answers = client.closed_loop(2)
        first = min(a.sent for a in answers) + 0.3
        steady = [a for a in answers if first <= a.done < first + 1.5]
        rate = len(steady) / 1.5
        wait_s = statistics.mean(spent(a.head, "upstream-wait") for a in steady) / 1000
        call_s = statistics.mean(spent(a.head, "upstream") for a in steady) / 1000
        if_quiet(rate * wait_s == pytest.approx(12, rel=0.1), (rate, wait_s))  # they wait for one of four,
        if_quiet(rate * call_s == pytest.approx(4, rel=0.1), (rate, call_s))  # and four are served

    in_a_quiet_moment(check)


@pytest.mark.sanitize
@pytest.mark.parametrize("wait, expected", [("50ms", [200, 503, 503]), ("5s", [200] * 3)])
@tried_until_quiet
def test_who_waits_too_long_for_a_connection_is_answered_503(target, upstream, wait, expected):
    slow = upstream("--service-time", "constant:300ms")
    instance = target("--upstream", slow.url, "--upstream-max", 1, "--upstream-wait", wait)
    answers = together(instance, 3)
    if_quiet(statuses(answers) == expected, answers)
    refusals = [a for a in answers if a.status == 503]
    assert told(instance, "upstream", "wait_timeout") == len(refusals)
    assert all(0.05 <= a.done - a.sent for a in refusals)
    assert all(50 <= spent(a.head, "upstream-wait") and spent(a.head, "upstream") == 0 for a in refusals)
    if_quiet(all(a.done - a.sent < 0.05 + LATE and spent(a.head, "upstream-wait") < 50 + LATE * 1000 for a in refusals), refusals)
    instance.stop()
    refused = [line for line in instance.requests() if line["status"] == 503]
    assert [line["refused_by"] for line in refused] == ["upstream"] * len(refused)
    assert [line["event"] for line in events(instance, "upstream")].count("wait_timeout") == len(refused)


@pytest.mark.sanitize
@pytest.mark.parametrize("waiters, expected", [(1, [200, 200, 503, 503]), ("unlimited", [200] * 4)])
@tried_until_quiet
def test_only_so_many_may_wait_for_a_connection(target, upstream, waiters, expected):
    slow = upstream("--service-time", "constant:200ms")
    instance = target("--upstream", slow.url, "--upstream-max", 1, "--upstream-waiters", waiters)
    answers = together(instance, 4)
    if_quiet(statuses(answers) == expected, answers)
    assert all(b"Retry-After: 1" in a.head for a in answers if a.status == 503)
    if_quiet(all(a.done - a.sent < LATE for a in answers if a.status == 503), answers)
    assert limit(instance, "upstream_queue")["events"] == expected.count(503)
    assert ask(instance, "GET", "/work")[0] == 200
    instance.stop()
    edges = [line["event"] for line in events(instance, "upstream") if line["event"] in ("full", "free")]
    assert edges == (["full", "free"] if waiters == 1 else [])


@pytest.mark.sanitize
@pytest.mark.parametrize("timeout, status", [("60ms", 504), ("5s", 200)])
@tried_until_quiet
def test_a_slow_upstream_is_given_up(target, upstream, timeout, status):
    slow = upstream("--service-time", "constant:400ms")
    instance = target("--upstream", slow.url, "--upstream-timeout", timeout)
    began = time.monotonic()
    got, _, body = ask(instance, "GET", "/work")
    assert got == status
    assert told(instance, "upstream", "timeout") == (status == 504)
    if status == 504:
        took_s = time.monotonic() - began
        assert took_s >= 0.06
        if_quiet(took_s < 0.06 + LATE, took_s)
        assert message(body) == "the upstream did not answer in time" and json.loads(body)["error"]["type"] == "timeout"
        wait_until(lambda: told(instance, "upstream", "disconnect") == 1)  # its answer may come yet: it is not used again
    instance.stop()
    assert [line["event"] for line in events(instance, "upstream")].count("timeout") == (status == 504)


@pytest.mark.sanitize
def test_each_failure_has_its_own_message(target, upstream):
    failing, other = upstream("--error-share", "100%"), upstream()
    for url, said in ((failing.url, "the upstream answered with an error"),
                      (other.instance.url + "/status/429", "the upstream answered with an error"),
                      (other.instance.url + "/nowhere", "the upstream rejected the call"),
                      ("http://127.0.0.1:1/work", "cannot connect to the upstream")):
        instance = target("--upstream", url)
        status, headers, body = ask(instance, "GET", "/work")
        assert (status, message(body)) == (502, said)
        assert json.loads(body)["error"]["type"] == "bad_gateway" and "Retry-After" not in headers
    instance.stop()
    [event] = events(instance, "upstream")
    assert (event["event"], event["why"]) == ("connect_failed", "Connection refused")
    assert ask(target("--upstream", other.instance.url + "/status/302"), "GET", "/work")[0] == 200


@pytest.mark.sanitize
@pytest.mark.parametrize("options, opened, why", [
    (("--upstream-lifetime", "150ms"), 3, "lifetime"), (("--upstream-idle", "20ms"), 8, "idle"),
    (("--upstream-idle", "20ms", "--upstream-min", "1"), 1, "end"), ((), 1, "end")])
def test_connections_are_closed_when_old_or_idle(target, upstream, options, opened, why):
    instance = target("--upstream", upstream().url, "--upstream-lifetime", 0, "--upstream-idle", 0, *options)
    for _ in range(8):
        assert ask(instance, "GET", "/work")[0] == 200
        time.sleep(0.06)
    if opened > 1:
        wait_until(lambda: told(instance, "upstream", "disconnect") == told(instance, "upstream", "connect"))
        assert limit(instance, "upstream")["used"] == 0
    instance.stop()
    closed = [line for line in events(instance, "upstream") if line["event"] == "disconnect"]
    assert {line["why"] for line in closed} == {why} and sum(line["uses"] for line in closed) == 8
    assert len(closed) == 1 if opened == 1 else opened / 2 < len(closed) <= opened * 2, closed


@pytest.mark.sanitize
def test_connections_to_keep_are_opened_at_once(target, upstream):
    instance = target("--upstream", upstream().url, "--upstream-min", 3)
    wait_until(lambda: told(instance, "upstream", "connect") == 3)
    assert ask(instance, "GET", "/work")[0] == 200 and told(instance, "upstream", "connect") == 3


@pytest.mark.sanitize
@pytest.mark.parametrize("check, status", [("1ms", 200), (0, 502)])
def test_a_check_finds_the_connection_that_the_upstream_closed(target, upstream, check, status):
    mortal = upstream()
    instance = target("--upstream", mortal.url, "--upstream-check", check)
    assert ask(instance, "GET", "/work")[0] == 200
    mortal.restart()
    got, _, body = ask(instance, "GET", "/work")
    assert got == status, body
    assert told(instance, "upstream", "check_failed") == (status == 200)
    if status == 502:
        assert message(body) == "the upstream broke the connection"
    assert ask(instance, "GET", "/work")[0] == 200, "a fresh one took its place"
    instance.stop()
    assert "bad" in [line.get("why") for line in events(instance, "upstream")]


def test_counts_of_both_sides_agree_under_load(target, upstream):
    if not shutil.which("wrk"):
        pytest.skip("no wrk on this host")
    other = upstream()
    instance = target("--upstream", other.url, "--threads", 2)
    done = subprocess.run(["wrk", "-t1", "-c32", "-d1s", instance.url + "/work"], capture_output=True, text=True,
                          timeout=30)
    assert "Non-2xx" not in done.stdout, done.stdout
    wait_until(lambda: sum(limit(instance, "upstream")[figure] for figure in ("used", "waiters")) == 0)
    assert instance.count()["paths"]["/work"] == other.calls() > 100
    assert list(instance.count()["statuses"]) == ["200"]
    assert other.calls() - 32 <= instance.count()["statuses"]["200"] <= other.calls(), "wrk leaves the last unread"


# ---- the circuit breaker ----

def breaker(instance):
    return [line["event"] for line in events(instance, "upstream") if line["event"].startswith("breaker")]


@pytest.mark.sanitize
@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.parametrize("failures", [3, 0])
def test_the_breaker_opens_after_so_many_failures_and_rejects_at_once(target, upstream, failures):
    failing = upstream("--error-share", "100%", "--service-time", "constant:20ms")
    instance = target("--upstream", failing.url, "--upstream-failures", failures, "--upstream-cooldown", "30s")
    got = [ask(instance, "GET", "/work") for _ in range(8)]
    if failures == 0:
        assert [status for status, _, _ in got] == [502] * 8 and failing.calls() == 8
        assert "breaker" not in instance.get("/metrics")
        return
    assert [status for status, _, _ in got] == [502] * 3 + [503] * 5 and failing.calls() == 3
    assert message(got[-1][2]) == "the circuit breaker of the upstream is open"
    assert 28 <= int(got[-1][1]["Retry-After"]) <= 30
    assert limit(instance, "upstream_breaker") == {"used": 3, "limit": 3, "waiters": 0, "events": 5}

    def check(_):
        with Bare(instance.port, 1) as client:
            times = [answer.done - answer.sent for answer in client.closed_loop(0.3)]
        if_quiet(statistics.quantiles(times, n=100)[98] < 0.002, times)

    if not SLOW:
        in_a_quiet_moment(check)
    assert failing.calls() == 3
    turn(instance, upstream_failures=0)
    assert ask(instance, "GET", "/work")[0] == 502, "turned off, it is closed"
    instance.stop()
    assert breaker(instance) == ["breaker_open", "breaker_closed"]


@pytest.mark.sanitize
def test_one_probe_closes_the_breaker_or_opens_it_again(target, upstream):
    failing = upstream("--error-share", "100%", "--service-time", "constant:150ms")
    instance = target("--upstream", failing.url, "--upstream-failures", 2, "--upstream-cooldown", "300ms")
    assert statuses(together(instance, 2)) == [502, 502] and failing.calls() == 2
    time.sleep(0.32)
    answers = together(instance, 6)
    assert statuses(answers) == [502] + [503] * 5 and failing.calls() == 3, "one probe, and it fails"
    assert ask(instance, "GET", "/work")[0] == 503, "open again"
    turn(failing.instance, error_share=0)
    time.sleep(0.32)
    answers = together(instance, 6)
    assert statuses(answers) == [200] + [503] * 5 and failing.calls() == 4, "one probe, and it succeeds"
    assert statuses(together(instance, 6)) == [200] * 6
    assert told(instance, "upstream", "breaker_probe") == 2
    instance.stop()
    assert breaker(instance) == ["breaker_open", "breaker_half_open", "breaker_open", "breaker_half_open",
                                 "breaker_closed"]
    at = [line["at_ns"] for line in events(instance, "upstream") if line["event"].startswith("breaker")]
    assert at[1] - at[0] >= 300 * MS and at[3] - at[2] >= 300 * MS


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
def test_a_breaker_that_opens_turns_away_who_waits_for_a_connection(target, upstream, threads):
    failing = upstream("--error-share", "100%", "--service-time", "constant:20ms")
    instance = target("--upstream", failing.url, "--upstream-failures", 3, "--upstream-cooldown", "30s",
                      "--upstream-max", 1, "--threads", threads)
    answers = together(instance, 40)
    assert statuses(answers) == [502] * 3 + [503] * 37 and failing.calls() == 3
    assert limit(instance, "upstream_breaker")["events"] == 37
    assert limit(instance, "upstream") == {"used": 0, "limit": 1, "waiters": 0, "events": 39}


@pytest.mark.sanitize
def test_only_the_probe_goes_out_though_many_wait(target, upstream):
    failing = upstream("--error-share", "100%", "--service-time", "constant:50ms")
    instance = target("--upstream", failing.url, "--upstream-failures", 3, "--upstream-cooldown", "100ms",
                      "--upstream-max", 1)
    assert statuses(together(instance, 20)) == [502] * 3 + [503] * 17 and failing.calls() == 3
    time.sleep(0.12)
    assert statuses(together(instance, 20)) == [502] + [503] * 19 and failing.calls() == 4
    turn(failing.instance, error_share=0)
    time.sleep(0.12)
    assert statuses(together(instance, 20)).count(200) >= 1, "the probe has closed it"
    assert statuses(together(instance, 20)) == [200] * 20


@pytest.mark.sanitize
@pytest.mark.parametrize("failures", [2, 0])
def test_an_open_breaker_makes_it_not_ready(target, upstream, failures):
    failing = upstream("--error-share", "100%")
    instance = target("--upstream", failing.url, "--upstream-failures", failures, "--upstream-cooldown", "400ms")

    def health():
        detailed = ask_json(instance, "GET", "/health/detailed")[1]
        return ask_json(instance, "GET", "/health/ready"), detailed["status"], detailed["degraded"]

    well = ((200, {"status": "ready"}), "ok", [])
    assert health() == well
    for _ in range(2):
        assert ask(instance, "GET", "/work")[0] == 502
    assert health() == (((503, {"status": "degraded"}), "degraded", ["upstream"]) if failures else well)
    assert ask_json(instance, "GET", "/health/live") == (200, {"status": "alive"})
    if failures:
        time.sleep(0.42)
        assert health() == ((200, {"status": "ready"}), "degraded", ["upstream"]), "half-open, it wants a probe"
    turn(failing.instance, error_share=0)
    assert ask(instance, "GET", "/work")[0] == 200
    assert health() == well


# ---- retries ----

@pytest.mark.sanitize
@pytest.mark.parametrize("attempts", [4, 1])
@tried_until_quiet
def test_retries_follow_their_schedule(target, upstream, attempts):
    failing = upstream("--error-share", "100%")
    instance = target("--upstream", failing.url, "--upstream-attempts", attempts, "--upstream-backoff", "40ms",
                      "--upstream-backoff-max", "100ms")
    for _ in range(6):
        got, headers, _ = ask(instance, "GET", "/work")
        assert got == 502
    assert failing.calls() == 6 * attempts and told(instance, "upstream", "retry") == 6 * (attempts - 1)
    instance.stop()
    failing.instance.stop()
    retries = [line for line in events(instance, "upstream") if line["event"] == "retry"]
    bound = {1: 40, 2: 80, 3: 100}
    assert [line["failed"] for line in retries] == [1, 2, 3][:attempts - 1] * 6
    assert all(0 <= line["wait_ms"] < bound[line["failed"]] for line in retries)
    begins = [line["begin_ns"] for line in failing.instance.requests()]
    for line in retries:  # the upstream saw each attempt when it was due
        due_ns = line["at_ns"] + line["wait_ms"] * MS
        late_ns = min((begin - due_ns for begin in begins if begin > due_ns - MS), default=None)
        assert late_ns is not None, (line, begins)
        if_quiet(late_ns < LATE * 1e9, (line, begins))
    if retries:
        waits = [line["wait_ms"] / bound[line["failed"]] for line in retries]
        assert len(set(waits)) == len(waits) and 0.2 < statistics.mean(waits) < 0.8, "full jitter"
        assert all(line["upstream_wait_ns"] > 0 for line in instance.requests() if line["path"] == "/work")


@pytest.mark.sanitize
def test_retries_hide_failures_that_pass(target, upstream):
    shaky = upstream("--error-share", "30%", "--seed", 5)
    plain = target("--upstream", shaky.url)
    steady = target("--upstream", shaky.url, "--upstream-attempts", 16, "--upstream-backoff", "1ms")
    assert {ask(plain, "GET", "/work")[0] for _ in range(40)} == {200, 502}
    assert {ask(steady, "GET", "/work")[0] for _ in range(40)} == {200}
    assert told(steady, "upstream", "retry") > 3


@pytest.mark.sanitize
def test_an_open_breaker_ends_the_retries(target, upstream):
    failing = upstream("--error-share", "100%")
    instance = target("--upstream", failing.url, "--upstream-attempts", 16, "--upstream-backoff", "5ms",
                      "--upstream-failures", 3, "--upstream-cooldown", "30s")
    got, headers, body = ask(instance, "GET", "/work")
    assert got == 503 and "breaker" in message(body) and "Retry-After" in headers and failing.calls() == 3


# ---- the database ----

def rows(path, query):
    connection = sqlite3.connect(path, timeout=10)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.mark.sanitize
@pytest.mark.parametrize("query, wrote", [("read-write", 5), ("write", 5), ("read", 0), ("slow", 0)])
def test_a_request_reads_and_writes_its_rows(target, tmp_path, query, wrote):
    path = tmp_path / "x.db"
    instance = target("--database", path, "--database-query", query, "--database-rows", 50, "--database-slow", "5ms")
    assert statuses(together(instance, 5)) == [200] * 5
    _, headers, _ = ask(instance, "GET", "/health")
    assert spent(headers["Server-Timing"], "database") is None
    assert told(instance, "database", "write") == wrote and told(instance, "database", "read") == (query != "write") * 5
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    assert rows(path, "SELECT count(*), count(DISTINCT name), max(length(body)) FROM item") == [(50, 50, 200)]
    assert rows(path, "SELECT count(*) FROM visit JOIN item ON item.id = visit.item") == [(wrote,)]
    instance.stop()
    assert all("database_ns" in line for line in instance.requests() if line["path"] == "/work")
    off = target()
    assert ask(off, "GET", "/work")[0] == 200 and "database" not in off.get("/metrics")
    again = target("--database", path, "--database-rows", 999)
    assert ask(again, "GET", "/work")[0] == 200
    assert rows(path, "SELECT count(*) FROM item") == [(50,)], "rows that are there stay"


@pytest.mark.sanitize
@tried_until_quiet
def test_slow_queries_on_two_connections_make_waiters(target, tmp_path):
    instance = target("--database", tmp_path / "x.db", "--database-max", 2, "--database-query", "slow",
                      "--database-slow", "250ms", "--database-min", 2)
    wait_until(lambda: told(instance, "database", "connect") == 2)
    with Bare(instance.port, 8) as client:
        while client.idle:
            client.send()
        wait_until(lambda: limit(instance, "database") == {"used": 2, "limit": 2, "waiters": 6, "events": 6})
        answers = client.rest()
    assert statuses(answers) == [200] * 8
    waits = sorted(spent(a.head, "database-wait") for a in answers)
    sending = 1000 * (max(a.sent for a in answers) - min(a.sent for a in answers)) + 50
    if_quiet(all(250 * (i // 2) - sending <= wait < 250 * (i // 2) + 4 * LATE * 1000 for i, wait in enumerate(waits)), waits)
    turn(instance, database_slow="0")
    began = time.monotonic()
    assert statuses(together(instance, 8)) == [200] * 8
    if_quiet(time.monotonic() - began < 0.25 + LATE, "they took no second")


@pytest.mark.sanitize
@pytest.mark.parametrize("knob, value, said, status", [
    ("database-timeout", "50ms", "the database did not answer in time", 504),
    ("database-wait", "50ms", "no connection to the database was free in time", 503),
    ("database-waiters", 0, "too many requests wait for a connection to the database", 503)])
def test_a_slow_database_is_given_up(target, tmp_path, knob, value, said, status):
    instance = target("--database", tmp_path / "x.db", "--database-max", 1, "--database-min", 1, "--database-query",
                      "slow", "--database-slow", "250ms")
    wait_until(lambda: told(instance, "database", "connect") == 1)
    assert statuses(together(instance, 2)) == [200, 200], "as long as the knob is at its default"
    turn(instance, **{knob.replace("-", "_"): value})
    answers = together(instance, 2)
    assert statuses(answers) == ([504, 504] if status == 504 else [200, 503])
    assert {message(answer.body) for answer in answers if answer.status == status} == {said}


@pytest.mark.sanitize
def test_a_locked_database_is_named(target, tmp_path):
    path = tmp_path / "x.db"
    instance = target("--database", path, "--database-timeout", "100ms", "--database-query", "write")
    assert ask(instance, "GET", "/work")[0] == 200
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    got, headers, body = ask(instance, "GET", "/work")
    assert (got, message(body), headers["Retry-After"]) == (503, "database is locked", "1")
    assert spent(headers["Server-Timing"], "database") >= 100
    turn(instance, database_query="read")
    assert ask(instance, "GET", "/work")[0] == 200, "in WAL mode a writer holds up no reader"
    turn(instance, database_query="write", database_timeout="5s")
    other.execute("COMMIT")
    assert ask(instance, "GET", "/work")[0] == 200
    other.close()
    assert told(instance, "database", "busy") == 1
    instance.stop()
    assert [line["why"] for line in events(instance, "database") if line["event"] == "error"] == ["database is locked"]


@pytest.mark.sanitize
@pytest.mark.parametrize("idle, why", [("20ms", "idle"), (0, "end")])
def test_an_idle_connection_to_the_database_is_closed(target, tmp_path, idle, why):
    instance = target("--database", tmp_path / "x.db", "--database-idle", idle)
    for count in (1, 2):
        assert ask(instance, "GET", "/work")[0] == 200
        time.sleep(0.1)
        if idle:
            wait_until(lambda: told(instance, "database", "disconnect") == count)
    instance.stop()
    closed = [line["why"] for line in events(instance, "database") if line["event"] == "disconnect"]
    assert closed == [why] * (2 if idle else 1)


@pytest.mark.sanitize
@pytest.mark.parametrize("check, status", [("1ms", 200), (0, 502)])
def test_a_check_finds_the_database_without_its_table(target, tmp_path, check, status):
    path = tmp_path / "x.db"
    instance = target("--database", path, "--database-query", "read", "--database-rows", 5, "--database-check", check)
    assert ask(instance, "GET", "/work")[0] == 200
    rows(path, "DROP TABLE item")
    time.sleep(0.01)
    got, _, body = ask(instance, "GET", "/work")
    assert got == status, body
    assert told(instance, "database", "check_failed") == (status == 200)


@pytest.mark.sanitize
def test_the_page_cache_is_a_cache_of_the_figures(target, tmp_path):
    def misses(cache):
        instance = target("--database", tmp_path / "x.db", "--database-max", 1, "--database-query", "read",
                          "--database-cache", cache)
        for _ in range(60):
            assert ask(instance, "GET", "/work")[0] == 200
        figures = {figure: metrics(instance)[f'pelt_target_cache_{figure}{{cache="database_pages"}}']
                   for figure in ("hits_total", "misses_total", "bytes")}
        assert figures["hits_total"] > 60 and 0 < figures["bytes"]
        assert ask_json(instance, "GET", "/health/detailed")[1]["systems"]["caches"]["database_pages"]["hits"] \
            == figures["hits_total"]
        return figures

    misses("8m")  # makes the rows
    large, small = misses("8m"), misses("16k")
    assert small["misses_total"] > large["misses_total"] and small["bytes"] < large["bytes"]


def test_a_killed_service_leaves_a_whole_database(target, tmp_path):
    if not shutil.which("wrk"):
        pytest.skip("no wrk on this host")
    path, folder = tmp_path / "x.db", tmp_path / "killed"
    folder.mkdir()
    killed = Target(folder, "--database", path, "--threads", 2)
    load = subprocess.Popen(["wrk", "-t1", "-c16", "-d2s", killed.url + "/work"], stdout=subprocess.DEVNULL)
    wait_until(lambda: killed.count()["statuses"].get("200", 0) > 300)
    answered = killed.count()["statuses"]["200"]
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait(10)
    killed.process.stdout.close()
    load.kill()
    load.wait()
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    [(kept,)] = rows(path, "SELECT count(*) FROM visit")
    assert kept >= answered
    instance = target("--database", path)
    assert ask(instance, "GET", "/work")[0] == 200
    assert rows(path, "SELECT count(*) FROM visit") == [(kept + 1,)]


# ---- both ----

@pytest.mark.sanitize
@pytest.mark.parametrize("options, said", [
    (("--upstream", "127.0.0.1:8080"), 'upstream: "127.0.0.1:8080" is not http://HOST:PORT/PATH; try http://127.0.0.1'),
    (("--upstream", "ftp://h/x"), 'upstream: "ftp://h/x" is not http://HOST:PORT/PATH'),
    (("--upstream", "http://h:99999/"), 'upstream: "http://h:99999/" is not'),
    (("--upstream", "http://h/", "--upstream-min", "5", "--upstream-max", "4"),
     'upstream-min: "5" is more than upstream-max, 4; try upstream-min 4'),
    (("--upstream-max", "257"), '"257" is not a whole number of 0 to 256'),
    (("--upstream-attempts", "0"), '"0" is not a whole number of 1 to 16'),
    (("--upstream-timeout", "0"), '"0" is not a time of 1ms to'),
    (("--database", "/no/such/folder/x.db"), 'database: cannot write "/no/such/folder/x.db": No such file or directory'),
    (("--database", "/"), 'database: "/" is no file that can be read and written'),
    (("--database", "/etc/passwd"), 'database: "/etc/passwd" is no'),
    (("--database-query", "fast"), '"fast" is not one of: read-write, read, write, slow'),
])
def test_a_wrong_knob_gets_one_line_and_exit_2(options, said):
    done = run_with("--listen", "127.0.0.1:0", *options)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1, done.stderr


@pytest.mark.sanitize
@pytest.mark.parametrize("drain, expected", [("20s", [200, 200, 200]), ("50ms", [0, 0, 0])])
@tried_until_quiet
def test_the_end_answers_or_drops_who_waits(target, upstream, tmp_path, drain, expected):
    slow = upstream("--service-time", "constant:300ms")
    instance = target("--upstream", slow.url, "--upstream-max", 1, "--upstream-attempts", 2, "--database",
                      tmp_path / "x.db", "--drain", drain)
    with Bare(instance.port, 3) as client:
        while client.idle:
            client.send()
        wait_until(lambda: limit(instance, "upstream")["waiters"] == 2)
        began = time.monotonic()
        assert instance.stop() == 0
        if_quiet(time.monotonic() - began < (1.5 + LATE if drain == "50ms" else 15), "long before a drain of 20 s is over")
    assert [line["status"] for line in instance.requests() if line["path"] == "/work"] == expected
    disconnects = [line for line in events(instance, "upstream") if line["event"] == "disconnect"]
    assert len(disconnects) == 1
    assert rows(tmp_path / "x.db", "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.sanitize
def test_knobs_turned_under_load_lose_no_request(target, upstream, tmp_path):
    if not shutil.which("wrk"):
        pytest.skip("no wrk on this host")
    shaky = upstream("--error-share", "5%")
    instance = target("--upstream", shaky.url, "--database", tmp_path / "x.db", "--threads", 2,
                      "--upstream-attempts", 3, "--upstream-backoff", "2ms", "--upstream-failures", 4,
                      "--upstream-cooldown", "5ms", "--upstream-lifetime", "100ms", "--database-lifetime", "100ms")
    load = subprocess.Popen(["wrk", "-t1", "-c32", "-d1s", instance.url + "/work"], stdout=subprocess.PIPE, text=True)
    for size in (1, 0, 3, 16, 2, 0, 8):
        turn(instance, upstream_max=size, database_max=(size + 1) % 4, upstream_wait=f"{size * 10}ms",
             upstream_check=f"{size}ms", database_check=f"{size}ms")
        instance.get("/metrics")
        time.sleep(0.1)
    out = load.communicate(timeout=30)[0]
    assert "Socket errors" not in out, out
    turn(instance, upstream_max=4, database_max=4)
    wait_until(lambda: limit(instance, "upstream")["used"] + limit(instance, "upstream")["waiters"] == 0
               and limit(instance, "database")["used"] + limit(instance, "database")["waiters"] == 0)
    assert instance.settled_count()["unanswered"] == 0, "those that wrk left were answered, too"
