"""pelt-target gives answers again: its response cache keeps what a reference model keeps, evicts in the model's order,
and counts what clients see; requests that come together share one execution."""
import http.client
import json
import multiprocessing
import random
import re
import shutil
import subprocess
import time
from fractions import Fraction

import pytest

from bare import Bare
from program import SLOW
from test_target_limits import MS, ask, ask_json, events, limit, metrics, turn, wait_until

pytestmark = pytest.mark.sanitize

BIG = ("--cache", "1m")


def cache_status(answer):
    """Of a bare client's answer, without the cache's name."""
    found = re.search(rb"\r\nCache-Status: pelt-target; ([^\r]+)", answer.head)
    return found[1].decode() if found else None


def get(target, path, **headers):
    """Cache-Status of one request, without the cache's name and the time to live."""
    status, got, _ = ask(target, "GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()})
    assert status == 200
    return re.fullmatch(r"pelt-target; (.*?)(; ttl=\d+)?", got["Cache-Status"])[1]


def cache(target):
    figures = metrics(target)
    return {name: figures[f'pelt_target_cache_{name}{tail}{{cache="response_cache"}}']
            for name, tail in (("hits", "_total"), ("misses", "_total"), ("evictions", "_total"), ("bytes", ""))}


def count_of(target, system, event):
    return metrics(target)[f'pelt_target_events_total{{system="{system}",event="{event}"}}']


class Client:
    """One connection that stays open."""

    def __init__(self, target):
        self.connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def ask(self, method, path, body=None, headers=None):
        self.connection.request(method, path, body, headers or {})
        answer = self.connection.getresponse()
        return answer.headers, answer.read()


# ---- the policies, against a model of their own ----

class Model:
    """A cache of `limit` bytes as its manual describes it, by sorting."""

    RANKS = {"lru": lambda e: e["used"],
             "lfu": lambda e: (e["hits"], e["used"]),
             "fifo": lambda e: e["stored"],
             "ttl": lambda e: (e["expires"], e["stored"]),
             "cost": lambda e: (Fraction(e["cost"], e["bytes"]), e["used"])}

    def __init__(self, policy, limit):
        self.rank, self.limit, self.entries, self.evicted, self.now = self.RANKS[policy], limit, {}, [], 0

    def hits(self, key):
        self.now += 1
        entry = self.entries.get(key)
        if entry:
            entry["hits"] += 1
            entry["used"] = self.now
        return entry is not None

    def store(self, key, size, cost=1, ttl=1):
        while sum(e["bytes"] for e in self.entries.values()) + size > self.limit:
            first = min(self.entries, key=lambda k: self.rank(self.entries[k]))
            self.evicted.append(first)
            del self.entries[first]
        self.entries[key] = {"bytes": size, "cost": cost, "expires": self.now + ttl * 10**6, "hits": 0,
                             "used": self.now, "stored": self.now}


def make_trace():
    """(item, bytes to pad, service time in us, time to live in s): popular items, sizes and costs of all kinds."""
    draw = random.Random(4)
    return [(min(int(draw.expovariate(0.25)), 14), draw.choice((0, 40, 200)), draw.choice((200, 400, 900, 1500)),
             draw.choice((100, 200, 300))) for _ in range(250)]


def chat(item, pad):
    return json.dumps({"message": f"item{item}-{pad}-" + "x" * pad})


@pytest.mark.parametrize("policy", ["lru", "lfu", "fifo", "ttl", "cost"])
def test_answers_leave_in_the_order_of_the_model(target, policy):
    size = 1500
    instance = target("--threads", 1, "--cache", size, "--cache-policy", policy)
    models = {name: Model(name, size) for name in Model.RANKS}
    seen, told = [], []
    with Client(instance) as client:
        for item, pad, cost_us, ttl_s in make_trace():
            client.ask("PUT", "/admin/knobs",
                       json.dumps({"service-time": f"{cost_us}us", "cache-ttl": f"{ttl_s}s"}))
            headers, body = client.ask("POST", "/api/chat", chat(item, pad))
            seen.append("hit" in headers["Cache-Status"])
            for name, model in models.items():
                is_hit = model.hits((item, pad))
                if not is_hit:
                    model.store((item, pad), len(body), cost_us * 1000, ttl_s)
                if name == policy:
                    told.append(is_hit)
    assert seen == told
    figures = cache(instance)
    model = models[policy]
    assert figures == {"hits": sum(told), "misses": len(told) - sum(told), "evictions": len(model.evicted),
                       "bytes": sum(entry["bytes"] for entry in model.entries.values())}
    instance.stop()
    evicted = [re.search(r"item(\d+)-(\d+)", line["key"]) for line in events(instance, "response_cache")
               if line["event"] == "evicted"]
    assert [(int(key[1]), int(key[2])) for key in evicted] == model.evicted
    assert len(model.evicted) > 50
    assert all(other.evicted != model.evicted for name, other in models.items() if name != policy), \
        "the trace tells the policies apart"


@pytest.mark.parametrize("policy", ["lru", "lfu"])
def test_the_hit_rate_under_zipf_is_the_simulators(target, policy):
    items, entries, asked = 500, 40, 2500
    instance = target("--threads", 1, *BIG, "--cache-entries", entries, "--cache-policy", policy)
    weights = [1 / rank**0.9 for rank in range(1, items + 1)]
    trace = random.Random(9).choices(range(items), weights, k=asked)
    model, hits, expected = Model(policy, entries), 0, 0
    with Client(instance) as client:
        for item in trace:
            headers, _ = client.ask("GET", f"/work?item={item}")
            hits += "hit" in headers["Cache-Status"]
            if model.hits(item):
                expected += 1
            else:
                model.store(item, 1)
    assert abs(hits - expected) / asked <= 0.005, (hits, expected)
    assert cache(instance)["hits"] == hits
    assert 0.2 < hits / asked < 0.8


# ---- what is a hit ----

@pytest.mark.parametrize("threads", [1, 2])
def test_hits_that_clients_see_are_those_that_are_counted(target, threads):
    instance = target("--threads", threads, "--cache", 400, "--service-time", "exponential:1ms")
    draw, answers = random.Random(threads), []
    with Bare(instance.port, 20) as client:
        for _ in range(1500):
            client.request = f"GET /work?item={int(draw.expovariate(0.05))} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            while not client.idle:
                answers += client.answers(5)
            client.send()
        answers += client.rest()
    seen = [cache_status(answer) for answer in answers]
    hits, misses = sum(s.startswith("hit; ttl=") for s in seen), sum(s.startswith("fwd=uri-miss") for s in seen)
    assert hits + misses == len(seen) == 1500 and hits > 100 and misses > 100
    figures = cache(instance)
    assert (figures["hits"], figures["misses"]) == (hits, misses) and figures["bytes"] <= 400
    assert all(answer.work_ms == 0 for answer, s in zip(answers, seen) if s.startswith("hit"))
    instance.stop()
    logged = [line["cache"] for line in instance.requests()]
    assert (logged.count("hit"), logged.count("miss")) == (hits, misses)


def test_hits_are_counted_exactly_at_the_highest_rate(target):
    if not shutil.which("wrk"):
        pytest.skip("no wrk on this host")
    instance = target(*BIG, "--cache-ttl", "1ms", "--coalesce", 1000)
    for _ in range(30):  # seconds, of which one is enough unless the host is busy
        subprocess.run(["wrk", "-t1", "-c32", "-d1s", instance.url + "/work?item=1"], capture_output=True, timeout=30)
        if cache(instance)["hits"] > 1000:
            break
    counted = instance.settled_count()
    total, figures = counted["total"], cache(instance)
    assert counted["statuses"] == {"200": total}, "also those whose client left while they followed"
    assert figures["hits"] + figures["misses"] == total and figures["misses"] > 1 and figures["hits"] > 1000
    instance.stop()
    text = instance.log_path.read_text()
    assert text.count('"cache":"hit"') == figures["hits"]
    assert text.count('"cache":"miss"') + text.count('"cache":"collapsed"') == figures["misses"]


def test_without_its_knob_nothing_is_kept(target):
    instance = target()
    assert [get(instance, "/work") for _ in range(3)] == ["fwd=bypass"] * 3
    assert "response_cache" not in json.dumps(ask_json(instance, "GET", "/health/detailed")[1])
    turn(instance, cache="1m")
    assert [get(instance, "/work") for _ in range(2)] == ["fwd=uri-miss; stored", "hit"]
    turn(instance, cache=0)
    assert get(instance, "/work") == "fwd=bypass"
    turn(instance, cache="1m")
    assert get(instance, "/work") == "fwd=uri-miss; stored", "what was kept is gone"


def test_the_whole_request_is_the_key(target):
    instance = target(*BIG)
    paths = ["/work", "/work?a", "/work?a=", "/work?a=1", "/work?a=1&b=2", "/work?b=2&a=1", "/work?a=1%26b%3D2",
             "/work?a=%3F", "/work?a=%2500"]
    for expected in ("fwd=uri-miss; stored", "hit"):
        assert [get(instance, path) for path in paths] == [expected] * len(paths)
    answers = [ask(instance, "POST", "/api/chat", json.dumps({"message": text}))[2] for text in ("x", "y", "x", "y")]
    assert answers[:2] == answers[2:] and answers[0] != answers[1]
    assert cache(instance)["hits"] == len(paths) + 2
    assert ask(instance, "HEAD", "/work")[1]["Cache-Status"].startswith("pelt-target; hit")
    long = "/work?a=" + "x" * 3500
    assert [get(instance, long) for _ in range(2)] == ["fwd=uri-miss; stored", "hit"]
    for _ in range(2):
        body = json.dumps({"message": "x" * 5000})
        assert ask(instance, "POST", "/api/chat", body)[1]["Cache-Status"] == "pelt-target; fwd=bypass"


def test_headers_that_vary_keep_answers_apart(target):
    instance = target(*BIG, "--vary", "X-Tenant, Accept-Language")
    asked = [{"X_Tenant": "a"}, {"X_Tenant": "b"}, {}, {"Accept_Language": "a"}, {"X_Tenant": ""}]
    statuses = [get(instance, "/work", **headers) for headers in asked]
    assert statuses == ["fwd=uri-miss; stored"] + ["fwd=vary-miss; stored"] * 4
    assert [get(instance, "/work", **headers) for headers in asked] == ["hit"] * 5
    assert get(instance, "/work?b", X_Tenant="a") == "fwd=uri-miss; stored"
    assert get(instance, "/work", X_Other="c", X_Tenant="a") == "hit"
    assert ask(instance, "GET", "/work")[1]["Vary"] == "X-Tenant, Accept-Language"
    turn(instance, vary="")
    assert get(instance, "/work", X_Tenant="c") == "fwd=vary-miss; stored"
    assert get(instance, "/work", X_Tenant="d") == "hit", "without its knob they are not told apart"
    status, body = ask_json(instance, "PUT", "/admin/knobs/vary", '"a b"')
    assert status == 400 and "is no list of names" in body["error"]["message"]


def test_an_answer_is_a_miss_once_its_time_is_over(target):
    ttl_ms = 300
    instance = target(*BIG, "--threads", 1, "--cache-ttl", f"{ttl_ms}ms")
    statuses, deadline = [get(instance, "/work")], time.monotonic() + 5
    while len(statuses) < 3 or (statuses[-1] == "hit" and time.monotonic() < deadline):
        time.sleep(0.01)
        statuses.append(get(instance, "/work"))
    assert statuses[-1] == "fwd=uri-miss; stored" and statuses.count("hit") == len(statuses) - 2 > 1
    assert count_of(instance, "response_cache", "expired") == 1
    instance.stop()
    stored, *hits, missed = instance.requests()
    assert all(hit["begin_ns"] < stored["end_ns"] + ttl_ms * MS for hit in hits)
    assert missed["end_ns"] >= stored["begin_ns"] + ttl_ms * MS


def test_the_time_to_live_counts_down(target):
    instance = target(*BIG, "--cache-ttl", "100s")
    get(instance, "/work")
    assert re.search(r"; ttl=9[89]$", ask(instance, "GET", "/work")[1]["Cache-Status"])


def test_chat_may_live_longer(target):
    instance = target(*BIG, "--cache-ttl", "20ms", "--cache-ttl-chat", "100s")

    def ask_both():
        return [ask(instance, *request)[1]["Cache-Status"].partition("; ")[2] for request in (
            ("GET", "/work"), ("POST", "/api/chat", chat(1, 0)))]

    assert ask_both() == ["fwd=uri-miss; stored"] * 2
    time.sleep(0.05)
    assert ask_both() == ["fwd=uri-miss; stored", "hit; ttl=99"]


def test_a_purged_tag_drops_exactly_its_members(target):
    instance = target(*BIG)
    tags = {1: "red", 2: "red, big", 3: "big", 4: "", 5: "redder"}
    for item, tag in tags.items():
        get(instance, f"/work?item={item}", **({"Cache_Tag": tag} if tag else {}))
    ask(instance, "POST", "/api/chat", '{"message": "x"}')
    assert ask_json(instance, "DELETE", "/admin/cache?tag=red") == (200, {"purged": 2})
    assert ask_json(instance, "DELETE", "/admin/cache?tag=red") == (200, {"purged": 0})
    assert [get(instance, f"/work?item={item}") == "hit" for item in tags] == [False, False, True, True, True]
    assert ask_json(instance, "DELETE", "/admin/cache?tag=/work") == (200, {"purged": 5})
    assert "hit" in ask(instance, "POST", "/api/chat", '{"message": "x"}')[1]["Cache-Status"]
    assert ask_json(instance, "DELETE", "/admin/cache") == (200, {"purged": 1})
    assert count_of(instance, "response_cache", "purged") == 8 and cache(instance)["evictions"] == 0
    for bad in ("a%20b", "a,b", "%22", "x" * 65):
        assert ask(instance, "DELETE", f"/admin/cache?tag={bad}")[0] == 400
    for bad in ("tags=red", "tag", "tag=", "tag=red&tag=big", "tag=red&all", "x=1"):
        assert ask(instance, "DELETE", f"/admin/cache?{bad}")[0] == 400, bad
    assert get(instance, "/work?item=9") == "fwd=uri-miss; stored" and get(instance, "/work?item=9") == "hit"
    assert ask(instance, "DELETE", "/admin/cache?tags=red")[0] == 400 and get(instance, "/work?item=9") == "hit"
    assert ask(instance, "GET", "/admin/cache")[0] == 405
    turn(instance, admin=False)
    assert ask(instance, "DELETE", "/admin/cache")[0] == 403
    instance.stop()
    assert [(line["tag"], line["answers"]) for line in events(instance, "response_cache")] == [
        ("red", 2), ("red", 0), ("/work", 5), ("", 1)]


def test_only_a_member_stream_bypasses(target):
    instance = target(*BIG)

    def chat_status(body):
        return re.sub(r"; ttl=.*", "", ask(instance, "POST", "/api/chat", body)[1]["Cache-Status"])

    assert chat_status('{"message":"stream"}') == "pelt-target; fwd=uri-miss; stored"
    assert chat_status('{"message":"stream"}') == "pelt-target; hit"
    for _ in range(2):
        assert chat_status('{"message":"x","stream":false}') == "pelt-target; fwd=bypass"


def test_what_is_not_good_is_not_kept(target):
    instance = target(*BIG)
    for _ in range(2):
        status, headers, _ = ask(instance, "POST", "/api/chat", "no json")
        assert (status, headers["Cache-Status"]) == (400, "pelt-target; fwd=uri-miss")
    get(instance, "/work")
    assert get(instance, "/work", Cache_Control="no-cache") == "fwd=request"
    assert get(instance, "/work?new", Cache_Control="No-Store") == "fwd=request"
    assert get(instance, "/work?new") == "fwd=uri-miss; stored"
    turn(instance, error_share=1)
    status, headers, _ = ask(instance, "GET", "/work")
    assert (status, headers["Cache-Status"]) == (500, "pelt-target; fwd=bypass")
    assert cache(instance)["hits"] == 0


def test_every_answer_but_an_observers_has_a_cache_status(target):
    instance = target(*BIG, "--service-for", "work", "--service-time", "1ms")
    for method, path in (("GET", "/health"), ("GET", "/health/live"), ("GET", "/health/ready"),
                         ("GET", "/health/detailed"), ("GET", "/api/models"), ("GET", "/api/status"), ("GET", "/echo"),
                         ("GET", "/bytes/5"), ("GET", "/status/204"), ("GET", "/status/404"), ("GET", "/nowhere"),
                         ("DELETE", "/work"), ("PUT", "/api/chat")):
        assert ask(instance, method, path)[1]["Cache-Status"] == "pelt-target; fwd=bypass", path
    assert ask(instance, "GET", "/work")[1]["Cache-Status"] == "pelt-target; fwd=uri-miss; stored"
    for path in ("/count", "/metrics", "/admin/knobs"):
        assert "Cache-Status" not in ask(instance, "GET", path)[1], path


# ---- requests that come together ----

@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("options", [(), BIG])
def test_a_hundred_of_one_key_are_one_execution(target, threads, options):
    instance = target("--threads", threads, "--service-time", "300ms", "--workers", 1, "--coalesce", 1000, *options)
    with Bare(instance.port, 100) as client:
        for _ in range(100):
            client.send()
        wait_until(lambda: limit(instance, "coalescing")["waiters"] == 99)
        answers = client.rest()
    seen = [cache_status(answer) for answer in answers]
    assert {answer.status for answer in answers} == {200}
    assert seen.count("fwd=uri-miss; collapsed") == 99
    assert [s for s in seen if "collapsed" not in s] == ["fwd=uri-miss; stored" if options else "fwd=bypass"]
    assert [answer.work_ms for answer in answers].count(0) == 99
    assert max(answer.done for answer in answers) - min(answer.sent for answer in answers) < 5, "no worker is waited for"
    assert count_of(instance, "coalescing", "execution") == 1
    assert count_of(instance, "coalescing", "collapsed") == 99
    assert limit(instance, "coalescing") == {"used": 0, "limit": 1000, "waiters": 0, "events": 0}
    assert limit(instance, "workers")["events"] == 0
    instance.stop()
    assert [line.get("cache") for line in instance.requests()].count("collapsed") == 99


def ask_keys(port, connections, keys, barrier):
    """A process of its own, which asks for each key when the others do."""
    with Bare(port, connections) as client:
        for key in range(keys):
            client.request = f"GET /work?x={key} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            barrier.wait(20)
            assert {answer.status for answer in client.together()} == {200}


@pytest.mark.parametrize("service", ["0", "1ms"])
def test_with_the_cache_on_a_key_is_executed_once(target, service):
    keys, clients = 300 if SLOW else 1500, 32
    instance = target("--threads", 2, "--service-time", service, "--coalesce", 1000, "--cache", "10m")
    barrier = multiprocessing.Barrier(2)
    askers = [multiprocessing.Process(target=ask_keys, args=(instance.port, clients // 2, keys, barrier))
              for _ in range(2)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(100)
    assert [asker.exitcode for asker in askers] == [0, 0]
    executions, collapsed = (count_of(instance, "coalescing", event) for event in ("execution", "collapsed"))
    assert executions == keys
    assert executions + collapsed + cache(instance)["hits"] == keys * clients
    assert executions + collapsed == cache(instance)["misses"]


def test_without_its_knob_each_executes(target):
    instance = target("--service-time", "50ms")
    with Bare(instance.port, 20) as client:
        assert {(cache_status(answer), answer.work_ms) for answer in client.together()} == {("fwd=bypass", 50)}
    turn(instance, coalesce=5)
    with Bare(instance.port, 20) as client:
        seen = [cache_status(answer) for answer in client.together()]
    assert seen.count("fwd=uri-miss; collapsed") == 5 and seen.count("fwd=bypass") == 15
    assert limit(instance, "coalescing")["events"] == 14, "beyond the most that may follow, each executes"


def test_only_what_is_the_same_is_shared(target):
    instance = target("--service-time", "200ms", "--coalesce", 1000, "--vary", "X-Tenant")
    heads = ["GET /work?a=1", "GET /work?a=2"], ["", "X-Tenant: a\r\n", "X-Tenant: b\r\n"]
    with Bare(instance.port, 12) as client:
        for line in heads[0] * 2:
            for header in heads[1]:
                client.request = f"{line} HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode()
                client.send()
        seen = [cache_status(answer) for answer in client.rest()]
    assert seen.count("fwd=uri-miss; collapsed") == 6 == count_of(instance, "coalescing", "execution")


def test_who_is_drawn_to_fail_fails_alone(target):
    failed = []
    for coalesce in (0, 1000):
        instance = target("--threads", 1, "--service-time", "100ms", "--error-share", 0.4, "--coalesce", coalesce)
        with Bare(instance.port, 100) as client:
            answers = client.together()
        failed.append([answer.status for answer in answers].count(500))
        assert not any("collapsed" in cache_status(answer) for answer in answers if answer.status == 500)
    assert failed[0] == failed[1] > 20


@pytest.mark.parametrize("threads", [1, 2])
def test_followers_are_answered_though_the_leaders_client_left(target, threads):
    instance = target("--threads", threads, "--service-time", "300ms", "--coalesce", 1000)
    with Bare(instance.port, 8), Bare(instance.port, 1) as leader, Bare(instance.port, 20) as client:  # 8 idle ones
        leader.send()
        wait_until(lambda: instance.count()["total"] == 1)
        for _ in range(20):
            client.send()
        wait_until(lambda: limit(instance, "coalescing")["waiters"] == 20)
        leader.all[0].socket.close()
        assert {(answer.status, cache_status(answer)) for answer in client.rest()} == {
            (200, "fwd=uri-miss; collapsed")}


@pytest.mark.parametrize("threads", [1, 2])
def test_followers_end_with_their_leader_when_the_service_ends(target, threads):
    instance = target("--threads", threads, "--service-time", "1h", "--coalesce", 1000, "--drain", "100ms")
    with Bare(instance.port, 50) as client:
        for _ in range(50):
            client.send()
        wait_until(lambda: limit(instance, "coalescing")["waiters"] == 49)
        assert instance.stop() == 0  # in 20 s
    # On another thread than the leader's, a follower may still be told 503.
    assert {line["status"] for line in instance.requests()} <= {0, 503} and len(instance.requests()) == 50


def test_followers_that_drain_in_time_are_answered(target):
    instance = target("--threads", 2, "--service-time", "500ms", "--coalesce", 1000, "--drain", "10s")
    with Bare(instance.port, 30) as client:
        for _ in range(30):
            client.send()
        wait_until(lambda: limit(instance, "coalescing")["waiters"] == 29)
        instance.process.terminate()
        for connection in client.all:  # each by itself: whoever was answered is closed
            while not (answer := connection.read()):
                pass
            assert answer.status == 200
    assert instance.stop() == 0


def test_stalls_hold_what_is_given_again_too(target):
    """What comes within a stall is not answered before its end. (What came before it may end within it, on a busy host.)"""
    instance = target("--threads", 1, *BIG, "--coalesce", 1000, "--stall", "400ms/500ms")
    with Bare(instance.port, 8) as client:
        for _ in range(12):
            client.together()
            time.sleep(0.05)
    instance.stop()
    start_ns, lines = instance.start_ns(), instance.requests()
    assert [line["cache"] for line in lines].count("hit") >= 80
    held = []
    for line in lines:
        stall, since_ns = divmod(line["begin_ns"] - start_ns, 500 * MS)
        if stall >= 1 and since_ns < 400 * MS:
            held.append(line)
            assert line["end_ns"] >= start_ns + (500 * stall + 400) * MS, line
    assert any(line["cache"] == "hit" for line in held)
