"""pelt-target's limits bite where they were planted: figures are held against theory, a plain simulation and the truth
log, with a bare client, never with pelt. Its knobs are turned by file, by command line and by /admin/knobs."""
import heapq
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

import pytest

from bare import Bare
from program import ROOT, SLOW, if_quiet, in_a_quiet_moment, tried_until_quiet
from targets import TARGET

MS = 1_000_000  # nanoseconds


def ask(target, method, path, body=None, host="127.0.0.1", headers=None):
    connection = http.client.HTTPConnection(host, target.port, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def ask_json(*arguments, **more):
    status, _, body = ask(*arguments, **more)
    return status, json.loads(body)


def turn(target, **knobs):
    """Knob names with _ for -."""
    status, body = ask_json(target, "PUT", "/admin/knobs",
                            json.dumps({name.replace("_", "-"): value for name, value in knobs.items()}))
    assert status == 200, body
    return body


def metrics(target):
    lines = (line.rsplit(" ", 1) for line in target.get("/metrics").splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def limit(target, name):
    """{"used": ..., "limit": ..., "waiters": ..., "events": ...} of one limit."""
    figures = metrics(target)
    return {figure: figures[f'pelt_target_limit_{figure}{tail}{{limit="{name}"}}']
            for figure, tail in (("used", ""), ("limit", ""), ("waiters", ""), ("events", "_total"))}


def events(target, system):
    """Of the truth log, in order of their own times."""
    return sorted((line for line in target.log() if line["type"] == "event" and line["system"] == system),
                  key=lambda line: line["at_ns"])


def wait_until(holds, seconds=10):
    deadline = time.monotonic() + seconds * (5 if SLOW else 1)
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def run_with(*options):
    return subprocess.run([TARGET, *map(str, options)], capture_output=True, text=True, timeout=20)


# ---- configuration ----

@pytest.mark.sanitize
def test_a_configuration_file_is_obeyed_and_the_command_line_wins(target, tmp_path):
    config = tmp_path / "a.conf"
    config.write_text("# a comment\nservice-time = constant:50ms\nworkers = 2\nseed = 7\n")
    instance = target("--config", config, "--workers", "3")
    _, knobs = ask_json(instance, "GET", "/admin/knobs")
    assert (knobs["service-time"]["value"], knobs["service-time"]["set_by"]) == ("constant:50ms", "file")
    assert (knobs["workers"]["value"], knobs["workers"]["set_by"]) == (3, "command line")
    assert (knobs["workers-queue"]["value"], knobs["workers-queue"]["set_by"]) == ("unlimited", "default")
    began = time.monotonic()
    assert ask(instance, "GET", "/work")[0] == 200
    assert time.monotonic() - began >= 0.05
    assert limit(instance, "workers")["limit"] == 3


@pytest.mark.sanitize
@pytest.mark.parametrize("text, said", [
    ("seed = 1\n\nwokers = 4\n", ':3: no knob "wokers"; did you mean workers?'),
    ("workers = none\n", ':1: workers: "none" is not a whole number of 1 to 10000, nor the word unlimited'),
    ("workers\n", ':1: "workers" is not NAME = VALUE; try'),
    ("= 3\n", ':1: "= 3" is not NAME = VALUE; try'),
    ("foo = 3\n", ':1: no knob "foo"; --help lists all'),
    ("seed = 1\nseed = 1\n", ":2: seed is set twice; line 1"),
    ("service-time = 5\n", ':1: service-time: "5" is not a law; try constant:5ms'),
    ("workers = 4\nworkers-max = 2\n", 'workers-max: "2" is less than workers, 4; try workers-max 4'),
    ("workers-max = 2\n", 'workers-max: "2" needs workers'),
])
def test_a_wrong_configuration_gets_one_line_and_exit_2(tmp_path, text, said):
    config = tmp_path / "a.conf"
    config.write_text(text)
    done = run_with("--config", config)
    assert done.returncode == 2 and done.stdout == ""
    assert said in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.sanitize
@pytest.mark.sanitize
def test_a_knob_that_does_nothing_alone_is_told(target, tmp_path):
    config = tmp_path / "a.conf"
    config.write_text("\ufeffworkers-queue = 5\n")
    alone = target("--config", config, "--rate-burst", 7, "--upstream-max", 8)
    assert alone.errors.read_text().splitlines() == [
        "pelt-target: rate-burst does nothing without rate-limit",
        "pelt-target: workers-queue does nothing without workers"]
    together = target("--workers", 2, "--workers-queue", 5, "--rate-limit", "9/s", "--rate-burst", 7)
    assert together.errors.read_text() == ""
    assert '"sessions"' in together.get("/metrics"), "a limit is there before it is used"


def test_a_configuration_that_is_not_there_is_named(tmp_path):
    for path in (tmp_path / "none.conf", tmp_path):
        done = run_with("--config", path)
        assert done.returncode == 2 and f'--config: cannot read "{path}"' in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.sanitize
def test_a_printed_configuration_reads_back(tmp_path):
    config = tmp_path / "a.conf"
    first = run_with("--workers=4", "--stall=1s,300ms/5s", "--stall=1s/7s", "--service-time=lognormal:5ms,0.5",
                     "--print-config").stdout
    config.write_text(first)
    assert "\nworkers = 4\n" in first and "\nstall = 1s,300ms/5s 1s/7s\n" in first
    assert run_with("--config", config, "--print-config").stdout == first


@pytest.mark.sanitize
@pytest.mark.one_thread
def test_every_knob_is_in_the_manual(target):
    manual = (ROOT / "docs/TARGET.md").read_text()
    _, knobs = ask_json(target(), "GET", "/admin/knobs")
    assert [name for name in knobs if not re.search(rf"^\| `{name}` ", manual, re.MULTILINE)] == []
    told = run_with("--help").stdout
    assert all(f"--{name} " in told for name in knobs)


def test_what_the_manual_calls_a_test_of_a_system_is_there():
    manual = (ROOT / "docs/TARGET.md").read_text()
    table = manual[manual.index("## What stands for what"):manual.index("## How exact it is")]
    named = {name.removeprefix("test_") for row in table.splitlines() for name in re.findall(r"\b[a-z0-9]+(?:_[a-z0-9]+)+", row.rsplit("|", 2)[1] if "|" in row else "")}
    files = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")] + [path.name for path in (ROOT / "tests").rglob("*_test.c")]
    there = " ".join(files) + " ".join(path.name for path in (ROOT / "tests/integration").iterdir())
    assert len(named) > 80 and [name for name in sorted(named) if name not in there] == []


# ---- the admin path ----

@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
def test_a_turned_knob_holds_from_the_next_request_on(target, threads):
    instance = target("--threads", threads)
    for ms in (30, 0, 20, 1):
        body = turn(instance, service_time=f"{ms}ms")
        assert body["service-time"]["value"] == (f"constant:{ms}ms" if ms else "0")
        for _ in range(4):
            _, headers, _ = ask(instance, "GET", "/work")
            assert float(headers["Server-Timing"].rpartition("work;dur=")[2]) == ms


@pytest.mark.sanitize
def test_one_knob_is_read_and_turned_by_its_name(target):
    instance = target()
    status, knob = ask_json(instance, "PUT", "/admin/knobs/workers", "4")
    assert (status, knob["value"], knob["set_by"]) == (200, 4, "admin")
    assert ask_json(instance, "GET", "/admin/knobs/workers") == (200, knob)
    assert ask(instance, "GET", "/admin/knobs/wokers")[0] == 404
    assert ask(instance, "POST", "/admin/knobs", "{}")[0] == 405


@pytest.mark.sanitize
@pytest.mark.parametrize("path, body, status, said", [
    ("/admin/knobs", "{", 400, "not JSON"),
    ("/admin/knobs", "[]", 400, "no JSON object"),
    ("/admin/knobs", '{"workers": 2, "wokers": 3}', 400, "did you mean workers?"),
    ("/admin/knobs", '{"workers": 2, "seed": 3}', 400, "seed: is read at the start only; restart with --seed"),
    ("/admin/knobs", '{"workers": 2, "workers-max": 1}', 400, 'workers-max: \\"1\\" is less than workers, 2'),
    ("/admin/knobs/workers", '"many"', 400, 'workers: \\"many\\" is not a whole number of 1 to 10000'),
    ("/admin/knobs/wokers", "4", 404, "did you mean workers?"),
    ("/admin/knobs/w%ffrkers", "4", 404, "did you mean workers?"),
])
def test_a_wrong_change_is_told_and_changes_nothing(target, path, body, status, said):
    instance = target()
    before = ask(instance, "GET", "/admin/knobs")[2]
    got, _, text = ask(instance, "PUT", path, body)
    assert got == status and said in text.decode(), text
    assert ask(instance, "GET", "/admin/knobs")[2] == before


@pytest.mark.sanitize
def test_a_change_is_an_event_and_the_admin_path_is_not_counted(target):
    instance = target()
    turn(instance, workers=4, error_share="10%")
    assert ask(instance, "PUT", "/admin/knobs/workers", "0")[0] == 400
    assert instance.count()["total"] == 0
    instance.stop()
    told = [{name: line[name] for name in ("event", "knob", "before", "after")}
            for line in events(instance, "workers") + events(instance, "service")]
    assert told == [{"event": "knob", "knob": "workers", "before": "unlimited", "after": "4"},
                    {"event": "knob", "knob": "error-share", "before": "0", "after": "0.1"}]


@pytest.mark.sanitize
def test_the_admin_path_can_be_turned_off(target):
    instance = target("--admin", "off")
    assert ask(instance, "GET", "/admin/knobs")[0] == 403
    assert ask(instance, "PUT", "/admin/knobs", '{"admin": true}')[0] == 403
    other = target()
    assert turn(other, admin=False)["admin"]["value"] is False
    assert ask(other, "GET", "/admin/knobs/admin")[0] == 403


def own_address():
    """This host's address on a network, None if it has none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


@pytest.mark.sanitize
def test_others_than_this_machine_are_refused(target):
    address = own_address()
    if not address:
        pytest.skip("this host has no address but the loopback's")
    instance = target("--listen", "0.0.0.0:0")
    assert ask(instance, "GET", "/health", host=address)[0] == 200
    for method, path in (("GET", "/admin/knobs"), ("PUT", "/admin/knobs"), ("GET", "/admin/knobs/workers"),
                         ("PUT", "/admin/knobs/workers"), ("POST", "/admin/knobs")):
        status, _, body = ask(instance, method, path, '{"workers": 1}', host=address)
        assert status == 403 and b"127.0.0.1" in body
    assert ask(instance, "GET", "/admin/knobs")[0] == 200


# ---- the worker pool: its law ----

@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("workers, law, mean_ms", [(1, "constant:5ms", 5), (4, "constant:10ms", 10),
                                                   (8, "exponential:5ms", 5)])
def test_capacity_is_workers_by_service_time(target, threads, workers, law, mean_ms):
    instance = target("--threads", threads, "--workers", workers, "--service-time", law)
    seconds = 2 if "constant" in law else 4  # what is drawn needs more of it to come near its mean

    def check(_):
        with Bare(instance.port, 16 * workers) as client:
            answers = client.closed_loop(seconds)
        first, last = answers[0].done + 0.5, answers[0].done + seconds - 0.5
        rate = sum(first <= answer.done < last for answer in answers) / (last - first)
        if_quiet(rate == pytest.approx(workers / mean_ms * 1000, rel=0.02 if "constant" in law else 0.05), rate)
        worked = [answer.work_ms for answer in answers if first <= answer.done < last]
        if_quiet(rate == pytest.approx(workers / statistics.mean(worked) * 1000, rel=0.02), rate)

    in_a_quiet_moment(check)


@pytest.mark.alone
@pytest.mark.idle
def test_capacity_holds_for_wrk(target):
    if not shutil.which("wrk"):
        pytest.skip("no wrk on this host")
    instance = target("--workers", 4, "--service-time", "constant:5ms")

    def check(_):
        done = subprocess.run(["wrk", "-t1", "-c64", "-d3s", instance.url + "/work"], capture_output=True, text=True,
                              timeout=30)
        rate = float(re.search(r"Requests/sec: +([\d.]+)", done.stdout)[1])
        if_quiet(rate == pytest.approx(800, rel=0.02), done.stdout)

    in_a_quiet_moment(check)


@pytest.mark.parametrize("options", [(), ("--workers", 8)])
def test_counts_are_exact_at_the_highest_rate(target, tmp_path, options):
    if not shutil.which("wrk"):
        pytest.skip("no wrk on this host")
    instance = target("--json-log", tmp_path / "json.log", *options)
    done = subprocess.run(["wrk", "-t1", "-c64", "-d2s", instance.url + "/work"], capture_output=True, text=True,
                          timeout=30)
    answered = int(re.search(r"(\d+) requests in", done.stdout)[1])
    counted = instance.settled_count()
    assert answered <= counted["total"] <= answered + 64, "wrk leaves at most one request a connection unread"
    assert counted == {"total": counted["total"], "paths": {"/work": counted["total"]},
                       "statuses": {"200": counted["total"]}, "unanswered": 0}
    instance.stop()
    assert instance.log_path.read_text().count('"path":"/work","status":200') == counted["total"]
    assert (tmp_path / "json.log").read_text().count('"message":"GET /work 200"') == counted["total"]


def simulated_waits_ms(arrivals_ns, workers, service_ns):
    """M/D/c by simulation: the wait of each arrival in a plain queue of its own."""
    free_ns = [0] * workers
    waits = []
    for at_ns in arrivals_ns:
        start_ns = max(at_ns, heapq.heappop(free_ns))
        heapq.heappush(free_ns, start_ns + service_ns)
        waits.append((start_ns - at_ns) / MS)
    return waits


@pytest.mark.alone
@pytest.mark.parametrize("workers, service_ms, load", [(1, 10, 0.8), (4, 20, 0.9)])
def test_waits_are_those_of_poisson_arrivals_in_theory(target, workers, service_ms, load):
    options = ("--threads", 2, "--workers", workers, "--service-time", f"constant:{service_ms}ms")
    rate = load * workers / service_ms * 1000

    def check(attempt):
        instance = target(*options)
        draw = random.Random(attempt)
        with Bare(instance.port, 200) as client:
            answers = client.open_loop([draw.expovariate(rate) for _ in range(int(3 * rate))])
        instance.stop()
        lines = [line for line in instance.requests() if line["path"] == "/work"]
        theory_ms = statistics.mean(simulated_waits_ms([line["begin_ns"] for line in lines], workers, service_ms * MS))
        assert len(lines) == len(answers) and theory_ms > 1
        waited_ms = statistics.mean(line["queue_ns"] for line in lines) / MS
        assert statistics.mean(answer.queue_ms for answer in answers) == pytest.approx(waited_ms, rel=0.01)
        if_quiet(waited_ms == pytest.approx(theory_ms, rel=0.05), (waited_ms, theory_ms))
        seen_ms = statistics.mean((answer.done - answer.sent) * 1000 - service_ms for answer in answers)
        if_quiet(seen_ms == pytest.approx(theory_ms, rel=0.05, abs=0.3), (seen_ms, theory_ms))

    in_a_quiet_moment(check)


@pytest.mark.alone
@pytest.mark.parametrize("threads", [1, 2])
def test_a_known_backlog_drains_in_its_time(target, threads):
    instance = target("--threads", threads, "--workers", 4, "--service-time", "constant:10ms")

    def check(_):
        with Bare(instance.port, 200) as client:
            answers = client.together()
        seconds = max(a.done for a in answers) - min(a.sent for a in answers)
        if_quiet(seconds == pytest.approx(200 * 0.010 / 4, abs=0.05), seconds)

    in_a_quiet_moment(check)


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
def test_who_comes_first_is_served_first(target, threads):
    def check(_):
        instance = target("--threads", threads, "--workers", 2, "--service-time", "constant:5ms")
        with Bare(instance.port, 60) as client:
            client.together()
        instance.stop()
        lines = instance.requests()
        starts = [line["begin_ns"] + line["queue_ns"] for line in lines]
        assert len(lines) == 60 and sum(line["queue_ns"] > 0 for line in lines) >= 50
        # The order is that in which loops asked for a worker, a moment after they noted the head.
        if_quiet(all(later - earlier > -5 * MS for earlier, later in zip(starts, starts[1:])), starts)
        if_quiet(max(starts) - min(starts) >= 29 * 5 * MS, starts)

    in_a_quiet_moment(check)


@pytest.mark.sanitize
def test_only_work_needs_a_worker(target):
    def check(_):
        instance = target("--workers", 1, "--service-time", "constant:300ms", "--service-for", "work")
        with Bare(instance.port, 5) as client:
            for _ in range(5):
                client.send()
            wait_until(lambda: limit(instance, "workers")["waiters"] == 4)
            began = time.monotonic()
            for path in ("/health", "/health/live", "/api/models", "/nowhere", "/echo"):
                ask(instance, "GET", path)
            assert ask(instance, "POST", "/work", "x")[0] == 405
            if_quiet(time.monotonic() - began < 0.3, "they waited")
            assert limit(instance, "workers")["used"] == 1
            status, headers, _ = ask(instance, "POST", "/api/chat", '{"message": "x"}')
            assert status == 200 and "work;dur=300.000" in headers["Server-Timing"]
            assert float(re.search(r"queue;dur=([\d.]+)", headers["Server-Timing"])[1]) > 300
            client.rest()

    in_a_quiet_moment(check)


@pytest.mark.sanitize
def test_without_workers_nothing_waits(target):
    instance = target("--service-time", "constant:20ms")
    with Bare(instance.port, 100) as client:
        assert {(answer.status, answer.queue_ms) for answer in client.together()} == {(200, 0)}
    assert not any('limit="workers' in name for name in metrics(instance))


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
def test_a_full_queue_refuses_and_every_refusal_is_counted(target, threads):
    instance = target("--threads", threads, "--workers", 2, "--workers-queue", 10, "--service-time", "constant:600ms")
    with Bare(instance.port, 50) as client:
        answers = client.together()
    refused = [answer for answer in answers if answer.status == 503]
    assert len(refused) == 50 - 2 - 10
    assert all(b"\r\nRetry-After: 1" in answer.head and answer.work_ms == 0 for answer in refused)
    assert limit(instance, "workers_queue") == {"used": 0, "limit": 10, "waiters": 0, "events": len(refused)}
    assert limit(instance, "workers") == {"used": 0, "limit": 2, "waiters": 0, "events": 10}
    assert instance.count()["statuses"] == {"200": 12, "503": len(refused)}
    assert ask(instance, "GET", "/work")[0] == 200
    instance.stop()
    assert [line["status"] for line in instance.requests() if line.get("refused_by") == "workers"] == [503] * 38
    assert [line["event"] for line in events(instance, "workers")] == ["full", "free"]


# ---- the worker pool: changes while it runs ----

@pytest.mark.sanitize
@pytest.mark.parametrize("threads, times", [(1, 1), (2, 4)])
def test_more_workers_serve_at_once_those_who_wait(target, threads, times):
    def check(_):
        for _ in range(times):  # by chance the other thread has nothing to do, and would not need to be told
            instance = target("--threads", threads, "--workers", 1, "--service-time", "constant:1s")
            with Bare(instance.port, 20) as client:
                for _ in range(20):
                    client.send()
                wait_until(lambda: limit(instance, "workers")["waiters"] == 19)
                turned = time.monotonic()
                turn(instance, workers=20)
                answers = client.rest()
            # Of one worker the second would come after 2 s, the last after 20.
            if_quiet(max(answer.done for answer in answers) - turned < 1.7, "the last one came late")
            if_quiet(all(answer.queue_ms < 700 for answer in answers), [answer.queue_ms for answer in answers])

    in_a_quiet_moment(check)


@pytest.mark.sanitize
def test_workers_come_with_the_backlog_and_leave_when_idle(target):
    def check(_):
        instance = target("--workers", 1, "--workers-max", 8, "--workers-idle", "300ms", "--workers-tasks", 5,
                          "--service-time", "constant:50ms")
        assert limit(instance, "workers")["limit"] == 1
        with Bare(instance.port, 100) as client:
            for _ in range(100):
                client.send()
            wait_until(lambda: limit(instance, "workers")["limit"] == 8)
            client.rest()
        wait_until(lambda: limit(instance, "workers")["limit"] == 1)
        figures = metrics(instance)
        instance.stop()
        told = events(instance, "workers")
        assert [(line["event"], line["workers"]) for line in told] == [
            *(("scale_up", n) for n in range(2, 9)), *(("scale_down", n) for n in range(7, 0, -1))]
        assert [line["why"] for line in told] == ["queue"] * 7 + ["idle"] * 7
        # 5 wait for each of n: the 6n-th of the backlog and one more bring the next worker.
        assert [line["waiting"] for line in told[:7]] == [5 * n + 1 for n in range(1, 8)]
        for event in ("scale_up", "scale_down"):
            assert figures[f'pelt_target_events_total{{system="workers",event="{event}"}}'] == 7
        last_work_ns = max(line["begin_ns"] + line["queue_ns"] + line["work_ns"] for line in instance.requests())
        if_quiet(told[-1]["at_ns"] <= last_work_ns + 300 * MS + 5 * MS, (told[-1], last_work_ns))

    in_a_quiet_moment(check)


@pytest.mark.sanitize
@pytest.mark.parametrize("boot_ms", [0, 300])
@tried_until_quiet
def test_an_added_worker_takes_work_once_it_has_booted(target, boot_ms):
    instance = target("--workers", 1, "--workers-max", 2, "--workers-tasks", 1, "--workers-boot", f"{boot_ms}ms",
                      "--service-time", "constant:800ms")
    with Bare(instance.port, 3) as client:
        answers = client.together()
    waits = sorted(answer.queue_ms for answer in answers)
    sending_ms = 1000 * (max(answer.sent for answer in answers) - min(answer.sent for answer in answers))
    # The third to come brings the second worker, which the second of them then waits for.
    if_quiet(waits[0] == 0 and boot_ms <= waits[1] <= boot_ms + sending_ms + 100 * (5 if SLOW else 1), waits)
    assert limit(instance, "workers")["limit"] == 2


@pytest.mark.sanitize
@pytest.mark.parametrize("share, blocked", [(0.5 / os.cpu_count(), True), (1, False), (0, False)])
def test_no_worker_is_added_while_the_host_is_busy(target, share, blocked):
    def check(_):
        instance = target("--workers", 1, "--workers-max", 3, "--workers-tasks", 1, "--workers-cpu", share,
                          "--service-time", "constant:20ms")
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as burner:
            try:
                time.sleep(1.7)  # three readings
                with Bare(instance.port, 8) as client:
                    assert [answer.status for answer in client.together()] == [200] * 8
                    found = limit(instance, "workers")["limit"]
                    assert found == 1 or not blocked
                    if_quiet(found == (1 if blocked else 3), found)  # those who come one by one need none more
                    turn(instance, workers_cpu=0)
                    client.together()
            finally:
                burner.kill()
        found = limit(instance, "workers")["limit"]
        if_quiet(found == 3, found)
        counted = metrics(instance)['pelt_target_events_total{system="workers",event="cpu_block"}']
        instance.stop()
        told = [line for line in events(instance, "workers") if line["event"] != "knob"]
        blocks = [line for line in told if line["event"] == "cpu_block"]
        assert len(blocks) == counted and bool(blocks) == blocked
        assert all(line["cpu"] > share and line["workers"] == 1 and line["waiting"] == 2 for line in blocks[:1])
        assert [line["why"] for line in told if line["event"] == "scale_up"] == ["queue", "queue"]

    in_a_quiet_moment(check)


@pytest.mark.sanitize
def test_a_fixed_number_of_workers_stays(target):
    instance = target("--workers", 1, "--service-time", "constant:5ms")
    with Bare(instance.port, 60) as client:
        client.together()
    assert limit(instance, "workers")["limit"] == 1
    instance.stop()
    assert events(instance, "workers") == []


# ---- headers and log lines ----

@pytest.mark.sanitize
def test_every_answer_has_a_server_timing(target):
    instance = target("--workers", 1, "--workers-queue", 0, "--service-time", "constant:200ms")
    for method, path in (("GET", "/health"), ("GET", "/nowhere"), ("DELETE", "/health"), ("GET", "/count"),
                         ("GET", "/metrics"), ("GET", "/admin/knobs"), ("GET", "/health/live"), ("GET", "/bytes/5"),
                         ("GET", "/status/204"), ("POST", "/api/chat")):
        _, headers, _ = ask(instance, method, path)
        assert re.fullmatch(r"queue;dur=[\d.]+, work;dur=[\d.]+", headers["Server-Timing"]), path
    with Bare(instance.port, 2) as client:
        statuses = {answer.status: answer.head for answer in client.together()}
    assert b"\r\nServer-Timing: queue;dur=0.000, work;dur=200.000" in statuses[200] + b"\r\n"
    assert b"\r\nServer-Timing: queue;dur=0" in statuses[503]
    without = target("--server-timing", "off", "--service-time", "constant:1ms")
    for path in ("/health", "/work", "/count", "/nowhere"):
        assert "Server-Timing" not in ask(without, "GET", path)[1]


@pytest.mark.sanitize
def test_every_request_has_a_log_line_with_its_correlation_id(target, tmp_path):
    path = tmp_path / "json.log"
    instance = target("--json-log", path, "--service-time", "constant:10ms")
    _, headers, _ = ask(instance, "GET", "/health", headers={"X-Correlation-ID": "mine-1"})
    assert headers["X-Correlation-ID"] == "mine-1"
    made = [ask(instance, "GET", path)[1]["X-Correlation-ID"] for path in ("/work", "/nowhere", "/status/500")]
    bad = ask(instance, "GET", "/health", headers={"X-Correlation-ID": 'a"b'})[1]["X-Correlation-ID"]
    turn(instance, workers=3)
    instance.stop()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    requests = {line["correlation_id"]: line for line in lines if line["logger"] == "pelt-target.http"}
    assert set(requests) == {"mine-1", *made, bad} and len(requests) == 5
    assert [(requests[i]["level"], requests[i]["message"]) for i in ("mine-1", *made)] == [
        ("INFO", "GET /health 200"), ("INFO", "GET /work 200"), ("WARNING", "GET other 404"),
        ("ERROR", "GET /status/N 500")]
    assert all(list(line)[:9] == ["timestamp", "level", "logger", "message", "module", "function", "line", "correlation_id", "duration_ms"]
               for line in lines)
    source = (ROOT / "target" / f"{requests['mine-1']['module']}.c").read_text().splitlines()
    assert requests["mine-1"]["function"] == "log_request" and "target_jsonlog_request(" in source[requests["mine-1"]["line"] - 1]
    assert requests["mine-1"]["duration_ms"] >= 10
    [event] = [line for line in lines if line["logger"] == "pelt-target.workers"]
    assert (event["message"], event["knob"], event["after"], event["module"]) == ("knob", "workers", "3", "settings")
    assert "X-Correlation-ID" not in ask(target(), "GET", "/health")[1]


def test_a_json_log_that_cannot_be_written_is_told():
    process = subprocess.Popen([TARGET, "--listen", "127.0.0.1:0", "--json-log", "/dev/full"], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    port = int(process.stdout.readline().rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/health")
    connection.getresponse().read()
    connection.close()
    process.terminate()
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors.startswith('pelt-target: --json-log: "/dev/full" is not complete') and errors.count("\n") == 1


# ---- health and the end ----

@pytest.mark.sanitize
@tried_until_quiet
def test_health_tells_alive_ready_and_detailed(target):
    instance = target("--workers", 3, "--service-time", "constant:1s")
    began = time.monotonic()
    assert ask_json(instance, "GET", "/health/live") == (200, {"status": "alive"})
    assert ask_json(instance, "GET", "/health/ready") == (200, {"status": "ready"})
    status, detailed = ask_json(instance, "GET", "/health/detailed")
    if_quiet(time.monotonic() - began < 1, "probes take no service time")
    assert status == 200 and detailed["status"] == "ok" and detailed["uptime_s"] > 0
    assert detailed["systems"]["limits"]["workers"] == {"used": 0, "limit": 3, "waiters": 0, "events": 0}
    assert instance.count()["paths"] == {"/health/live": 1, "/health/ready": 1, "/health/detailed": 1}


@pytest.mark.sanitize
def test_while_it_drains_it_is_alive_but_not_ready(target):
    instance = target("--threads", 1, "--service-time", "constant:700ms")
    probe = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=20)
    probe.request("GET", "/health/ready")
    assert probe.getresponse().read() == b'{"status":"ready"}'
    with Bare(instance.port, 1) as client:
        client.send()
        wait_until(lambda: instance.count()["paths"].get("/work") == 1)
        instance.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        probe.request("GET", "/health/ready")
        answer = probe.getresponse()
        assert (answer.status, answer.headers["Connection"]) == (503, "close")
        assert answer.read() == b'{"status":"draining"}'
        assert [a.status for a in client.rest()] == [200], "what was in flight is answered"
    probe.close()
    assert instance.process.wait(5) == 0


@pytest.mark.sanitize
@pytest.mark.parametrize("drain, least, most, status", [("200ms", 0.15, 1, 0), ("5s", 0.5, 3, 200)])
@tried_until_quiet
def test_draining_takes_as_long_as_its_knob_allows(target, drain, least, most, status):
    instance = target("--workers", 1, "--service-time", "constant:1s", "--drain", drain)
    with Bare(instance.port, 1) as client:
        client.send()
        wait_until(lambda: instance.count()["total"] == 1)
        began = time.monotonic()
        assert instance.stop() == 0
        took_s = time.monotonic() - began
    [line] = instance.requests()
    if_quiet(least < took_s < most + (2 if SLOW else 0) and line["status"] == status, (took_s, line))
