"""pelt-target's further caches, each against what is known: the search, near matches, levels with real SQLite and Redis, purging.
Each test has a counterpart with the knob off."""
import collections
import itertools
import json
import random
import re
import signal
import socket
import threading
import time

import pytest

import cache_servers
from program import outcomes_add_up, run
from test_target_limits import ask, ask_json, events, limit, metrics, run_with, turn, wait_until

pytestmark = pytest.mark.sanitize


@pytest.fixture
def redis(tmp_path):
    folder = tmp_path / "redis"
    folder.mkdir()
    server = cache_servers.redis(folder)
    yield server
    server.stop()


def said(headers):
    """{"l1": "hit", ...}: what Cache-Status says of each cache, without times to live."""
    members = headers["Cache-Status"].split(", ")
    return {name: re.sub(r"; (ttl=\d+|stored)", "", rest) for name, rest in (m.split("; ", 1) for m in members)}


def get(target, path, **headers):
    status, got, body = ask(target, "GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()})
    assert status == 200, (path, status, body)
    return said(got)


def cache(target, name):
    figures = metrics(target)
    return tuple(int(figures[f'pelt_target_cache_{what}_total{{cache="{name}"}}']) for what in ("hits", "misses"))


# ---- the search ----

def test_a_search_is_found_again_in_any_case_but_not_by_other_providers(target):
    instance = target("--search", "1m")
    assert get(instance, "/search?q=Foo++BAR") == {"search": "fwd=uri-miss"}
    assert get(instance, "/search?q=foo%20bar") == {"search": "hit"}
    assert get(instance, "/search?q=foo+bar&provider=news") == {"search": "fwd=uri-miss"}
    assert get(instance, "/search?q=foo+bar&type=image") == {"search": "fwd=uri-miss"}
    assert cache(instance, "search") == (1, 3)
    for wrong in ("/search", "/search?q=", "/search?q=%20", "/search?q=a&provider=a%7Cb", "/search?q=" + 600 * "x", "/search?q=%FF"):
        assert ask(instance, "GET", wrong)[0] == 400, wrong
    turn(instance, search=0)
    assert get(instance, "/search?q=foo+bar") == {"pelt-target": "fwd=bypass"}
    assert 'cache="search"' not in instance.get("/metrics")


def test_what_was_warmed_hits_from_the_first_touch(target):
    instance = target("--search", "1m")
    queries = [{"q": f"Question  {i}", "provider": "news"} for i in range(50)]
    assert ask_json(instance, "POST", "/admin/search", json.dumps({"queries": queries})) == (200, {"warmed": 50})
    assert all(get(instance, f"/search?q=question+{i}&provider=news") == {"search": "hit"} for i in range(50))
    assert cache(instance, "search") == (50, 0)
    assert ask(instance, "POST", "/admin/search", '{"queries": [{}]}')[0] == 400
    turn(instance, search=0)
    assert ask(instance, "POST", "/admin/search", json.dumps({"queries": queries}))[0] == 400
    instance.stop()
    assert [e["answers"] for e in events(instance, "search") if e["event"] == "warmed"][0] == 50


NEAR = [("how do I reset my password", "How do I reset my passwords?"),
        ("what is the weather in Paris today", "what is the weather in Paris today, please"),
        ("list all open invoices of March", "list all the open invoices of March"),
        ("which train leaves for Hamburg first", "which trains leave for Hamburg first")]


def plus(text):
    return text.replace(" ", "+").replace("?", "%3F").replace(",", "%2C")


def test_a_paraphrase_is_found_and_nothing_else(target):
    instance = target("--search", "1m", "--search-semantic", "70%")
    for one, _ in NEAR:
        assert get(instance, f"/search?q={plus(one)}")["search-semantic"].startswith("fwd=uri-miss"), "no false hit"
    for one, other in NEAR:
        assert get(instance, f"/search?q={plus(other)}")["search-semantic"].startswith('hit; detail="0.'), other
    assert cache(instance, "search-semantic") == (4, 4)
    turn(instance, **{"search-semantic": 0})
    assert get(instance, f"/search?q={plus(NEAR[0][1])}") == {"search": "fwd=uri-miss"}


# ---- answers of the model ----

def chat(target, message, **headers):
    status, got, body = ask(target, "POST", "/api/chat", json.dumps({"message": message}),
                            headers={name.replace("_", "-"): text for name, text in headers.items()})
    assert status == 200
    return said(got), json.loads(body)["answer"]


def test_an_answer_has_its_confidence_and_a_topic_is_purged_alone(target):
    instance = target("--outputs", 100)
    first, answer = chat(instance, "how do I reset my password", Cache_Topic="accounts")
    assert first == {"outputs": "fwd=uri-miss; detail=NONE"}
    assert chat(instance, "How do I reset my password?") == ({"outputs": "hit; detail=HIGH"}, answer)
    assert chat(instance, "how do I reset my passwords") == ({"outputs": "hit; detail=MEDIUM"}, answer)
    assert chat(instance, "how do we reset that password")[0] == {"outputs": "fwd=uri-miss; detail=LOW"}
    assert chat(instance, "the weather in Paris", Cache_Topic="weather")[0] == {"outputs": "fwd=uri-miss; detail=NONE"}
    assert ask_json(instance, "DELETE", "/admin/cache?topic=accounts") == (200, {"purged": 1})
    assert chat(instance, "the weather in Paris")[0] == {"outputs": "hit; detail=HIGH"}
    assert chat(instance, "how do I reset my password")[0] == {"outputs": "fwd=uri-miss; detail=LOW"}
    figures = metrics(instance)
    assert [figures[f'pelt_target_events_total{{system="outputs",event="{name}"}}'] for name in ("high", "medium", "low", "none")] \
        == [2, 1, 2, 2]
    turn(instance, outputs=0)
    assert chat(instance, "the weather in Paris")[0] == {"pelt-target": "fwd=bypass"}


# ---- purging ----

def test_a_pattern_drops_what_it_matches(target):
    instance = target("--cache", "1m")
    for path in ("/work?item=1", "/work?item=12", "/work?item=2"):
        get(instance, path)
    assert ask_json(instance, "DELETE", "/admin/cache?pattern=*item=1*") == (200, {"purged": 2})
    assert [get(instance, path)["pelt-target"] for path in ("/work?item=1", "/work?item=2")] == ["fwd=uri-miss", "hit"]
    for wrong in ("?pattern=a&tag=b", "?other=1", "?tag=a%7Cb", "?topic=", "?pattern=a&pattern=b"):
        assert ask(instance, "DELETE", "/admin/cache" + wrong)[0] == 400, wrong
    assert ask_json(instance, "DELETE", "/admin/cache")[1]["purged"] == 2


# ---- levels ----

def test_each_level_answers_what_it_alone_has_and_promotes(target, redis, tmp_path):
    options = ("--cache", "1m", "--cache-entries", 1, "--cache-compressed", "1m", "--cache-disk", tmp_path / "l3.db",
               "--cache-redis", redis.address, "--threads", 1)
    instance = target(*options)
    assert get(instance, "/work?item=1", Cache_Tag="red") == dict.fromkeys(("l4", "l3", "l2", "l1"), "fwd=uri-miss")
    assert get(instance, "/work?item=1") == {"l1": "hit"}
    get(instance, "/work?item=2")
    assert get(instance, "/work?item=1") == {"l2": "hit", "l1": "fwd=uri-miss"}
    assert get(instance, "/work?item=1") == {"l1": "hit"}, "promoted"
    turn(instance, **{"cache-compressed": 0})
    assert get(instance, "/work?item=2") == {"l3": "hit", "l1": "fwd=uri-miss"}
    assert get(instance, "/work?item=2") == {"l1": "hit"}, "promoted"
    instance.stop()
    assert [line.get("cache_by") for line in instance.requests()] == [None, "l1", None, "l2", "l1", "l3", "l1"]

    again = target(*options)
    assert get(again, "/work?item=1") == {"l3": "hit", "l2": "fwd=uri-miss", "l1": "fwd=uri-miss"}, "after a restart"
    get(again, "/work?item=3")
    assert get(again, "/work?item=1") == {"l2": "hit", "l1": "fwd=uri-miss"}, "promoted"
    hits = [cache(again, name) for name in ("l1", "l2", "l3", "l4")]
    assert all(sum(lower) == upper[1] for upper, lower in zip(hits, hits[1:])), f"what one misses the next is asked: {hits}"
    figures = metrics(again)
    assert figures["pelt_target_cache_l3_seconds_count"] == sum(hits[2]) and figures["pelt_target_cache_l3_seconds_sum"] > 0

    other = target("--cache", "1m", "--cache-redis", redis.address)
    assert get(other, "/work?item=1") == {"l4": "hit", "l1": "fwd=uri-miss"}, "another service's"
    assert get(other, "/work?item=1") == {"l1": "hit"}

    off = target("--cache", "1m")
    assert get(off, "/work?item=1") == {"pelt-target": "fwd=uri-miss"}
    assert 'cache="l1"' not in off.get("/metrics")


def test_purging_reaches_every_level(target, redis, tmp_path):
    instance = target("--cache", "1m", "--cache-compressed", "1m", "--cache-disk", tmp_path / "l3.db",
                      "--cache-redis", redis.address)
    missed = dict.fromkeys(("l4", "l3", "l2", "l1"), "fwd=uri-miss")
    for query, tag, purged, stays in (("tag=red", "red", 1, 2), ("pattern=*item=1", "", 1, 2), ("", "", 2, None)):
        get(instance, "/work?item=1", Cache_Tag=tag)
        get(instance, "/work?item=2")
        assert ask_json(instance, "DELETE", f"/admin/cache?{query}".rstrip("?"))[1]["purged"] == purged
        assert get(instance, "/work?item=1") == missed, query
        if stays:
            assert get(instance, f"/work?item={stays}") == {"l1": "hit"}


def test_what_was_purged_while_redis_was_away_is_not_found_again(target, redis, tmp_path):
    """Nothing is read there before the purge was done, however long that takes; health and the answer say so meanwhile."""
    instance = target("--cache", "1m", "--cache-entries", 1, "--cache-redis", redis.address)
    missed = {"l4": "fwd=uri-miss", "l1": "fwd=uri-miss"}

    for query, one, two in (("", "/work?item=1", "/work?item=2"), ("?tag=red", "/work?item=3", "/work?item=4")):
        for path in (one, two, one, two):  # of which l1 keeps one
            was = get(instance, path, Cache_Tag="red")
        assert was == {"l4": "hit", "l1": "fwd=uri-miss"}
        redis.process.send_signal(signal.SIGSTOP)
        try:
            assert ask_json(instance, "DELETE", "/admin/cache" + query) == (200, {"purged": 1, "pending": 1})
            wait_until(lambda: ask_json(instance, "GET", "/health/detailed")[1]["degraded"] == ["levels"])
            assert ask(instance, "GET", "/health/ready")[0] == 200, "a miss is no failure"
        finally:
            redis.process.send_signal(signal.SIGCONT)
        assert get(instance, one) == missed, query
        wait_until(lambda: ask_json(instance, "GET", "/health/detailed")[1]["degraded"] == [])
        assert get(instance, two) == missed, query


def test_what_is_under_way_as_it_is_purged_is_not_kept(target, tmp_path):
    instance = target("--cache", "1m", "--cache-compressed", "1m", "--cache-disk", tmp_path / "l3.db", "--outputs", 10,
                      "--service-time", "500ms", "--workers", 4)
    for query, send in (("", lambda: get(instance, "/work?item=1")),
                        ("?tag=red", lambda: get(instance, "/work?item=2", Cache_Tag="red")),
                        ("?topic=weather", lambda: chat(instance, "rain in Paris", Cache_Topic="weather")[0])):
        first = threading.Thread(target=send)
        first.start()
        wait_until(lambda: limit(instance, "workers")["used"] == 1)
        assert ask_json(instance, "DELETE", "/admin/cache" + query)[1]["purged"] == 0
        first.join()
        assert "hit" not in "".join(send().values()), query
        assert "hit" in "".join(send().values()), "kept, as nothing was purged meanwhile"


def test_a_purged_topic_is_found_in_no_cache(target):
    instance = target("--cache", "1m", "--cache-compressed", "1m", "--outputs", 10)
    chat(instance, "rain in Paris", Cache_Topic="weather")
    chat(instance, "trains to Hamburg", Cache_Topic="travel")
    assert chat(instance, "Rain in Paris")[0]["outputs"] == "hit; detail=HIGH", "of the topic, though it names none"
    for message in ("rain in Paris", "Rain in Paris", "trains to Hamburg"):
        assert chat(instance, message)[0] == {"l1": "hit"}
    assert ask_json(instance, "DELETE", "/admin/cache?topic=weather") == (200, {"purged": 3})
    assert chat(instance, "trains to Hamburg")[0] == {"l1": "hit"}
    assert "hit" not in "".join(chat(instance, "rain in Paris")[0].values())
    assert chat(instance, "Rain in Paris")[0] == {"outputs": "hit; detail=HIGH", "l2": "fwd=uri-miss", "l1": "fwd=uri-miss"}


def test_a_redis_that_dies_is_a_miss_and_no_failure(target, tmp_path):
    folder = tmp_path / "r"
    folder.mkdir()
    server = cache_servers.redis(folder)
    instance = target("--cache", "1m", "--cache-redis", server.address)
    get(instance, "/work?item=1")
    server.stop()
    assert get(instance, "/work?item=2") == {"l4": "fwd=uri-miss", "l1": "fwd=uri-miss"}
    assert get(instance, "/work?item=2") == {"l1": "hit"}
    assert metrics(instance)['pelt_target_events_total{system="levels",event="redis_failed"}'] >= 1


def test_a_redis_that_is_away_is_tried_again_ever_more_seldom(target, tmp_path):
    """Attempts 50, 100, 200, 400 ms after one another: of a second of requests four or five, however many want it."""
    folder = tmp_path / "r"
    folder.mkdir()
    server = cache_servers.redis(folder)
    instance = target("--cache", "1m", "--cache-redis", server.address)

    def links():
        figures = metrics(instance)
        return [figures[f'pelt_target_events_total{{system="levels",event="redis_{what}"}}'] for what in ("connect", "lost")]

    get(instance, "/work?item=0")
    assert links() == [1, 0]
    server.stop()
    began, asked = time.monotonic(), 0
    while time.monotonic() < began + 1:
        asked += 1
        get(instance, f"/work?item={asked}")
    away = time.monotonic() - began
    waits_s = list(itertools.accumulate(0.05 * 2 ** n for n in range(6)))
    connected, lost = links()
    assert connected == 1 and 3 <= lost <= 1 + sum(at_s <= away for at_s in waits_s) < asked, (lost, asked, away)
    server = cache_servers.redis(folder, port=server.port)
    try:
        for i in range(2000):
            get(instance, f"/work?item=again{i}")
            if links()[0] == 2:
                break
            time.sleep(0.005)
        other = target("--cache", "1m", "--cache-redis", server.address)
        items = itertools.count()

        def is_kept():
            path = f"/work?item=last{next(items)}"
            get(instance, path)
            time.sleep(0.05)  # it is kept behind its answer
            return get(other, path) == {"l4": "hit", "l1": "fwd=uri-miss"}

        wait_until(is_kept)
    finally:
        server.stop()


def test_what_others_wrote_into_the_stores_is_checked(target, redis, tmp_path):
    """Whoever can write to Redis cannot make the service say more than a miss."""
    key = "pelt:answer:=/work?item=1"
    instance = target("--cache", "1m", "--cache-redis", redis.address)
    for value in (b"", b"PLT1", b"PLT1" + bytes(40), b"x" * 100000):
        with socket.create_connection(("127.0.0.1", redis.port), timeout=10) as s:
            s.sendall(b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key.encode(), len(value), value))
            assert s.recv(100) == b"+OK\r\n"
        assert get(instance, "/work?item=1") == {"l4": "fwd=uri-miss", "l1": "fwd=uri-miss"}
        ask(instance, "DELETE", "/admin/cache?tag=/work")


@pytest.mark.parametrize("options, told", [
    (("--cache-redis", "here"), 'cache-redis: "here" is not HOST:PORT'),
    (("--cache-disk", "/nowhere/a.db"), 'cache-disk: cannot write "/nowhere/a.db"'),
    (("--outputs-low", "99%"), "outputs-low, outputs-medium, outputs-high"),
])
def test_a_wrong_knob_gets_one_line_and_exit_2(options, told):
    done = run_with(*options)
    assert done.returncode == 2 and told in done.stderr and done.stderr.count("\n") == 1


# ---- hit rates out of a run ----

class Lru:
    """What keeps the last `entries` used."""

    def __init__(self, entries):
        self.entries, self.kept, self.hits, self.asked = entries, collections.OrderedDict(), 0, 0

    def has(self, key):
        self.asked += 1
        is_hit = key in self.kept
        self.hits += is_hit
        if is_hit:
            self.kept.move_to_end(key)
        return is_hit

    def store(self, key):
        self.kept[key] = True
        self.kept.move_to_end(key)
        while len(self.kept) > self.entries:
            self.kept.popitem(last=False)

    def ask(self, key):
        if not self.has(key):
            self.store(key)
            return False
        return True

    @property
    def share(self):
        return self.hits / self.asked


SCENARIO = """
local pelt = require "pelt"
local http = pelt.http
local keys = pelt.data.csv("keys.csv")
return {{
  load = {{ users = 1, iterations = {count}, duration = "60s" }},
  pacing = "2ms",
  agents = {{ "{agent}" }},
  observe = {{ "cache" }},
  iteration = function(user)
    local key = keys:next(user).key
    if key == "none" then return end
    local model = key:sub(1, 1)
    http.get("/search?q=" .. key)
    http.get("/work?item=" .. key .. "&model=" .. model)
    http.post("/api/chat", {{ json = {{ message = key, model = model }}, headers = {{ ["Cache-Control"] = "no-cache" }} }})
  end,
}}
"""


MODELS = "abcdefgh"


def simulate(keys, shared):
    """The caches of the service, as their manual describes them; `shared` are the keys that Redis has from another service."""
    all_of_them = 10**6
    caches = {"search": Lru(40), "search-semantic": Lru(all_of_them), "l1": Lru(20), "l2": Lru(60), "l3": Lru(all_of_them), "l4": Lru(all_of_them),
              "outputs": Lru(40), "memo": Lru(30), "models": Lru(3)}
    for key in shared:
        caches["l4"].store(key)

    def execute(model, text):
        caches["models"].ask(model)
        caches["memo"].ask(text)

    for key in keys:
        if not caches["search"].has(key) and not caches["search-semantic"].ask(key):
            execute(MODELS[0], "/search")
            caches["search"].store(key)
        missed = list(itertools.takewhile(lambda level: not caches[level].has(key), ("l1", "l2", "l3", "l4")))
        if len(missed) == 4:
            execute(key[0], "/work")
        for level in missed:
            caches[level].store(key)
        if not caches["outputs"].ask(key):
            execute(key[0], key)
    return {name: one.share for name, one in caches.items()}


def word(number):
    """Words that have nothing in common; the first letter is a model's."""
    letters = random.Random(number).randbytes(12)
    return MODELS[letters[0] % len(MODELS)] + "".join(chr(ord("a") + byte % 26) for byte in letters[1:])


def counted(target, name):
    """The option that has an agent read one of its caches."""
    labels = f'{{cache="{name}"}}'
    return "--cache", f"{name}=prometheus={target.url}/metrics#hit=pelt_target_cache_hits_total{labels},miss=pelt_target_cache_misses_total{labels}"


def test_hit_rates_of_a_run_are_the_simulators(target, agent, redis, tmp_path):
    """Of SQLite's pages there is no simulator: its own counts are held against the report."""
    keys = [word(k) for k in random.Random(5).choices(range(300), [1 / rank for rank in range(1, 301)], k=1000)]
    shared = sorted({word(k) for k in range(0, 300, 3)})
    other = target("--cache", "1m", "--cache-compressed", "1m", "--cache-redis", redis.address, "--threads", 1)
    for key in shared:
        get(other, f"/work?item={key}&model={key[0]}")
    packed = int(metrics(other)['pelt_target_cache_bytes{cache="l2"}']) // len(shared)
    instance = target("--search", "1m", "--search-entries", 40, "--search-semantic", "95%", "--cache", "1m", "--cache-entries", 20,
                      "--cache-compressed", 60 * packed, "--cache-disk", tmp_path / "l3.db", "--cache-redis", redis.address, "--outputs", 40,
                      "--outputs-serve", "high", "--step", "20us", "--memo", 30, "--threads", 1,
                      "--models", ",".join(f"{name}:1g:1ms" for name in MODELS), "--model-memory", "3g",
                      "--database", tmp_path / "items.db", "--database-rows", 2000, "--database-cache", "64k", "--database-query", "read",
                      "--database-max", 1, "--database-min", 1)
    expected = simulate(keys, shared)
    pages_before = cache(instance, "database_pages")
    names = (*expected, "response_cache", "database_pages")
    watcher = agent(*(part for name in names for part in counted(instance, name)))
    idle = ["none"] * 150  # the agent looks ten times a second: so it sees all
    (tmp_path / "keys.csv").write_text("key\n" + "\n".join(keys + idle) + "\n")
    scenario = tmp_path / "zipf.lua"
    scenario.write_text(SCENARIO.format(count=len(keys) + len(idle), agent=watcher.url))
    done = run(scenario, "--target", instance.url, cwd=tmp_path)
    assert done.code == 0, done.told()
    outcomes_add_up(done.report)
    for name, share in expected.items():
        hits, misses = cache(instance, name)
        assert hits / (hits + misses) == pytest.approx(share, abs=1e-9), name
    hits, misses = (after - before for after, before in zip(cache(instance, "database_pages"), pages_before))
    expected |= {"response_cache": expected["l1"], "database_pages": hits / (hits + misses)}
    rows = {row["name"]: row for row in done.report["caches"] if "agent" in row}
    for name in names:
        assert rows[name]["load"]["hit_share"] == pytest.approx(expected[name], abs=0.005), (name, rows[name])
    assert all(0.05 < share < 0.95 for share in expected.values()), expected
