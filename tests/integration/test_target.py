"""pelt-target does what it says: what others are judged by is itself held against its options, its
counts and its log. Clients here are the standard library's and know nothing of pelt."""
import http.client
import json
import math
import os
import signal
import socket
import statistics
import struct
import subprocess
import threading
import time

import pytest

from program import SLOW, if_quiet, in_a_quiet_moment, tried_until_quiet
from targets import TARGET

MS = 1_000_000  # nanoseconds


def ask(target, method, path, body=None):
    """One request on a connection of its own: (status, headers, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=20)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def ask_json(target, method, path, body=None):
    status, headers, text = ask(target, method, path, body)
    assert headers["Content-Type"] == "application/json"
    assert b"\n" not in text.strip()
    return status, json.loads(text)


def error_of(answer):
    status, body = answer
    return status, body["error"]["type"]


def keep_asking(target, times, path="/health", begin=None):
    """Requests one after another on one kept connection; their statuses, in order."""
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=20)
    if begin:
        begin.wait()
    statuses = []
    for _ in range(times):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()
    return statuses


def wait_until(holds, seconds=10):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


def in_parallel(function, count):
    """`function(i)` in `count` threads; their results."""
    results = [None] * count

    def run(i):
        results[i] = function(i)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def run_with(*options):
    return subprocess.run([TARGET, *options], capture_output=True, text=True, timeout=20)


# ---- endpoints ----

@pytest.mark.sanitize
def test_chat_answers_with_usage(target):
    status, body = ask_json(target(), "POST", "/api/chat", '{"message": "how are you"}')
    assert status == 200
    assert "how are you" in body["answer"]
    assert body["model"]
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": len(body["answer"].split()),
                             "total_tokens": 3 + len(body["answer"].split())}


@pytest.mark.sanitize
@pytest.mark.parametrize("body", [None, "", "{", '{"message": 1}', "{}", "[]", "null", b"\xff\xfe",
                                  '{"message": "x"} more', "[" * 5000])
def test_chat_refuses_what_is_no_message(target, body):
    assert error_of(ask_json(target(), "POST", "/api/chat", body)) == (400, "invalid_request")


@pytest.mark.sanitize
def test_chat_takes_a_body_of_one_mebibyte_and_no_more(target):
    instance = target()
    frame = len('{"message": ""}')
    most = json.dumps({"message": "x" * (1024 * 1024 - frame)})
    status, body = ask_json(instance, "POST", "/api/chat", most)
    assert status == 200 and len(body["answer"]) > 1_000_000
    assert error_of(ask_json(instance, "POST", "/api/chat", most + " ")) == (413, "invalid_request")


@pytest.mark.sanitize
def test_chat_takes_a_chunked_body(target):
    chunks = iter([b'{"mess', b'age": "in', b' pieces"}'])
    status, body = ask_json(target(), "POST", "/api/chat", chunks)
    assert status == 200 and "in pieces" in body["answer"]


@pytest.mark.sanitize
def test_reading_endpoints_answer(target):
    instance = target()
    assert ask_json(instance, "GET", "/health") == (200, {"status": "ok"})
    status, models = ask_json(instance, "GET", "/api/models")
    assert status == 200 and models["data"][0]["id"]
    status, state = ask_json(instance, "GET", "/api/status")
    assert status == 200 and state["uptime_s"] > 0
    # The one before may be answered and not be over yet.
    wait_until(lambda: ask_json(instance, "GET", "/api/status")[1]["in_flight"] == 1)
    status, echo = ask_json(instance, "PUT", "/echo?a=1&b=x%20y", "hello")
    assert status == 200
    assert (echo["method"], echo["query"], echo["body"]) == ("PUT", {"a": "1", "b": "x y"}, "hello")
    assert echo["headers"]["Host"] == f"127.0.0.1:{instance.port}"
    status, echo = ask_json(instance, "GET", "/echo?a=%00b&c=%ff&d=%c3%a4%e2%82%f0%9f%98%80&e&f=")
    assert echo["query"] == {"a": "\0b", "c": "\ufffd", "d": "\u00e4\ufffd\ufffd\U0001f600", "e": "", "f": ""}


@pytest.mark.sanitize
def test_bytes_and_status_answer_as_asked(target):
    instance = target()
    assert ask(instance, "GET", "/bytes/0")[2] == b""
    assert ask(instance, "GET", "/bytes/300000")[2] == b"x" * 300000
    assert ask(instance, "GET", "/bytes/many")[0] == 400
    for status in (200, 204, 304, 418, 599):
        assert ask(instance, "GET", f"/status/{status}")[0] == status
    assert ask(instance, "GET", "/status/100")[0] == 400
    assert ask(instance, "GET", "/status/600")[0] == 400


@pytest.mark.sanitize
def test_wrong_methods_and_paths_are_told_apart(target):
    instance = target()
    status, headers, _ = ask(instance, "GET", "/api/chat")
    assert (status, headers["Allow"]) == (405, "POST")
    assert error_of(ask_json(instance, "GET", "/nowhere")) == (404, "not_found")
    status, headers, body = ask(instance, "HEAD", "/health")
    assert (status, headers["Content-Length"], body) == (200, "15", b"")


@pytest.mark.sanitize
def test_body_size_pads_json_without_changing_it(target):
    instance = target("--body-size", "4k")
    for method, path, body in (("GET", "/health", None), ("GET", "/api/models", None),
                               ("GET", "/api/status", None), ("POST", "/api/chat", '{"message":"x"}')):
        status, _, text = ask(instance, method, path, body)
        assert status == 200 and len(text) == 4096
        assert json.loads(text)


@pytest.mark.sanitize
def test_metrics_are_prometheus_text(target):
    instance = target("--stall", "1ms/100ms")
    keep_asking(instance, 3)
    ask(instance, "GET", "/nowhere")
    time.sleep(0.15)
    wait_until(lambda: b"\npelt_target_in_flight 0\n" in ask(instance, "GET", "/metrics")[2])
    status, headers, text = ask(instance, "GET", "/metrics")
    lines = text.decode().splitlines()
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'pelt_target_requests_total{path="/health"} 3' in lines
    assert 'pelt_target_answers_total{path="other",status="404"} 1' in lines
    assert "pelt_target_in_flight 0" in lines
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert int(values["pelt_target_stalls_total"]) >= 1
    took = [int(count) for name, count in values.items() if name.startswith("pelt_target_request_seconds_bucket")]
    assert took == sorted(took) and took[-1] == int(values["pelt_target_request_seconds_count"]) == 4
    assert float(values["pelt_target_request_seconds_sum"]) > 0


# ---- counting ----

@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
def test_counts_are_exact_under_parallel_clients(target, threads):
    instance = target("--threads", threads)
    each = 100 if SLOW else 500
    in_parallel(lambda i: keep_asking(instance, each, "/health" if i < 3 else "/nowhere"), 4)
    assert instance.count() == {"total": 4 * each, "paths": {"/health": 3 * each, "other": each},
                                "statuses": {"200": 3 * each, "404": each}, "unanswered": 0}
    assert instance.count()["total"] == 4 * each, "asking for the count was counted"
    instance.stop()
    assert len(instance.requests()) == 4 * each


@pytest.mark.sanitize
def test_a_request_is_counted_at_its_head_and_not_before(target):
    instance = target("--service-time", "1s")
    with socket.create_connection(("127.0.0.1", instance.port)) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        time.sleep(0.05)
        assert instance.count()["total"] == 0
        client.sendall(b"\r\n")
        deadline = time.monotonic() + 5
        while instance.count()["total"] == 0 and time.monotonic() < deadline:
            time.sleep(0.005)
        assert instance.count() == {"total": 1, "paths": {"/health": 1}, "statuses": {}, "unanswered": 0}
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
    assert instance.count()["statuses"] == {"200": 1}


@pytest.mark.sanitize
@pytest.mark.parametrize("leave", ["close", "half", "reset"])
def test_whoever_is_held_is_answered_though_its_client_left(target, leave):
    instance, held = target("--service-time", "1s", "--threads", 1), 30
    clients = [socket.create_connection(("127.0.0.1", instance.port)) for _ in range(held)]
    for client in clients:
        client.sendall(b"GET /work HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_until(lambda: instance.count()["total"] == held)
    for client in clients:
        if leave == "half":
            client.shutdown(socket.SHUT_WR)
            continue
        if leave == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    assert instance.settled_count() == {"total": held, "paths": {"/work": held}, "statuses": {"200": held},
                                        "unanswered": 0}
    for client in clients if leave == "half" else []:
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        client.close()
    instance.stop()
    assert [line["status"] for line in instance.requests()] == [200] * held


@pytest.mark.sanitize
def test_who_leaves_before_the_request_is_whole_is_counted_as_unanswered(target):
    instance = target()
    with socket.create_connection(("127.0.0.1", instance.port)) as client:
        client.sendall(b"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        wait_until(lambda: instance.count()["total"] == 1)
    assert instance.settled_count() == {"total": 1, "paths": {"/api/chat": 1}, "statuses": {}, "unanswered": 1}
    assert '\npelt_target_unanswered_total{path="/api/chat"} 1\n' in instance.get("/metrics")
    instance.stop()
    assert [line["status"] for line in instance.requests()] == [0]


@pytest.mark.sanitize
def test_heads_are_told_apart_as_documented(target):
    """Too long for the library: it answers by itself and nothing is counted. Without Host: likewise (libmicrohttpd 1.0), or a
    request like any other (0.9)."""
    instance = target()
    counted = 0
    for head, statuses in ((b"X-Long: " + b"x" * 9000, {b"431"}), (b"X-Short: x", {b"200", b"400"})):
        with socket.create_connection(("127.0.0.1", instance.port), timeout=20) as client:
            client.sendall(b"GET /work HTTP/1.1\r\n" + head + b"\r\n\r\n")
            answer = client.recv(65536)
        status = answer.split(b" ", 2)[1]
        assert answer.startswith(b"HTTP/1.1 ") and status in statuses, answer
        counted += status == b"200"
        assert [name in answer for name in (b"Server-Timing:", b"Cache-Status:")] == [status == b"200"] * 2
        assert instance.count()["paths"].get("/work", 0) == counted
    instance.stop()
    assert [line["status"] for line in instance.requests()] == [200] * counted


@pytest.mark.sanitize
def test_a_client_that_leaves_is_counted_and_logged_as_not_answered(target):
    instance = target("--service-time", "100ms")
    with socket.create_connection(("127.0.0.1", instance.port)) as client:
        client.sendall(b"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        wait_until(lambda: instance.count()["total"] == 1)
    time.sleep(0.05)
    instance.stop()
    [line] = instance.requests()
    assert (line["status"], line["sent"]) == (0, False)


# ---- service time ----

def service_times_ms(target, law, requests, clients=8):
    instance = target("--service-time", law, "--seed", "3")
    in_parallel(lambda i: keep_asking(instance, requests // clients), clients)
    instance.stop()
    return [(line["end_ns"] - line["begin_ns"]) / MS for line in instance.requests()]


# Medians: 5 ms; 5 ms x ln 2; 5 ms x exp(-0.5^2 / 2). Of 1,200 draws the median is within 6% of its
# law's (three standard errors), and answers leave a little late: never early.
@pytest.mark.alone
@pytest.mark.parametrize("law, median_ms", [("constant:5ms", 5), ("exponential:5ms", 5 * math.log(2)),
                                            ("lognormal:5ms,0.5", 5 * math.exp(-0.125))])
def test_service_times_follow_their_law(target, law, median_ms):
    def check(_):
        times_ms = service_times_ms(target, law, 1200)
        assert len(times_ms) == 1200
        if law.startswith("constant"):
            assert min(times_ms) >= 5
        median = statistics.median(times_ms)
        if_quiet(median == pytest.approx(median_ms, rel=0.08, abs=0.5), median)

    in_a_quiet_moment(check)


def test_service_time_waits_and_does_not_work(target):
    instance = target("--service-time", "constant:50ms")
    before = cpu_seconds(instance.process.pid)
    in_parallel(lambda i: keep_asking(instance, 10), 20)  # 200 requests, 10 s of service time
    assert cpu_seconds(instance.process.pid) - before < 0.5


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- stalls ----

@pytest.mark.sanitize
def test_nothing_is_answered_inside_a_stall_and_all_at_its_end(target):
    def check(_):
        instance = target("--stall", "200ms,100ms/500ms")
        begin = threading.Barrier(4)

        def until_two_stalls_are_over(_):
            connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=20)
            begin.wait()
            end = time.monotonic() + 1.4
            while time.monotonic() < end:
                connection.request("GET", "/health")
                connection.getresponse().read()
                time.sleep(0.002)

        in_parallel(until_two_stalls_are_over, 4)
        instance.stop()
        stalls, requests = instance.stalls(), instance.requests()
        start_ns = instance.start_ns()
        assert [(s["begin_ns"] - start_ns, s["end_ns"] - start_ns) for s in stalls][:2] == [
            (500 * MS, 700 * MS), (1000 * MS, 1100 * MS)]
        for stall in stalls[:2]:
            held = [r for r in requests if stall["begin_ns"] <= r["begin_ns"] < stall["end_ns"]]
            if_quiet(len(held) == 4, "each of the four clients runs into the stall once")
            for request in held:
                late_ms = (request["end_ns"] - stall["end_ns"]) / MS
                assert 0 <= late_ms
                if_quiet(late_ms < (100 if SLOW else 20), late_ms)
        answered_inside = [r for r in requests for s in stalls
                           if s["begin_ns"] + 5 * MS <= r["end_ns"] < s["end_ns"]]
        if_quiet(not answered_inside, answered_inside)  # the 5 ms are for an answer on its way as the stall began

    in_a_quiet_moment(check)


@pytest.mark.sanitize
def test_an_answer_due_inside_a_stall_waits_for_its_end(target):
    def check(_):
        instance = target("--service-time", "constant:300ms", "--stall", "300ms/500ms")
        begin_ns = time.monotonic_ns()
        assert ask(instance, "GET", "/health")[0] == 200
        instance.stop()
        [line] = instance.requests()
        due_ns = line["begin_ns"] + 300 * MS - instance.start_ns()
        if due_ns < 500 * MS:  # started fast enough to be due before the first stall
            if_quiet(line["end_ns"] < instance.start_ns() + 500 * MS, line)
        else:
            assert line["end_ns"] >= instance.start_ns() + 800 * MS
        assert line["begin_ns"] >= begin_ns, "the log's clock is CLOCK_MONOTONIC"

    in_a_quiet_moment(check)


@pytest.mark.sanitize
def test_held_answers_leave_in_order_of_arrival(target):
    instance = target("--threads", "1", "--stall", "400ms/500ms")
    clients = [socket.create_connection(("127.0.0.1", instance.port)) for _ in range(100)]
    while ask(instance, "GET", "/metrics")[2].find(b"stalls_total 1") < 0:
        time.sleep(0.01)
    for client in clients:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    for client in clients:
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
        client.close()
    instance.stop()
    ends = [line["end_ns"] for line in instance.requests()]
    assert len(ends) == 100 and ends == sorted(ends)


@pytest.mark.sanitize
def test_observers_are_answered_inside_a_stall(target):
    def check(_):
        instance = target("--stall", "400ms/500ms")
        while True:
            began = time.monotonic()
            if b"stalls_total 1" in ask(instance, "GET", "/metrics")[2]:
                break
        assert instance.count()["total"] == 0
        if_quiet(time.monotonic() - began < 0.3, "the observer waited")

    in_a_quiet_moment(check)


# ---- errors ----

def failed_requests(target, *options):
    instance = target("--error-share", "10%", *options)
    return [i for i, status in enumerate(keep_asking(instance, 1000)) if status == 500]


@pytest.mark.sanitize
def test_errors_are_drawn_by_the_seed(target):
    first = failed_requests(target, "--seed", "7")
    assert 70 <= len(first) <= 130  # 100 expected, three standard deviations are 29
    assert failed_requests(target, "--seed", "7", "--threads", "2") == first
    assert failed_requests(target, "--seed", "8") != first


@pytest.mark.sanitize
def test_an_error_share_of_one_fails_all_but_the_observers(target):
    instance = target("--error-share", "100%")
    assert keep_asking(instance, 20) == [500] * 20
    assert instance.count()["statuses"] == {"500": 20}


# ---- start and end ----

@pytest.mark.sanitize
@pytest.mark.parametrize("options, said", [
    (["--lisen", "127.0.0.1:0"], "did you mean --listen?"),
    (["--listen", "nowhere"], '"nowhere"'),
    (["--service-time", "fast"], '"fast"'),
    (["--stall", "5s/1s"], '"5s/1s"'),
    (["--error-share", "200%"], '"200%"'),
    (["--threads", "0"], '"0"'),
    (["--seed"], "needs a value"),
])
def test_bad_options_get_one_line_and_exit_2(options, said):
    done = run_with(*options)
    assert done.returncode == 2 and done.stdout == ""
    assert said in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.sanitize
def test_what_the_system_refuses_gets_one_line_and_exit_1(target, tmp_path):
    taken = target()
    for options in (["--listen", f"127.0.0.1:{taken.port}"],
                    ["--listen", "127.0.0.1:0", "--log", str(tmp_path / "none" / "log")],
                    ["--listen", "127.0.0.1:0", "--port-file", str(tmp_path / "none" / "port")],
                    ["--listen", "203.0.113.1:0"]):
        done = run_with(*options)
        assert done.returncode == 1, options
        assert done.stderr.count("\n") == 1 and done.stderr.startswith("pelt-target: --")


@pytest.mark.sanitize
def test_a_log_that_cannot_be_written_ends_in_one_line_and_exit_1():
    process = subprocess.Popen([TARGET, "--listen", "127.0.0.1:0", "--log", "/dev/full"], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert "listening" in process.stdout.readline()
    process.terminate()
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors.startswith('pelt-target: --log: "/dev/full"') and errors.count("\n") == 1


@pytest.mark.sanitize
def test_help_and_version_are_printed():
    assert "--service-time" in run_with("--help").stdout
    assert run_with("--version").stdout.startswith("pelt-target ")


@pytest.mark.sanitize
def test_the_address_is_printed_once_it_listens(target):
    instance = target()
    assert instance.process.stdout.readline() == f"pelt-target listening on {instance.url}\n"


@pytest.mark.sanitize
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_is_in_flight_be_answered(target, number):
    instance = target("--service-time", "constant:1s")
    with socket.create_connection(("127.0.0.1", instance.port)) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        while instance.count()["total"] == 0:
            time.sleep(0.005)
        instance.process.send_signal(number)
        answer = client.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200") and b"Connection: close" in answer
    assert instance.process.wait(5) == 0
    [line] = instance.requests()
    assert (line["status"], line["sent"]) == (200, True)


@pytest.mark.sanitize
@tried_until_quiet
def test_draining_ends_after_two_seconds(target):
    instance = target("--service-time", "constant:1m")
    with socket.create_connection(("127.0.0.1", instance.port)) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        while instance.count()["total"] == 0:
            time.sleep(0.005)
        began = time.monotonic()
        assert instance.stop() == 0
        took_s = time.monotonic() - began
        assert took_s > 1.9
        if_quiet(took_s < 4, took_s)
        assert client.recv(4096) == b""
    [line] = instance.requests()
    assert (line["status"], line["sent"]) == (0, False)


@pytest.mark.sanitize
@tried_until_quiet
def test_an_idle_connection_does_not_hold_up_the_end(target):
    instance = target()
    with socket.create_connection(("127.0.0.1", instance.port)):
        began = time.monotonic()
        assert instance.stop() == 0
        took_s = time.monotonic() - began
        if_quiet(took_s < 1.5, took_s)
