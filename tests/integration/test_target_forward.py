"""What pelt-target's balancer makes of a request and of its answer on their way: the bytes that a back end gets and those
that a client gets, on plain sockets on both sides."""
import contextlib
import itertools
import json
import socket
import threading

import pytest

from targets import Target
from test_target_balancer import Backends, wait_until_checked
from test_target_limits import ask, ask_json

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Wire:
    """A back end that answers probes well, all else with `answer` of its first line, and keeps the bytes that it gets."""

    def __init__(self, answer=lambda line: OK):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.name = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.answer = answer
        self.asked = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                link, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link):
        with link, contextlib.suppress(OSError), link.makefile("rb") as lines:
            while head := b"".join(itertools.takewhile(b"\r\n".__ne__, iter(lines.readline, b""))):
                fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if line)
                body = lines.read(int(fields.get(b"content-length", 0)))
                if head.startswith(b"GET /health/ready "):
                    link.sendall(OK)
                    continue
                self.asked.append(head + b"\r\n" + body)
                link.sendall(self.answer(head.split(b"\r\n")[0]))

    def stop(self):
        self.listener.close()


@pytest.fixture
def balanced(tmp_path):
    """Starts a Wire and a balancer in front of it."""
    started = []

    def start(*options, answer=lambda line: OK):
        wire = Wire(answer)
        target = Target(tmp_path, "--lb", "round-robin", "--lb-backends", wire.name, "--lb-check", "60s", *options)
        started.extend((target, wire))
        wait_until_checked(target, 1)
        return wire, target

    yield start
    for one in started:
        one.stop()


def say(target, request):
    """All that comes back, until the balancer closes the connection."""
    with socket.create_connection(("127.0.0.1", target.port), timeout=20) as link:
        link.sendall(request)
        return b"".join(iter(lambda: link.recv(65536), b""))


def asked_of(balanced_pair, line, *fields, body=b""):
    """What the back end gets of a request that a client sends."""
    wire, target = balanced_pair
    wire.asked.clear()
    answer = say(target, b"\r\n".join([line, b"Host: a.example:8", *fields]) + b"\r\n\r\n" + body)
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    (asked,) = wire.asked
    return asked


FORWARDED = b"X-Forwarded-For: 127.0.0.1"


def message(*lines, body=b""):
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@pytest.mark.sanitize
def test_a_back_end_gets_what_the_client_sent_and_nothing_else(balanced):
    both = balanced()
    end = b"Connection: close"
    for target in (b"/a%2Fb/../c//d?x=1&y=&z&%3D=a+b&x=1", b"/nul%00x", b"/%7e~?", b"//x?/?%", b"/\xc3\xa9#f"):
        line = b"GET " + target + b" HTTP/1.1"
        assert asked_of(both, line, end) == message(line, b"Host: a.example:8", FORWARDED)
    for method in (b"HEAD", b"DELETE", b"OPTIONS", b"POST"):
        line = method + b" /a HTTP/1.1"
        assert asked_of(both, line, end) == message(line, b"Host: a.example:8", FORWARDED)
    assert asked_of(both, b"OPTIONS * HTTP/1.1", end) == message(b"OPTIONS * HTTP/1.1", b"Host: a.example:8", FORWARDED)
    line = b"PUT /a HTTP/1.1"
    assert asked_of(both, line, end, b"Content-Length: 0") == \
        message(line, b"Host: a.example:8", FORWARDED, b"Content-Length: 0")
    assert asked_of(both, line, end, b"Content-Length: 2", body=b"\0x") == \
        message(line, b"Host: a.example:8", FORWARDED, b"Content-Length: 2", body=b"\0x")
    assert asked_of(both, line, end, b"Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n") == \
        message(line, b"Host: a.example:8", FORWARDED, b"Content-Length: 3", body=b"abc")


@pytest.mark.sanitize
def test_fields_of_the_connection_stay_with_it_and_all_others_pass(balanced):
    both = balanced()
    line = b"GET /a HTTP/1.1"
    passed = [b"Accept: text/x;q=0.5", b"X-Empty:", b"x-Case: A, b", b"Cookie: a=1", b"Authorization: Basic eDp5"]
    dropped = [b"Connection: close, X-Hop ,x-other", b"X-Hop: 1", b"X-Other: 2", b"Connection: X-Late", b"x-late: 3", b"TE: trailers",
               b"Keep-Alive: x", b"Upgrade: h2c", b"Proxy-Authorization: x"]
    assert asked_of(both, line, *dropped, *passed, b"X-Forwarded-For: 10.0.0.1, ::1", b"x-forwarded-for: 10.0.0.2") == \
        message(line, b"Host: a.example:8", *passed, b"X-Forwarded-For: 10.0.0.1, ::1, 10.0.0.2, 127.0.0.1")
    assert asked_of(both, line, b"Connection: close", b"X-Forwarded-For: " + b"1" * 3000) == \
        message(line, b"Host: a.example:8", FORWARDED)
    wire, target = both
    wire.asked.clear()
    assert say(target, b"GET /a HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")  # who names no host
    assert wire.asked == [message(line, b"Host: " + wire.name.encode(), FORWARDED)]


@pytest.mark.sanitize
def test_no_client_reaches_a_server_that_is_no_back_end(balanced):
    wire, target = balanced()
    other = Wire()
    name = other.name.encode()
    for line, status in ((b"GET @" + name + b"/x HTTP/1.1", 400), (b"PUT @127.0.0.1:%d/admin/knobs HTTP/1.1" % target.port, 400),
                         (b"GET http://" + name + b"/x HTTP/1.1", 400), (b"GET .example/x HTTP/1.1", 400),
                         (b"GET %2Fx HTTP/1.1", 400), (b"GET * HTTP/1.1", 400), (b"OPTIONS *x HTTP/1.1", 400),
                         (b"CONNECT " + name + b" HTTP/1.1", 400), (b"CONNECT /x HTTP/1.1", 501),
                         (b"GET /x HTTP/1.1 /y HTTP/1.1", 400), (b"GET /x\ty HTTP/1.1", 400), (b"GET /x\x7f HTTP/1.1", 400)):
        answer = say(target, line + b"\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        assert answer.startswith(b"HTTP/1.1 %d " % status), (line, answer)
        assert b"X-Backend" not in answer and (status != 400 or b"they begin with /" in answer), answer
    assert wire.asked == other.asked == []
    other.stop()
    assert ask_json(target, "GET", "/admin/backends")[1]["backends"][0]["requests"] == 0
    assert ask_json(target, "GET", "/admin/knobs/lb-scale")[1]["value"] is False


ANSWERS = {
    b"/head": b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\nX-A: 1\r\n\r\n",
    b"/unknown": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"/304": b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
    b"/304-length": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 70000\r\n\r\n",
    b"/204": b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    b"/hop": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nX-Hop: 1\r\nConnection: keep-alive, x-hop\r\nX-A: 1\r\n"
             b"X-B: 2\r\nConnection: x-b\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 5\r\n\r\nhello",
    b"/trailer": b"HTTP/1.1 200 OK\r\nTrailer: X-T, HTTP/1.1\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
                 b"5\r\nhello\r\n0\r\nX-T: 1\r\nHTTP/1.1: x\r\n\r\n",
    b"/stream": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
    b"/999": b"HTTP/1.1 999 X\r\nContent-Length: 2\r\n\r\nhi",
    b"/large": b"HTTP/1.1 200 OK\r\nX-B: " + b"b" * 70000 + b"\r\nContent-Length: 2\r\n\r\nhi",
    b"/hops": b"HTTP/1.1 200 OK\r\nConnection: " + b"x," * 2500 + b"\r\nContent-Length: 2\r\n\r\nhi",
}


def parts(answer):
    """Status, fields without those that the balancer adds, and what comes behind."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    added = (b"Date:", b"Server-Timing:", b"X-Backend:", b"Cache-Status:")
    return int(first.split()[1]), sorted(line for line in lines if not line.startswith(added)), body


@pytest.mark.sanitize
def test_a_client_gets_what_the_back_end_said_and_nothing_else(balanced):
    wire, target = balanced(answer=lambda line: ANSWERS[line.split()[1]])

    def get(path, method=b"GET"):
        return parts(say(target, method + b" " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))

    close = b"Connection: close"
    assert get(b"/head", b"HEAD") == (200, [close, b"Content-Length: 70000", b"X-A: 1"], b"")
    assert get(b"/unknown", b"HEAD") == (200, [close], b"")
    assert get(b"/304") == (304, [close, b'ETag: "x"'], b"")
    assert get(b"/304-length") == (304, [close, b"Content-Length: 70000"], b"")
    assert get(b"/204") == get(b"/204", b"HEAD") == (204, [close, b"X-A: 1"], b"")
    assert get(b"/hop") == (200, [close, b"Content-Length: 5", b"Set-Cookie: a", b"Set-Cookie: b", b"X-A: 1"], b"hello")
    assert get(b"/trailer") == (200, [close, b"Content-Length: 5", b"X-A: 1"], b"hello")
    assert get(b"/stream")[2] == b"5\r\nhello\r\n0\r\n\r\n"
    large = "the header fields of the back end are larger than 64 KiB, or its Connection than 4 KiB"
    for path, why in ((b"/999", "the status of the back end is none of 200 to 599"), (b"/large", large), (b"/hops", large)):
        status, _, body = get(path)
        assert status == 502 and json.loads(body)["error"]["message"] == why
    assert len(wire.asked) == 12


@pytest.mark.sanitize
def test_two_answers_without_a_body_stand_one_behind_the_other(balanced):
    wire, target = balanced(answer=lambda line: ANSWERS[line.split()[1]])
    request = b" /304-length HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = say(target, b"GET" + request + b"HEAD" + request + b"GET /204 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    first, second, third, rest = answer.split(b"\r\n\r\n")
    assert [one.split()[1] for one in (first, second, third)] == [b"304", b"304", b"204"] and rest == b""


@pytest.mark.sanitize
def test_what_a_cache_keeps_of_a_head_has_a_body_for_a_get(tmp_path):
    with Backends(tmp_path, 1, "--lb-check", "60s", "--cache", "1m", "--coalesce", 100) as backends:
        wait_until_checked(backends.lb, 1)
        status, _, body = ask(backends.lb, "HEAD", "/work")
        assert (status, body) == (200, b"")
        status, headers, body = ask(backends.lb, "GET", "/work")
        assert status == 200 and json.loads(body) == {"status": "done"}
        assert any("; hit" in said for said in headers.get_all("Cache-Status"))
        assert backends.all[0].count()["paths"]["/work"] == 1
