"""pelt-target told to end: what is in flight is answered or closed politely, nothing is reset, and it takes as long as it
must. Clients are bare sockets and wrk, and know nothing of pelt."""
import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from program import SLOW, if_quiet, in_a_quiet_moment, tried_until_quiet
from sse import Stream, tokens
from test_target_limits import limit, wait_until
from test_target_websockets import websockets
from wsclient import CLOSE, TEXT, WebSocket, frame

MS = 1_000_000  # nanoseconds


def end(target):
    target.process.send_signal(signal.SIGTERM)


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
def test_streams_in_flight_are_said_to_their_end(target, threads):
    instance = target("--threads", threads, "--drain", "5s", "--chat-tokens", 50, "--chat-gap", "10ms")
    streams = [Stream(instance.port) for _ in range(8)]
    end(instance)
    assert [len(tokens(stream.events())) for stream in streams] == [50] * 8
    assert instance.process.wait(5) == 0
    assert [(line["sent"], line["tokens"]) for line in instance.requests()] == [(True, 50)] * 8


@pytest.mark.sanitize
@tried_until_quiet
def test_a_stream_that_takes_longer_than_the_drain_is_ended_politely(target):
    instance = target("--drain", "200ms", "--chat-tokens", 1000, "--chat-gap", "10ms")
    with Stream(instance.port, stream_options={"include_usage": True}) as stream:
        first = stream.event()
        began = time.monotonic()
        end(instance)
        got = [first, *stream.events()]
        assert instance.process.wait(5) == 0
        took_s = time.monotonic() - began
        assert took_s > 0.15
        if_quiet(took_s < (0.6 if not SLOW else 3), took_s)
    assert got[-1].data == "[DONE]" and got[-3].json()["choices"][0]["finish_reason"] == "service_ends"
    assert got[-2].json()["usage"]["completion_tokens"] == len(tokens(got)) < 100
    [line] = instance.requests()
    assert (line["sent"], line["tokens"]) == (True, len(tokens(got)))


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
@tried_until_quiet
def test_websockets_are_closed_with_1001(target, threads):
    instance = target("--threads", threads, "--drain", "5s")
    clients = [WebSocket(instance.port, path) for path in ("/ws/echo", "/ws/chat") * 10]
    for client in clients[::2]:
        client.send(TEXT, b"sent before the end")
        client.read()
    began = time.monotonic()
    end(instance)
    for client in clients:
        assert client.read_close() == 1001
        client.send(CLOSE, b"\x03\xe9")
        client.at_end()
        client.socket.close()
    code, took_s = instance.process.wait(20), time.monotonic() - began
    assert code == 0
    if_quiet(took_s < (1 if not SLOW else 5), took_s)
    assert {(line["code_sent"], line["code_received"]) for line in websockets(instance)} == {(1001, 1001)}
    assert len(websockets(instance)) == 20


@pytest.mark.sanitize
def test_what_was_sent_before_the_end_is_echoed_before_the_close(target):
    instance = target("--threads", 1, "--stall", "400ms/500ms")
    with WebSocket(instance.port) as client:
        client.send(TEXT, b"1")
        client.read()
        time.sleep(max(0, 0.6 - (time.monotonic_ns() - instance_start_ns(instance)) / 1e9))
        client.send(TEXT, b"in a stall")
        end(instance)
        assert client.read() == (TEXT, b"in a stall")
        assert client.read_close() == 1001
        client.send(CLOSE, b"\x03\xe9")
        client.at_end()


def instance_start_ns(target):
    """Before stop(): the log is written each second, so this is when the process began, or a little earlier."""
    fields = open(f"/proc/{target.process.pid}/stat").read().rsplit(") ", 1)[1].split()
    return int(fields[19]) * 10_000_000


@pytest.mark.sanitize
def test_a_chat_answer_in_flight_is_said_to_its_end(target):
    instance = target("--drain", "5s", "--chat-tokens", 30, "--chat-gap", "10ms")
    with WebSocket(instance.port, "/ws/chat") as client:
        client.send(TEXT, b'{"message": "x"}')
        client.read()
        end(instance)
        got = [json.loads(client.read()[1]) for _ in range(30)]
        assert got[-1]["type"] == "done" and client.read_close() == 1001
        client.send(CLOSE, b"\x03\xe9")
        client.at_end()
    assert instance.process.wait(5) == 0


@pytest.mark.sanitize
@tried_until_quiet
def test_clients_that_do_not_close_hold_up_nothing_beyond_the_drain(target):
    instance = target("--drain", "300ms", "--chat-tokens", 1000, "--chat-gap", "10ms")
    with WebSocket(instance.port) as silent, WebSocket(instance.port, "/ws/chat") as asking:
        asking.send(TEXT, b'{"message": "x"}')
        asking.read()
        began = time.monotonic()
        end(instance)
        assert silent.read_close() == 1001
        while (got := asking.read())[0] == TEXT:
            pass
        assert got == (CLOSE, b"\x03\xe9the service ends")
        code, took_s = instance.process.wait(20), time.monotonic() - began
        assert code == 0
        if_quiet(took_s < (0.8 if not SLOW else 3), took_s)


@pytest.mark.sanitize
def test_it_is_not_ready_at_once_and_takes_no_new_connections(target):
    instance = target("--threads", 1, "--drain", "5s", "--chat-tokens", 40, "--chat-gap", "10ms")
    probes = [http.client.HTTPConnection("127.0.0.1", instance.port, timeout=20) for _ in range(2)]
    for probe in probes:
        probe.request("GET", "/health/ready")
        assert probe.getresponse().read() == b'{"status":"ready"}'
    with Stream(instance.port) as stream:
        stream.event()
        end(instance)
        time.sleep(0.05)
        probes[0].request("GET", "/health/ready")
        answer = probes[0].getresponse()
        assert (answer.status, answer.headers["Connection"], answer.read()) == (503, "close", b'{"status":"draining"}')
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", instance.port))
        probes[1].request("GET", "/ws/echo", headers={
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
        assert probes[1].getresponse().status == 503
        assert len(tokens(stream.events())) == 40
    assert instance.process.wait(5) == 0


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_each_thread_answers_until_all_are_done(target, threads):
    """Idle connections are told that it is not ready, also by threads that have nothing to do any more."""

    def check(attempt):
        work_s = 4 if attempt else 1
        instance = target("--threads", threads, "--drain", "20s", "--service-time", f"{work_s}s", "--service-for", "work")
        idle = [http.client.HTTPConnection("127.0.0.1", instance.port, timeout=20) for _ in range(16)]
        for probe in idle:
            probe.request("GET", "/health/ready")
            assert probe.getresponse().read() == b'{"status":"ready"}'
        with socket.create_connection(("127.0.0.1", instance.port), timeout=20) as client:
            began = time.monotonic()
            client.sendall(b"GET /work HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_until(lambda: instance.count()["paths"].get("/work") == 1)
            end(instance)
            for part in idle[:8], idle[8:]:
                time.sleep(0.2)
                for probe in part:
                    try:
                        probe.request("GET", "/health/ready")
                        answer = probe.getresponse()
                        assert (answer.status, answer.read()) == (503, b'{"status":"draining"}')
                    except (ConnectionError, http.client.HTTPException) as failure:
                        if time.monotonic() - began < work_s:
                            raise
                        if_quiet(False, f"all were done before it was asked: {failure!r}")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        code, took_s = instance.process.wait(20), time.monotonic() - began
        assert code == 0
        if_quiet(work_s <= took_s < work_s + (0.5 if not SLOW else 4), took_s)

    in_a_quiet_moment(check)


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("first, second", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM),
                                           (signal.SIGTERM, signal.SIGINT)])
@tried_until_quiet
def test_a_second_signal_ends_the_drain_at_once(target, threads, first, second):
    instance = target("--threads", threads, "--drain", "60s", "--service-time", "30s", "--service-for", "work",
                      "--chat-gap", "30s")
    with socket.create_connection(("127.0.0.1", instance.port), timeout=20) as client, \
            WebSocket(instance.port) as talking:
        client.sendall(b"GET /work HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: instance.count()["paths"].get("/work") == 1)
        instance.process.send_signal(first)
        assert talking.read_close() == 1001
        talking.send(CLOSE, b"\x03\xe9")
        talking.at_end()
        time.sleep(0.2)
        assert instance.process.poll() is None
        began = time.monotonic()
        instance.process.send_signal(second)
        assert client.recv(65536) == b""
        code, took_s = instance.process.wait(20), time.monotonic() - began
        assert code == 0
        if_quiet(took_s < (0.5 if not SLOW else 3), took_s)
    [line] = (line for line in instance.requests() if line["path"] == "/work")
    assert (line["status"], line["sent"]) == (0, False) and len(websockets(instance)) == 1


@pytest.mark.sanitize
def test_the_end_of_a_stream_that_is_cut_was_planned_then(target):
    instance = target("--drain", "60s", "--chat-gap", "30s")
    with Stream(instance.port) as stream:
        stream.event()
        end(instance)
        time.sleep(0.2)
        cut_ns = time.monotonic_ns()
        end(instance)
        events = stream.events()
    last = events[-2]
    assert last.json()["choices"][0]["finish_reason"] == "service_ends"
    assert cut_ns < last.planned_ns <= last.sent_ns <= last.arrived_ns
    assert instance.process.wait(5) == 0


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
def test_who_connected_before_the_signal_is_served(target, threads):
    """Also whom the target has not accepted yet: it is stopped while they connect."""
    instance = target("--threads", threads, "--drain", "5s")
    instance.process.send_signal(signal.SIGSTOP)
    clients = [socket.create_connection(("127.0.0.1", instance.port), timeout=20) for _ in range(200)]
    for client in clients:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    end(instance)
    instance.process.send_signal(signal.SIGCONT)
    for client in clients:
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        client.close()
    assert instance.process.wait(5) == 0


@pytest.mark.alone
@pytest.mark.parametrize("threads", [1, 2])
def test_a_known_backlog_drains_in_its_time(target, threads):
    """60 requests of 10 ms at two workers: 300 ms, however late in them the signal comes."""
    def check(_):
        instance = target("--threads", threads, "--workers", 2, "--service-time", "constant:10ms", "--drain", "5s")
        clients = [socket.create_connection(("127.0.0.1", instance.port), timeout=20) for _ in range(60)]
        began = time.monotonic()
        for client in clients:
            client.sendall(b"GET /work HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: instance.count()["paths"].get("/work") == 60)
        end(instance)
        assert instance.process.wait(5) == 0
        seconds = time.monotonic() - began
        for client in clients:
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ") and client.recv(1) == b""
            client.close()
        if_quiet(seconds == pytest.approx(0.3, abs=0.05), seconds)

    in_a_quiet_moment(check)


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
def test_no_request_in_flight_fails(target, threads):
    """Each client asks again until its connection is closed. One that was idle then may send into the close, as ever with
    connections that are kept: that is no request in flight, for it was sent after the signal, and the target never saw it."""
    instance = target("--threads", threads, "--service-time", "exponential:3ms", "--drain", "5s")
    answered, unanswered = [], []

    def use():
        connection = socket.create_connection(("127.0.0.1", instance.port), timeout=20)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                sent = time.monotonic()
                connection.sendall(b"GET /work HTTP/1.1\r\nHost: x\r\n\r\n")
                answer = connection.recv(65536)
                if not answer:
                    raise EOFError
                assert answer.startswith(b"HTTP/1.1 200 "), answer
                answered.append(1)
                if b"\r\nConnection: close\r\n" in answer:
                    return
        except (OSError, EOFError):
            unanswered.append(sent)
        finally:
            connection.close()

    clients = [threading.Thread(target=use) for _ in range(30)]
    for client in clients:
        client.start()
    wait_until(lambda: len(answered) > 300)
    signalled = time.monotonic()
    end(instance)
    for client in clients:
        client.join()
    assert all(sent >= signalled for sent in unanswered) and instance.process.wait(5) == 0
    lines = instance.requests()
    assert len(lines) == len(answered) and all(line["status"] == 200 and line["sent"] for line in lines)


def test_wrk_reads_every_answer_that_was_made(target):
    """What it sends on a connection that is being closed was never read, and is a socket error that it tells: no answer is lost."""
    if not shutil.which("wrk"):
        pytest.skip("no wrk on this host")
    instance = target("--service-time", "1ms", "--drain", "5s")
    load = subprocess.Popen(["wrk", "-t1", "-c32", "-d2s", instance.url + "/work"], stdout=subprocess.PIPE, text=True)
    wait_until(lambda: instance.count()["total"] > 1000)
    end(instance)
    assert instance.process.wait(5) == 0
    told = load.communicate(timeout=20)[0]
    answered = int(re.search(r"(\d+) requests in", told)[1])
    assert answered == len(instance.requests()) and all(line["sent"] for line in instance.requests())
