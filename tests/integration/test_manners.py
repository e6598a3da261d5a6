"""Clients that servers must endure, and bodies that wait: `behave` and `expect_continue`, against a server that tells what it saw."""
import threading
import time

import pytest

from program import PASSED, if_quiet, in_a_quiet_moment, outcomes_add_up, pelt, run
from rawserver import RawServer

pytestmark = pytest.mark.sanitize

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def scenario(tmp_path, body, users=1, iterations=1):
    path = tmp_path / "s.lua"
    path.write_text(f'local pelt = require "pelt"\nlocal http, check = pelt.http, pelt.check\n'
                    f"return {{ load = {{ users = {users}, iterations = {iterations} }}, iteration = function(user)\n{body}\nend }}\n")
    return path


def played(tmp_path, play, body, **load):
    with RawServer(play) as server:
        done = run(scenario(tmp_path, body, **load), "-t", 1, "--target", server.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert all(row["failed"] == 0 for row in done.report["checks"]), done.told()
    outcomes_add_up(done.report)
    return done.report["totals"]["outcomes"], server


def head_of(peer):
    head = peer.read_head()
    assert b"expect: 100-continue" in head
    return head


# ---- Expect: 100-continue


def test_a_body_waits_for_100_and_other_1xx_are_passed_over(tmp_path):
    def play(peer):
        while True:
            head_of(peer)
            early = peer.pending
            peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 5)
            time.sleep(0.05)
            peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            while len(peer.pending) < 5:
                peer._receive()
            assert early == b"" and peer.pending == b"hello"
            peer.pending = b""
            peer.server.count_request()
            peer.send(OK)

    outcomes, server = played(tmp_path, play, 'local r = http.post("/", { body = "hello", expect_continue = true }) check("ok", r.body == "hi")', iterations=20)
    assert outcomes == {"ok": 20} and server.requests == 20 and server.connections == 1


def test_a_server_that_says_nothing_gets_it_after_a_second(tmp_path):
    waited = []

    def play(peer):
        head_of(peer)
        began = time.monotonic()
        peer._receive()
        waited.append(time.monotonic() - began)
        peer.send(OK)

    outcomes, _ = played(tmp_path, play, 'check("ok", http.post("/", { body = "hello", expect_continue = true }).status == 200)')
    assert outcomes == {"ok": 1} and 0.9 < waited[0] < 2


@pytest.mark.parametrize("status, outcome", [(417, "http_status"), (413, "http_status"), (200, "ok")])
def test_a_final_answer_before_the_body_ends_it_and_the_connection(tmp_path, status, outcome):
    got = []

    def play(peer):
        head_of(peer)
        peer.send(f"HTTP/1.1 {status} Early\r\nContent-Length: 2\r\n\r\nno".encode())
        while True:
            peer._receive()
            got.append(peer.pending)

    outcomes, server = played(tmp_path, play, f'check("status", http.post("/", {{ body = "hello", expect_continue = true }}).status == {status})', iterations=10)
    assert outcomes == {outcome: 10} and got == [] and server.connections == 10


def test_more_than_32_of_1xx_are_too_many(tmp_path):
    def play(peer):
        head_of(peer)
        peer.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 33)
        peer.wait_until_gone()

    outcomes, _ = played(tmp_path, play, 'http.post("/", { body = "hello", expect_continue = true })')
    assert outcomes == {"head_too_large": 1}


def test_small_bodies_do_not_wait_where_a_size_is_given(tmp_path):
    heads = []

    def play(peer):
        while True:
            heads.append(b"expect" in peer.read_head())
            if heads[-1]:
                peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            length = 2000 if heads[-1] else 10
            while len(peer.pending) < length:
                peer._receive()
            peer.pending = b""
            peer.send(OK)

    outcomes, _ = played(tmp_path, play, """
        http.post("/", { body = ("x"):rep(10), expect_continue = "1k" })
        http.post("/", { body = ("x"):rep(2000), expect_continue = "1k" })
        http.post("/", { body = ("x"):rep(10), expect_continue = false })""")
    assert outcomes == {"ok": 3} and heads == [False, True, False]


# ---- bad clients


def test_a_slow_reader_holds_the_server_up(tmp_path):
    """Of a large answer the server gets rid of what the kernel takes for the reader, and waits."""
    sent = []

    def play(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n")
        peer.sock.settimeout(0.5)
        try:
            while True:
                sent.append(peer.sock.send(b"x" * 65536))
        except TimeoutError:
            peer.sock.settimeout(None)
            peer.wait_until_gone()

    outcomes, _ = played(tmp_path, play, 'http.get("/", { timeout = "1s", behave = { read_rate = "10k" } })')
    assert outcomes == {"timeout": 1} and 0 < sum(sent) < 5_000_000


def sends(size):
    def play(peer):
        while True:
            peer.read_request()
            peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size)
    return play


def test_a_slow_reader_gets_all_of_it_at_its_rate(tmp_path):
    """And leaves no connection with its narrow window to others, of whom one would wait for seconds."""
    outcomes, server = played(tmp_path, sends(400_000), """
        local began = pelt.now()
        local r = http.get("/", { behave = { read_rate = "5k", abandon_after = 3000 } })
        check("slow", pelt.now() - began > 0.4)
        for _ = 1, 2 do
            began = pelt.now()
            check("fast again", http.get("/", { timeout = "20s" }).ok and pelt.now() - began < 5)
        end
        began = pelt.now()
        check("also slow", #http.get("/", { behave = { read_rate = "1m" } }).body == 400000 and pelt.now() - began > 0.3)
        began = pelt.now()
        check("and fast", http.get("/", { timeout = "20s" }).ok and pelt.now() - began < 5)""")
    assert outcomes == {"abandoned": 1, "ok": 4} and server.connections == 3


@pytest.mark.variant
@pytest.mark.parametrize("rate, size", [("100k", 100_000), ("500k", 500_000), ("4m", 4_000_000)])
def test_a_rate_is_kept_whatever_it_is(tmp_path, rate, size):
    """0.95 s each; with the window of a rate ten times smaller it would take several times that."""
    def attempt(_):
        with RawServer(sends(size)) as server:
            done = run(scenario(tmp_path, f'http.get("/", {{ behave = {{ read_rate = "{rate}" }} }})'), "-t", 1, "--target", server.url, cwd=tmp_path)
        seconds = done.report["requests"][0]["service_ms"]["max"] / 1000
        assert done.report["totals"]["outcomes"] == {"ok": 1} and seconds > 0.85, done.told()
        if_quiet(seconds < 1.4, f"{seconds} s")
    in_a_quiet_moment(attempt)


def test_a_slow_writer_takes_its_time(tmp_path):
    pieces = []

    def play(peer):
        began = time.monotonic()
        while len(peer.pending) < 400:
            peer._receive()
            pieces.append((time.monotonic() - began, len(peer.pending)))
        peer.pending = b""
        peer.send(OK)

    outcomes, _ = played(tmp_path, play, 'check("ok", http.post("/", { body = ("x"):rep(400), behave = { write_rate = 1000 } }).status == 200)')
    assert outcomes == {"ok": 1} and len(pieces) >= 5 and 0.3 < pieces[-1][0] < 1.5, pieces


@pytest.mark.parametrize("after, most", [("100k", 102_400), (1000, 1000), (0, 0)])
def test_who_abandons_is_counted_as_such(tmp_path, after, most):
    gone = threading.Semaphore(0)

    def play(peer):
        peer.read_request()
        try:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n" + b"x" * 8_000_000)
        finally:
            gone.release()

    behave = f'"{after}"' if isinstance(after, str) else after
    with RawServer(play) as server:
        done = run(scenario(tmp_path, f'check("error", http.get("/", {{ behave = {{ abandon_after = {behave} }} }}).error == "abandoned")', users=2, iterations=40),
                   "-t", 1, "--target", server.url, cwd=tmp_path)
    assert done.code == PASSED and done.report["checks"][0]["failed"] == 0, done.told()
    totals = done.report["totals"]
    assert totals["outcomes"] == {"abandoned": 40} and totals["sent"] == {"yes": 0, "maybe": 40, "no": 0}
    assert server.connections == 40 or after == 0  # who leaves at once may be gone before it is accepted
    assert totals["bytes_received"] == 40 * most


def test_an_answer_that_ends_before_is_not_abandoned(tmp_path):
    def play(peer):
        while True:
            peer.read_request()
            peer.send(OK)

    outcomes, server = played(tmp_path, play, 'check("ok", http.get("/", { behave = { abandon_after = "1k" } }).body == "hi")', iterations=10)
    assert outcomes == {"ok": 10} and server.connections == 1


def test_a_half_closed_connection_still_gets_its_answer(tmp_path):
    ends = []

    def play(peer):
        peer.read_request()
        ends.append(peer.sock.recv(10))
        peer.send(OK)

    outcomes, server = played(tmp_path, play, 'check("ok", http.get("/", { behave = { half_close = true } }).body == "hi")', iterations=10)
    assert outcomes == {"ok": 10} and ends == [b""] * 10 and server.connections == 10


@pytest.mark.parametrize("options, said", [
    ("behave = { read_rat = 1 }", "http.get: behave: unknown option 'read_rat': did you mean 'read_rate'?"),
    ("behave = { read_rate = 0 }", "behave: read_rate: 0 bytes a second never come to an end"),
    ("behave = { write_rate = {} }", "behave: write_rate: a size is expected"),
    ("behave = 5", "behave: a table is expected"),
    ("behave = { half_close = 1 }", "behave: half_close: true or false is expected"),
    ('expect_continue = "soon"', "expect_continue: "),
    ("retry_stale = 3", "retry_stale: true or false is expected"),
])
def test_what_is_wrong_with_it_is_said(tmp_path, options, said):
    done = pelt("check", "--once", scenario(tmp_path, f'http.get("http://127.0.0.1:1/", {{ {options} }})'), cwd=tmp_path)
    assert done.code != PASSED and said in done.out + done.err, done.told()
