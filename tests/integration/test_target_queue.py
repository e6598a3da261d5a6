"""pelt-target's queue in a real Redis: who does the messages, that each is done though consumers crash, and what is said
when Redis is away. What Redis itself says is the judge."""
import concurrent.futures
import contextlib
import itertools
import json
import os
import re
import signal
import socket
import threading
import time

import pytest

import cache_servers
from program import if_quiet, in_a_quiet_moment
from targets import Target
from test_target_limits import ask, ask_json, events, limit, metrics, turn, wait_until

pytestmark = pytest.mark.skipif(not cache_servers.REDIS, reason="redis-server is not installed")


def command(server, *words):
    """The answer of Redis, as it stands on the wire."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as link:
        link.sendall(f"*{len(words)}\r\n".encode() + b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode())
                                                            for word in words))
        return link.recv(65536).decode()


def left(server):
    """Messages that are not acknowledged."""
    return int(command(server, "XLEN", "pelt")[1:])


@pytest.fixture
def redis(tmp_path):
    folder = tmp_path / "redis"
    folder.mkdir()
    server = cache_servers.redis(folder)
    yield server
    if server.process.poll() is None:
        server.stop()


@pytest.fixture
def start(tmp_path, redis):
    started = []

    def start_one(*options):
        own = tmp_path / f"target{len(started)}"
        own.mkdir()
        started.append(Target(own, "--queue", redis.address, *options))
        wait_until(lambda: ask_json(started[-1], "GET", "/queue")[1]["reached"])
        return started[-1]

    yield start_one
    for target in started:
        if target.process.poll() is None:
            target.stop()


def leave(target, count):
    ids = set()
    for i in range(count):
        status, body = ask_json(target, "POST", "/queue", json.dumps({"n": i}))
        assert status == 202
        ids.add(body["id"])
    assert len(ids) == count


@pytest.mark.sanitize
def test_three_consumers_share_the_messages_evenly(start, redis):
    target = start("--queue-time", "4ms")

    def shares_now():
        return [one["done"] for one in ask_json(target, "GET", "/queue")[1]["consumers"]]

    def check(_):
        before = shares_now()
        leave(target, 240)
        wait_until(lambda: sum(shares_now()) == sum(before) + 240)
        assert left(redis) == 0
        shares = [now - then for now, then in zip(shares_now(), before)]
        if_quiet(len(shares) == 3 and all(72 <= share <= 88 for share in shares), shares)

    in_a_quiet_moment(check)
    shares, told = shares_now(), metrics(target)
    assert [told[f'pelt_target_queue_consumer_messages_total{{consumer="{i + 1}"}}'] for i in range(3)] == shares
    assert told['pelt_target_events_total{system="queue",event="redelivered"}'] == 0
    target.stop()
    assert command(redis, "XINFO", "CONSUMERS", "pelt", "workers") == "*0\r\n"  # they took leave


@pytest.mark.sanitize
def test_what_a_consumer_forgets_another_one_gets(start, redis):
    target = start("--queue-time", "1ms", "--queue-crash", "30%", "--queue-claim", "200ms")
    leave(target, 40)
    wait_until(lambda: left(redis) == 0, seconds=20)
    consumers = ask_json(target, "GET", "/queue")[1]["consumers"]
    assert sum(one["crashed"] for one in consumers) > 0
    assert sum(one["redelivered"] for one in consumers) >= sum(one["crashed"] for one in consumers)
    target.stop()
    assert len([line for line in events(target, "queue") if line["event"] == "redelivered"]) > 0


@pytest.mark.sanitize
def test_another_service_does_what_a_killed_one_had(start, redis):
    killed = start("--queue-time", "30s", "--queue-claim", "300ms")
    leave(killed, 5)
    wait_until(lambda: limit(killed, "queue_consumers")["used"] == 3)  # has three, two wait
    assert limit(killed, "queue")["used"] == 2
    os.kill(killed.process.pid, signal.SIGKILL)
    killed.process.wait()
    killed.process.stdout.close()
    assert left(redis) == 5
    other = start("--queue-time", "1ms", "--queue-claim", "300ms")
    wait_until(lambda: left(redis) == 0)
    wait_until(lambda: metrics(other)['pelt_target_events_total{system="queue",event="done"}'] == 5)
    assert metrics(other)['pelt_target_events_total{system="queue",event="redelivered"}'] == 3


@pytest.mark.sanitize
def test_the_queue_is_bounded_and_says_when_it_is_away(start, redis):
    target = start("--queue-consumers", 0, "--queue-max", 3)
    leave(target, 3)
    status, headers, _ = ask(target, "POST", "/queue", "x")
    assert status == 503 and headers["Retry-After"] == "1"
    assert limit(target, "queue")["events"] == 1
    turn(target, queue_max="unlimited")
    assert ask(target, "POST", "/queue", "x" * 70000)[0] == 413
    assert ask(target, "PUT", "/queue", "x")[0] == 405
    redis.stop()
    assert ask(target, "POST", "/queue", "x")[0] == 503
    assert ask_json(target, "GET", "/health/detailed")[1]["degraded"] == ["queue"]
    again = cache_servers.redis(redis.folder, port=redis.port)
    try:
        wait_until(lambda: ask_json(target, "GET", "/queue")[1]["reached"])
        assert ask(target, "POST", "/queue", b"\x00\xff binary")[0] == 202
        assert ask_json(target, "GET", "/health/detailed")[1]["degraded"] == []
    finally:
        again.stop()
    target.stop()
    assert [line["event"] for line in events(target, "queue") if line["event"] in ("connect", "lost")][:3] == \
        ["connect", "lost", "connect"]


@pytest.mark.sanitize
def test_a_queue_in_memory_keeps_the_same_promises(tmp_path):
    target = Target(tmp_path, "--queue", "memory", "--queue-time", "1ms", "--queue-crash", "20%", "--queue-claim", "100ms")
    leave(target, 60)

    def done():
        return metrics(target)['pelt_target_events_total{system="queue",event="done"}']

    wait_until(lambda: done() == 60)
    consumers = ask_json(target, "GET", "/queue")[1]["consumers"]
    assert sum(one["redelivered"] for one in consumers) >= sum(one["crashed"] for one in consumers) > 0
    wait_until(lambda: limit(target, "queue_consumers")["used"] == limit(target, "queue")["used"] == 0)
    turn(target, queue_time="30s", queue_crash=0, queue_max=2)
    statuses = [ask(target, "POST", "/queue", "x")[0] for _ in range(7)]
    assert statuses.count(202) >= 2 and 503 in statuses, statuses
    wait_until(lambda: [ask(target, "POST", "/queue", "x")[0] for _ in range(3)] == [503] * 3)  # each consumer has one by then
    assert target.stop() == 0


@pytest.mark.sanitize
@pytest.mark.parametrize("where", ["memory", "redis"])
def test_a_queue_that_is_empty_refuses_nothing(start, tmp_path, where):
    options = ("--queue-max", 3, "--queue-time", "0")
    (tmp_path / "memory").mkdir()
    target = start(*options) if where == "redis" else Target(tmp_path / "memory", "--queue", "memory", *options)
    for count in range(1, 31):  # each is done before the next one comes
        assert ask(target, "POST", "/queue", "x")[0] == 202, count
        wait_until(lambda: metrics(target)['pelt_target_events_total{system="queue",event="done"}'] == count)
    if where == "memory":
        assert ask_json(target, "GET", "/queue")[1]["waiting"] == 0
        target.stop()


class Cut:
    """A way to Redis that breaks once, right behind the first XACK."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.port = port
        self.is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                link, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link):
        with link, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)) as redis:
            threading.Thread(target=self._answer, args=(redis, link), daemon=True).start()
            while asked := link.recv(65536):
                first = re.match(rb"(.*?\$4\r\nXACK\r\n(\$\d+\r\n[^\r]*\r\n){3})", asked, re.DOTALL)
                if first and not self.is_cut:
                    self.is_cut = True
                    redis.sendall(first[1])
                    redis.shutdown(socket.SHUT_WR)
                    time.sleep(0.1)  # Redis does what it got
                    return
                redis.sendall(asked)

    def _answer(self, redis, link):
        with contextlib.suppress(OSError):
            while answer := redis.recv(65536):
                link.sendall(answer)


@pytest.mark.sanitize
def test_what_breaks_off_in_the_middle_of_acknowledging_counts_for_nobody(tmp_path, redis):
    cut = Cut(redis.port)
    target = Target(tmp_path, "--queue", cut.address, "--queue-time", "1ms", "--queue-claim", "100ms", "--queue-consumers", 1)
    wait_until(lambda: ask_json(target, "GET", "/queue")[1]["reached"])
    assert ask(target, "POST", "/queue", "x")[0] == 202
    wait_until(lambda: cut.is_cut and left(redis) == 0)
    wait_until(lambda: limit(target, "queue")["used"] == limit(target, "queue_consumers")["used"] == 0)
    assert metrics(target)['pelt_target_events_total{system="queue",event="redelivered"}'] == 1
    assert target.stop() == 0
    cut.listener.close()


@contextlib.contextmanager
def hanging(server):
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield time.monotonic()
    finally:
        server.process.send_signal(signal.SIGCONT)


def test_nobody_waits_for_a_redis_that_hangs(start, redis):
    def check(_):
        target = start("--queue-consumers", 1, "--drain", "1s")
        with hanging(redis) as begin, concurrent.futures.ThreadPoolExecutor(12) as pool:
            statuses = list(pool.map(lambda _: ask(target, "POST", "/queue", "x")[0], range(12)))
            took = time.monotonic() - begin
            late = [ask(target, "POST", "/queue", "x")[0] for _ in range(20)]
            late_took = time.monotonic() - begin - took
        assert set(statuses) == set(late) == {503}
        if_quiet(took < 2.5 and late_took < 0.5, (took, late_took))  # one call of 1 s, and perhaps a look before it
        wait_until(lambda: ask_json(target, "GET", "/queue")[1]["reached"])
        assert ask(target, "POST", "/queue", "x")[0] == 202
        with hanging(redis) as begin:
            assert target.stop() == 0
            if_quiet(time.monotonic() - begin < 5, time.monotonic() - begin)

    in_a_quiet_moment(check)


def test_without_a_redis_there_is_no_queue(tmp_path):
    target = Target(tmp_path)
    assert ask(target, "GET", "/queue")[0] == 404
    assert ask(target, "POST", "/queue", "x")[0] == 404
    target.stop()


class Liar:
    """A Redis that answers each command with the next of `answers`, over and over."""

    def __init__(self, answers):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.answers = itertools.cycle(answers)
        self.asked = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(link,), daemon=True).start()

    def _answer(self, link):
        with link:
            try:
                while link.recv(65536):
                    self.asked += 1
                    link.sendall(next(self.answers))
            except OSError:
                pass


@pytest.mark.sanitize
def test_a_redis_that_lies_breaks_nothing(tmp_path):
    liar = Liar([b"+OK\r\n", b"*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*1\r\n$3\r\na-b\r\n", b":-5\r\n", b"*0\r\n", b"*-1\r\n", b"$-1\r\n",
                 b"*2\r\n$3\r\n0-0\r\n*1\r\n*0\r\n", b"-ERR no\r\n", b"*1\r\n:1\r\n", b"$70\r\n" + b"1" * 70 + b"\r\n",
                 b"garbage\r\n", b"-BUSYGROUP\r\n", b"*3\r\n*0\r\n*0\r\n*0\r\n"])
    target = Target(tmp_path, "--queue", liar.address, "--queue-claim", "10ms", "--queue-consumers", 8)
    wait_until(lambda: liar.asked > 60, seconds=20)
    statuses = {ask(target, "POST", "/queue", "x")[0] for _ in range(10)}
    assert statuses <= {202, 503}
    assert target.stop() == 0
    liar.listener.close()
