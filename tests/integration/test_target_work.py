"""pelt-target's kinds of work: tasks with priorities, batches, a memoised step, a lazy load, a spool on a disk that is full,
memory given back, sessions that survive a restart, processing types, and what each request costs."""
import ctypes
import json
import math
import os
import random
import re
import signal
import threading
import time

import pytest

import cache_servers
from program import SLOW, if_quiet, tried_until_quiet
from test_target_limits import MS, ask, ask_json, events, limit, metrics, turn, wait_until
from test_target_sharing import Client

pytestmark = pytest.mark.sanitize


def timing(headers):
    """{"queue": 1.5, ...} of Server-Timing, in ms."""
    return {name: float(ms) for name, ms in re.findall(r"([\w-]+);dur=([\d.]+)", headers["Server-Timing"])}


def event(target, system, name):
    return metrics(target)[f'pelt_target_events_total{{system="{system}",event="{name}"}}']


def together(count, job):
    """Runs job(i) in a thread each; what they returned, in order."""
    got = [None] * count

    def one(i):
        got[i] = job(i)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return got


# ---- tasks ----

def test_high_never_waits_behind_low(target):
    instance = target("--tasks", 2, "--tasks-time", "constant:1s")
    draw = random.Random(3)
    with Client(instance) as client:
        ids = [json.loads(client.ask("POST", "/tasks", "{}")[1])["id"] for _ in range(2)]  # keep both workers busy meanwhile
        turn(instance, **{"tasks-time": "20ms"})
        for _ in range(58):
            _, body = client.ask("POST", "/tasks", json.dumps({"priority": draw.choice(["high", "normal", "low"])}))
            ids.append(json.loads(body)["id"])
        assert ids == list(range(1, 61))
        figures = metrics(instance)
        waiting = {name: figures[f'pelt_target_limit_used{{limit="tasks_{name}"}}'] for name in ("high", "normal", "low")}
        assert figures['pelt_target_limit_used{limit="tasks"}'] == 2 and waiting["low"] > 10
        assert figures['pelt_target_limit_waiters{limit="tasks"}'] == sum(waiting.values())
        headers, body = client.ask("POST", "/tasks", '{"priority": "high", "wait": true}')
        assert json.loads(body)["state"] == "done"
        assert timing(headers)["task-wait"] <= 1000 + (waiting["high"] / 2 + 1) * 20, "behind those of its kind only"
        assert timing(headers)["task"] == 20
        assert SLOW or limit(instance, "tasks_low")["used"] > 0
    wait_until(lambda: limit(instance, "tasks")["used"] == 0)
    assert ask_json(instance, "GET", "/tasks/1")[1]["state"] == "done"
    instance.stop()
    done = [line for line in events(instance, "tasks") if line["event"] == "done"]
    assert len(done) == 61
    took = {line["task"]: (1000 if line["task"] <= 2 else 20) * MS for line in done}
    begun = {line["task"]: (line["priority"], line["at_ns"] - took[line["task"]] - line["wait_ns"], line["at_ns"] - took[line["task"]])
             for line in done}
    rank = {"high": 0, "normal": 1, "low": 2}
    for a in begun.values():
        for b in begun.values():
            if rank[a[0]] < rank[b[0]] and a[1] < b[2]:
                assert a[2] <= b[2], (a, b)


def test_tasks_that_are_wrong_or_too_many_are_refused(target):
    instance = target("--tasks", 1, "--tasks-time", "constant:5s", "--tasks-queue", 1, "--drain", "100ms")
    for wrong in ("", "[]", '{"priority": "urgent"}', '{"wait": 1}', '{"priority": 1}'):
        assert ask(instance, "POST", "/tasks", wrong)[0] == 400, wrong
    assert [ask(instance, "POST", "/tasks", "{}")[0] for _ in range(3)] == [202, 202, 503]
    assert ask(instance, "GET", "/tasks/99")[0] == 404
    assert ask(instance, "GET", "/tasks/x")[0] == 400
    turn(instance, tasks=0)
    assert ask(instance, "POST", "/tasks", "{}")[0] == 404


def test_who_waits_for_a_task_is_let_go_at_the_end(target):
    instance = target("--tasks", 1, "--tasks-time", "constant:60s", "--drain", "100ms")
    with Client(instance) as client:
        client.connection.request("POST", "/tasks", '{"wait": true}')
        wait_until(lambda: limit(instance, "tasks")["used"] == 1)
        assert instance.stop() == 0  # in 20 s


# ---- batches ----

@tried_until_quiet
def test_batches_fill_under_load_and_do_more(target):
    instance = target("--batch", 8, "--batch-wait", "5ms", "--batch-time", "20ms", "--batch-item", "1ms", "--threads", 1)
    lone = timing(ask(instance, "GET", "/work")[1])
    assert (lone["batch-wait"], lone["batch"]) == (5, 21)
    got = together(24, lambda _: timing(ask(instance, "GET", "/work")[1]))
    sizes = [round(one["batch"]) - 20 for one in got]
    assert max(sizes) <= 8 and min(sizes) >= 1
    if_quiet(max(sizes) == 8, sizes)
    figures = metrics(instance)
    buckets = {le: figures[f'pelt_target_batch_size_bucket{{le="{le}"}}'] for le in ("1", "4", "8", "16", "+Inf")}
    assert buckets["8"] == buckets["+Inf"] == figures["pelt_target_batch_size_count"]
    if_quiet(buckets["4"] < buckets["8"], buckets)
    assert figures["pelt_target_batch_size_sum"] == 25
    begun = time.monotonic()
    together(16, lambda _: ask(instance, "GET", "/work"))
    batched = time.monotonic() - begun
    turn(instance, batch=1)
    begun = time.monotonic()
    together(16, lambda _: ask(instance, "GET", "/work"))
    if_quiet(time.monotonic() - begun > 1.5 * batched, "one by one takes longer")
    turn(instance, batch=0)
    assert "batch" not in timing(ask(instance, "GET", "/work")[1])


# ---- the step and its memoiser ----

def test_a_memoised_step_costs_next_to_nothing(target):
    instance = target("--step", "20ms", "--memo", 10, "--memo-ttl", "1s")
    chat = ("POST", "/api/chat", '{"message": "hi"}')
    first, second = (timing(ask(instance, *chat)[1])["step"] for _ in range(2))
    assert first >= 20 and second < 0.05 * first
    time.sleep(1.1)
    assert timing(ask(instance, *chat)[1])["step"] >= 20, "expired"
    turn(instance, memo=0)
    assert all(timing(ask(instance, *chat)[1])["step"] >= 20 for _ in range(2))
    turn(instance, step=0)
    assert "step" not in timing(ask(instance, *chat)[1])


# ---- the lazy load ----

@tried_until_quiet
def test_fifty_cold_requests_load_once(target):
    instance = target("--lazy", "1s", "--lazy-idle", "1h")
    got = together(50, lambda _: timing(ask(instance, "GET", "/work")[1]))
    assert event(instance, "lazy", "load") == 1
    waits = [one["lazy-wait"] for one in got if "lazy-wait" in one]
    assert max(waits) >= 999
    if_quiet(len(waits) >= 40, waits)  # the others came when it was loaded
    assert "lazy-wait" not in timing(ask(instance, "GET", "/work")[1])
    turn(instance, lazy=0)
    turn(instance, lazy="100ms")
    assert timing(ask(instance, "GET", "/work")[1])["lazy-wait"] >= 100, "unloaded while it was off"
    instance.stop()
    assert [line["event"] for line in events(instance, "lazy") if line["event"] != "knob"] == ["load", "load"]


# ---- the spool ----

@pytest.fixture
def small_disk(tmp_path):
    """A file system of 32 MB of its own; needs root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, b"size=32m") != 0:
        pytest.skip(f"no tmpfs can be mounted here: {os.strerror(ctypes.get_errno())}")
    yield folder
    assert libc.umount2(str(folder).encode(), 2) == 0


def used_bytes(folder):
    now = os.statvfs(folder)
    return (now.f_blocks - now.f_bfree) * now.f_frsize


def test_the_spool_is_cleaned_oldest_first_and_frees_what_statvfs_says(target, small_disk):
    mine = small_disk / "mine"
    mine.write_bytes(bytes(1 << 20))
    instance = target("--spool", small_disk, "--spool-bytes", "1m", "--spool-high", "75%", "--spool-low", "50%")
    with Client(instance) as client:
        for _ in range(23):
            headers, _ = client.ask("GET", "/work")
        assert timing(headers)["spool"] > 0
        before = used_bytes(small_disk)
        assert before == 24 << 20 and event(instance, "spool", "cleaned") == 0
        client.ask("GET", "/work")
        after = used_bytes(small_disk)
    assert after == 16 << 20 and event(instance, "spool", "cleaned") == 1
    assert event(instance, "spool", "freed_byte") == before + (1 << 20) - after == event(instance, "spool", "removed") * (1 << 20)
    left = sorted(path.name for path in small_disk.iterdir() if path != mine)
    assert left == [f"spool-{number:020}" for number in range(10, 25)], "the oldest left"
    assert mine.exists()
    assert limit(instance, "spool_disk")["used"] == after and limit(instance, "spool_disk")["limit"] == 32 << 20
    instance.stop()
    cleaned, = (line for line in events(instance, "spool") if line["event"] == "cleaned")
    assert (cleaned["files"], cleaned["freed_bytes"]) == (9, 9 << 20)


def test_a_disk_that_others_have_filled_is_told(target, small_disk):
    instance = target("--spool", small_disk, "--spool-bytes", "1m", "--spool-high", "100%", "--spool-low", "100%")
    (small_disk / "others").write_bytes(bytes((32 << 20) - (1 << 16)))
    status, _, body = ask(instance, "GET", "/work")
    assert status == 503 and b"the spool's disk is full" in body
    assert limit(instance, "spool_disk")["events"] == 1
    (small_disk / "others").unlink()
    assert ask(instance, "GET", "/work")[0] == 200


def test_without_a_spool_nothing_is_written(target, tmp_path):
    instance = target()
    assert "spool" not in timing(ask(instance, "GET", "/work")[1])
    assert '"spool' not in instance.get("/metrics")


# ---- memory ----

def test_memory_that_was_freed_is_given_back(target):
    instance = target("--cache", "64m", "--body-size", "8k", "--threads", 1)
    with Client(instance) as client:
        for i in range(1500):
            client.ask("GET", f"/work?item={i}", headers={"Cache-Tag": "old" if i % 60 else "new"})
        client.ask("DELETE", "/admin/cache?tag=old")
        _, body = client.ask("POST", "/admin/trim")
    told = json.loads(body)
    figures = metrics(instance)
    assert figures['pelt_target_events_total{system="trim",event="trim"}'] == 1
    if not SLOW:  # sanitizers' allocators keep it
        assert told["resident_before_bytes"] - told["resident_after_bytes"] > 8_000_000, told
        resident = int(open(f"/proc/{instance.process.pid}/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE")
        assert abs(resident - told["resident_after_bytes"]) < 2_000_000
    turn(instance, **{"trim-interval": "50ms"})
    wait_until(lambda: event(instance, "trim", "trim") >= 3)
    instance.stop()
    assert {line["why"] for line in events(instance, "trim") if line["event"] == "trim"} == {"asked", "interval"}


def test_requests_that_are_over_leave_a_pool_and_a_trim_empties_it(target):
    """8 requests of 1 MB at once: their memory stays for the next ones, until it is given back; with the pool off it does not stay."""
    instance = target("--service-time", "300ms", "--threads", 1)

    def burst():
        together(8, lambda _: ask(instance, "POST", "/api/chat", json.dumps({"message": 1_000_000 * "x"})))
        wait_until(lambda: limit(instance, "request_pool")["used"] <= 1)  # the one that looks
        return limit(instance, "request_pool")

    kept = burst()
    assert kept["limit"] == kept["events"] >= 3, "a busy host has fewer than 8 under way at once"
    assert ask(instance, "GET", "/work")[0] == 200 and limit(instance, "request_pool")["events"] == kept["events"], "used again"
    _, told = ask_json(instance, "POST", "/admin/trim")
    assert limit(instance, "request_pool")["limit"] == 1
    if not SLOW:  # sanitizers' allocators keep it
        assert told["resident_before_bytes"] - told["resident_after_bytes"] > 500_000 * (kept["limit"] - 2), (told, kept)
    turn(instance, **{"request-pool": 0})
    assert burst()["limit"] == 1


# ---- sessions ----

def test_sessions_survive_a_restart(target, tmp_path):
    folder = tmp_path / "redis"
    folder.mkdir()
    redis = cache_servers.redis(folder)
    try:
        options = ("--sessions-redis", redis.address)
        one = target(*options)
        _, headers, _ = ask(one, "POST", "/sessions")
        named = {"X-Session-ID": headers["X-Session-ID"]}
        for turns in (1, 2):
            assert ask(one, "POST", "/api/chat", f'{{"message": "hello {turns}"}}', headers=named)[1]["X-Session-Turn"] == str(turns)
        wait_until(lambda: event(one, "sessions", "saved") == 4)
        one.process.kill()
        one.process.wait(10)
        one.process.returncode = 0  # as the fixture asks for

        again = target(*options, "--cognitive", "on")
        assert ask_json(again, "GET", "/sessions", headers=named)[1]["messages"] == ["hello 1", "hello 2"]
        assert ask(again, "POST", "/api/chat", '{"message": "hello 3"}', headers=named)[1]["X-Session-Turn"] == "3"
        assert ask_json(again, "GET", "/cognitive/memory", headers=named)[1]["turn"] == 4
        assert event(again, "sessions", "found") == 1
        assert ask(again, "GET", "/sessions", headers={"X-Session-ID": "0" * 32})[0] == 404
        assert ask(again, "DELETE", "/sessions", headers=named)[0] == 200
        again.stop()

        third = target(*options)
        assert ask(third, "GET", "/sessions", headers=named)[0] == 404, "it was ended"
        without = target()
        assert ask(without, "GET", "/sessions", headers=named)[0] == 404
    finally:
        redis.stop()
    assert ask(third, "POST", "/sessions")[0] == 201, "without the server, too"


def test_a_store_that_does_not_answer_loses_no_session(target, tmp_path):
    """503 while nobody can say whether there is one; 404 only where there is none."""
    folder = tmp_path / "redis"
    folder.mkdir()
    redis = cache_servers.redis(folder)
    try:
        options = ("--sessions-redis", redis.address)
        one = target(*options)
        named = {"X-Session-ID": ask(one, "POST", "/sessions")[1]["X-Session-ID"]}
        one.stop()
        again = target(*options, "--sessions", 1)
        redis.process.send_signal(signal.SIGSTOP)
        try:
            status, headers, body = ask(again, "POST", "/api/chat", '{"message": "hello"}', headers=named)
            assert (status, headers["Retry-After"]) == (503, "1") and b"cannot be asked" in body, body
            assert ask(again, "POST", "/sessions", headers=named)[0] == 201, "a new one needs no look-up"
            told = ask_json(again, "GET", "/health/detailed")[1]
            assert told["degraded"] == ["sessions"]
        finally:
            redis.process.send_signal(signal.SIGCONT)
        wait_until(lambda: ask_json(again, "GET", "/health/detailed")[1]["degraded"] == [])
        status, headers, body = ask(again, "GET", "/sessions", headers=named)
        assert (status, headers["Retry-After"]) == (503, "1") and b"as many sessions" in body, "it is there, and there is no room"
        turn(again, sessions=2)
        assert ask(again, "POST", "/api/chat", '{"message": "hello"}', headers=named)[1]["X-Session-Turn"] == "1"
        assert ask(again, "GET", "/sessions", headers={"X-Session-ID": "0" * 32})[0] == 404
    finally:
        redis.stop()


# ---- processing types ----

LAWS = {  # knob: (a law that takes no long, share of the draws that are at most so many ms)
    "memory": ("lognormal:4ms,0.3", lambda ms: lognormal(ms, 4, 0.3)),
    "reasoning": ("lognormal:6ms,0.8", lambda ms: lognormal(ms, 6, 0.8)),
    "grammar": ("uniform:6ms,0.5", lambda ms: min(1, max(0, (ms - 3) / 6))),
    "agent": ("exponential:4ms", lambda ms: 1 - math.exp(-ms / 4)),
    "multimodal": ("weibull:8ms,0.7", lambda ms: 1 - math.exp(-(ms / 8 * math.gamma(1 + 1 / 0.7)) ** 0.7)),
    "membrane": ("weibull:5ms,2", lambda ms: 1 - math.exp(-(ms / 5 * math.gamma(1.5)) ** 2)),
    "arena": ("exponential:3ms", lambda ms: 1 - math.exp(-ms / 3)),
}
DRAWS = 60  # of each; the same ones each time
KS = 1.63 / math.sqrt(DRAWS)  # Kolmogorov and Smirnov's distance that one in a hundred exceeds by chance


def lognormal(ms, mean, sigma):
    return 0.5 * math.erfc(-(math.log(ms / mean) + sigma * sigma / 2) / sigma / math.sqrt(2))


def distance(law, drawn):
    ranks = enumerate(sorted(drawn))
    return max(max(law(ms) - i / len(drawn), (i + 1) / len(drawn) - law(ms)) for i, ms in ranks)


def test_each_processing_type_takes_its_own_time(target):
    knobs = [part for name, (law, _) in LAWS.items() for part in (f"--cognitive-{name}", law)]
    instance = target("--cognitive", "on", "--threads", 1, *knobs)
    work = {name: [] for name in (*LAWS, "echo")}
    with Client(instance) as client:
        for name, drawn in work.items():
            for _ in range(DRAWS):
                headers, body = client.ask("GET", f"/cognitive/{name}")
                assert json.loads(body) == {"processing": name, "status": "done"}
                drawn.append(timing(headers)["work"])
    far = {name: distance(law, work[name]) for name, (_, law) in LAWS.items()}
    assert max(far.values()) < KS, far
    assert distance(LAWS["agent"][1], work["memory"]) > KS, "another law is told from it"
    assert set(work["echo"]) == {1}
    assert metrics(instance)['pelt_target_events_total{system="cognitive",event="echo"}'] == DRAWS
    assert ask(instance, "GET", "/cognitive/none")[0] == 404
    turn(instance, cognitive="off")
    assert ask(instance, "GET", "/cognitive/memory")[0] == 404
    instance.stop()
    assert {line["processing"] for line in instance.requests() if "processing" in line} == set(work)


# ---- what it costs ----

def cpu_s(target):
    fields = open(f"/proc/{target.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def test_what_requests_cost_is_what_the_process_used(target):
    instance = target("--account", "on", "--step", "2ms")
    sent = 300
    with Client(instance) as client:
        client.ask("GET", "/work")
        before, told = cpu_s(instance), 0
        for _ in range(sent):
            headers, body = client.ask("POST", "/api/chat", '{"message": "one two"}')
            told += timing(headers)["cpu"] / 1e3
        used = cpu_s(instance) - before
    assert told == pytest.approx(used, rel=0.1, abs=0.03), "within 10%, and what the kernel's clock can tell"
    assert f'in=22 out={len(body)}"' in headers["Server-Timing"] and 'tokens;desc="4"' in headers["Server-Timing"]
    wait_until(lambda: event(instance, "account", "request") == sent + 1)
    figures = metrics(instance)
    assert figures['pelt_target_events_total{system="account",event="token"}'] == 4 * sent
    assert figures['pelt_target_events_total{system="account",event="byte_in"}'] == 22 * sent
    turn(instance, account="off")
    assert "cpu" not in timing(ask(instance, "GET", "/work")[1])
    instance.stop()
    logged = sum(line.get("cpu_ns", 0) for line in instance.requests() if line["path"] == "/api/chat") / 1e9
    assert logged == pytest.approx(told, rel=0.01)
