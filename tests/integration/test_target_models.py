"""pelt-target's model memory through HTTP: evictions in the exact order of a plain reference model for each policy, hit
rates on a Zipf trace, and what a miss costs whom. Driven by a bare client."""
import bisect
import itertools
import json
import random
import re
from fractions import Fraction

import pytest

from bare import Bare, Connection
from program import SLOW, if_quiet, in_a_quiet_moment
from test_target_limits import MS, ask, ask_json, events, limit, metrics, run_with, turn, wait_until

POLICIES = ("lru", "lfu", "fifo", "ttl", "cost")


class Model:
    def __init__(self, name, mib, load_ms, ttl_s=None):
        self.name, self.mib, self.load_ms, self.ttl_s = name, mib, load_ms, ttl_s

    def __str__(self):
        return f"{self.name}:{self.mib}m:{self.load_ms}ms" + (f":{self.ttl_s}s" if self.ttl_s else "")


class Memory:
    """What the service should do, as plainly as it can be said."""

    def __init__(self, policy, mib):
        self.rule = {
            "lru": lambda one: one.used,
            "lfu": lambda one: (one.hits, one.used),
            "fifo": lambda one: one.stored,
            "ttl": lambda one: (one.expires, one.stored),
            "cost": lambda one: (Fraction(one.load_ms, one.mib), one.used),
        }[policy]
        self.mib, self.models, self.clock, self.hits, self.asked = mib, [], itertools.count(), 0, 0

    def ask(self, model, ready_s=0):
        """The names evicted for it; None: it is there. `ready_s` is when its load would end."""
        self.asked += 1
        if model in self.models:
            self.hits += 1
            model.hits += 1
            model.used = next(self.clock)
            return None
        evicted = []
        while sum(one.mib for one in self.models) + model.mib > self.mib:
            evicted.append(min(self.models, key=self.rule))
            self.models.remove(evicted[-1])
        model.hits, model.stored = 0, next(self.clock)
        model.used = model.stored
        model.expires = ready_s + model.ttl_s if model.ttl_s else float("inf")
        self.models.append(model)
        return [one.name for one in evicted]


def request(name):
    return f"GET /work?model={name} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def answer_of(connection):
    while not (answer := connection.read()):
        pass
    return answer


def load_ms(answer):
    return float(re.search(rb"load;dur=([\d.]+)", answer.head)[1])


def zipf(models, count, seed):
    draw = random.Random(seed)
    weights = list(itertools.accumulate(1 / rank for rank in range(1, len(models) + 1)))
    return [models[bisect.bisect(weights, draw.uniform(0, weights[-1]))] for _ in range(count)]


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("policy", POLICIES)
def test_each_policy_evicts_in_the_exact_order_of_its_reference(target, policy, threads):
    draw = random.Random(7)
    models = [Model(f"m{i}", draw.randint(1, 6), draw.randint(1, 4), 1000 + draw.randint(1, 500)) for i in range(16)]
    memory, trace = Memory(policy, 20), zipf(models, 250, 11)
    instance = target("--threads", threads, "--models", ",".join(map(str, models)), "--model-memory", "20m",
                      "--model-policy", policy)
    lines = [Connection(instance.port) for _ in range(2)]  # perhaps on a loop each
    answers = []
    for i, model in enumerate(trace):
        lines[i % 2].send(request(model.name))
        answers.append(answer_of(lines[i % 2]))
        assert answers[-1].status == 200
    figures = metrics(instance)
    instance.stop()
    told = [(line["event"], line["model"], line["at_ns"]) for line in events(instance, "models")]
    loads = iter([at_ns for event, _, at_ns in told if event == "load"])
    expected, ready_s = [], 0
    for model, answer in zip(trace, answers):
        if model not in memory.models:
            ready_s = next(loads) / 1e9 + model.load_ms / 1000
        evicted = memory.ask(model, ready_s)
        assert load_ms(answer) == (model.load_ms if evicted is not None else 0)
        if evicted is not None:
            expected += [("evict", name) for name in evicted] + [("load", model.name)]
    assert [(event, model) for event, model, _ in told] == expected
    evictions = sum(event == "evict" for event, _ in expected)
    assert evictions > 30 and memory.hits > 30
    assert figures['pelt_target_cache_hits_total{cache="models"}'] == memory.hits
    assert figures['pelt_target_cache_misses_total{cache="models"}'] == len(trace) - memory.hits
    assert {other: figures[f'pelt_target_events_total{{system="models",event="evicted_{other}"}}']
            for other in POLICIES} == {other: evictions if other == policy else 0 for other in POLICIES}
    for line, model, answer in zip(instance.requests(), trace, answers):
        assert (line["model"], line["load_ns"]) == (model.name, load_ms(answer) * MS)


def test_hit_rates_on_a_zipf_trace_are_those_of_a_simulator_and_differ(target):
    draw = random.Random(3)
    rates = {}
    for policy in POLICIES:
        models = [Model(f"m{i}", draw.randint(1, 8), 0, 1000 + draw.randint(1, 500)) for i in range(40)]
        memory, trace = Memory(policy, 40), zipf(models, 3000, 5)
        instance = target("--threads", 1, "--models", ",".join(map(str, models)), "--model-memory", "40m",
                          "--model-policy", policy)
        lines = [Connection(instance.port) for _ in range(10)]
        for first in range(0, len(trace), len(lines)):
            for line, model in zip(lines, trace[first:]):
                line.send(request(model.name))
            for line in lines:
                answer_of(line)
        hits, misses = (metrics(instance)[f'pelt_target_cache_{name}_total{{cache="models"}}']
                        for name in ("hits", "misses"))
        instance.stop()
        for line in instance.requests():  # in the order in which they came
            memory.ask(models[int(line["model"][1:])])
        assert hits + misses == memory.asked == len(trace)
        rates[policy] = hits / len(trace)
        assert rates[policy] == pytest.approx(memory.hits / memory.asked, abs=0.005), policy
    assert max(rates.values()) - min(rates.values()) > 0.02, rates


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
def test_one_load_serves_all_who_wait_for_it_and_holds_no_worker(target, threads):
    def check(_):
        instance = target("--threads", threads, "--models", "a:1m:0,b:1m:400ms", "--workers", 1, "--service-time",
                          "constant:2ms")
        with Bare(instance.port, 20, "/work?model=b") as client:
            for _ in range(20):
                client.send()
            wait_until(lambda: limit(instance, "model_memory")["waiters"] == 20)
            assert limit(instance, "workers")["used"] == 0
            assert ask_json(instance, "GET", "/api/models")[1]["data"][1]["state"] == "loading"
            assert 'load;dur=0.000' in ask(instance, "GET", "/work?model=a")[1]["Server-Timing"], "others go on"
            answers = client.rest()
        assert limit(instance, "model_memory")["waiters"] == 0
        instance.stop()
        load = [line for line in events(instance, "models") if line["model"] == "b"]
        assert [line["event"] for line in load] == ["load"]
        ready_ns = load[0]["at_ns"] + 400 * MS
        lines = [line for line in instance.requests() if line.get("model") == "b"]
        for line in lines:
            assert line["begin_ns"] + line["load_ns"] <= ready_ns, "the end of the load is the same for all"
            if_quiet(line["begin_ns"] + line["load_ns"] > ready_ns - 5 * MS, line)
        assert max(line["load_ns"] for line in lines) == 400 * MS
        # Then they queue for the one worker.
        queued = sorted(line["queue_ns"] for line in lines)
        if_quiet(all(abs(ns - i * 2 * MS) < 5 * MS for i, ns in enumerate(queued)), queued)
        if_quiet(all(answer.done - answer.sent > 0.38 for answer in answers), answers)

    in_a_quiet_moment(check)


@pytest.mark.sanitize
def test_requests_name_their_model_and_learn_of_it(target):
    instance = target("--models", "small:2g:30ms,org/large@q4:16g:0", "--model-memory", "16g")
    status, models = ask_json(instance, "GET", "/api/models")
    assert (status, models["object"]) == (200, "list")
    assert models["data"] == [
        {"id": name, "object": "model", "owned_by": "pelt", "memory_bytes": gib << 30, "load_ms": load, "state": "absent"}
        for name, gib, load in (("small", 2, 30), ("org/large@q4", 16, 0))]
    status, headers, body = ask(instance, "POST", "/api/chat", '{"message": "x"}')
    assert status == 200 and json.loads(body)["model"] == "small", "the first is for those who name none"
    assert "load;dur=30.000" in headers["Server-Timing"]
    _, body = ask_json(instance, "POST", "/api/chat", '{"message": "x", "model": "org/large@q4"}')
    assert body["model"] == "org/large@q4"
    assert [model["state"] for model in ask_json(instance, "GET", "/api/models")[1]["data"]] == ["absent", "loaded"]
    for unknown in ("/work?model=medium", "/work?model="):
        status, body = ask_json(instance, "GET", unknown)
        assert (status, body["error"]["type"]) == (404, "not_found")
        assert "/api/models" in body["error"]["message"]
    assert ask(instance, "POST", "/api/chat", '{"message": "x", "model": "medium"}')[0] == 404
    assert ask(instance, "POST", "/api/chat", "no JSON")[0] == 400
    assert "load" not in ask(instance, "GET", "/health")[1]["Server-Timing"]
    off = target()
    assert ask(off, "GET", "/work?model=medium")[0] == 200
    assert "load" not in ask(off, "GET", "/work?model=medium")[1]["Server-Timing"]
    assert [model["id"] for model in ask_json(off, "GET", "/api/models")[1]["data"]] == ["pelt-target-1"]


@pytest.mark.sanitize
def test_a_model_is_unloaded_after_its_time_and_by_a_smaller_memory(target):
    instance = target("--models", "a:2m:0:200ms,b:2m:0,c:3m:0")

    def states():
        return [model["state"] for model in ask_json(instance, "GET", "/api/models")[1]["data"]]

    for name in "abc":
        ask(instance, "GET", f"/work?model={name}")
    wait_until(lambda: states() == ["absent", "loaded", "loaded"])
    turn(instance, model_memory="4m")
    assert states() == ["absent", "absent", "loaded"]
    assert ask(instance, "PUT", "/admin/knobs", '{"model-memory": "2m"}')[0] == 400
    instance.stop()
    lines = [line for line in events(instance, "models") if line["event"] != "knob"]
    told = [(line["event"], line["model"]) for line in lines]
    assert lines[3]["at_ns"] - lines[0]["at_ns"] == 200 * MS, "noticed later, told with its own time"
    assert told == [("load", "a"), ("load", "b"), ("load", "c"), ("expire", "a"), ("evict", "b")]


@pytest.mark.sanitize
def test_who_waits_for_a_model_is_let_go_at_the_end(target):
    instance = target("--models", "a:1m:30s", "--drain", "200ms")
    with Bare(instance.port, 3) as client:
        for _ in range(3):
            client.send()
        wait_until(lambda: limit(instance, "model_memory")["waiters"] == 3)
        assert instance.stop(10 if SLOW else 3) == 0
    assert [line["status"] for line in instance.requests()] == [0, 0, 0]


@pytest.mark.sanitize
@pytest.mark.parametrize("options, said", [
    (("--models", "a:1g"), '--models: "a:1g" is not a model; try small:2g:400ms'),
    (("--models", "a:1g:1s,a:2g:1s"), '--models: "a" is there twice'),
    (("--models", "a:3g:1s", "--model-memory", "2g"),
     'model-memory: "2g" is less than the model a needs, 3g; try model-memory 3g'),
    (("--model-policy", "best"), '--model-policy: "best" is not one of: lru, lfu, fifo, ttl, cost'),
])
def test_what_is_no_model_is_told_in_one_line(options, said):
    done = run_with(*options)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1
