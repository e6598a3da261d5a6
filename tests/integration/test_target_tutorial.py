"""What docs/TARGET_SYSTEMS.md says of each scenario of scenarios/systems, held against a run of it: at its own length by `ci/measure tutorial`, and in
ci/test the cheapest ones, shortened. Bounds are wide: what is checked is that the paragraph tells what a reader will see, not how fast a host is."""
import contextlib
import os
import signal
import threading

import pytest

import cache_servers
from program import MISSED, PASSED, ROOT, outcomes_add_up, run
from test_target_limits import events, limit, metrics, turn, wait_until
from test_target_work import small_disk  # noqa: F401, a fixture

WHOLE = bool(os.environ.get("PELT_TUTORIAL"))
MB = 1 << 20


class Tutorial:
    """A claim's servers and runs."""

    def __init__(self, request, tmp_path, name):
        self.fixture, self.folder, self.name, self.runs = request.getfixturevalue, tmp_path, name, 0
        self.property = request.getfixturevalue("record_property")

    def target(self, *options, work=True):
        options = (*options, "--service-for", "work") if work else options
        return self.fixture("target")(*options)

    def redis(self):
        folder = self.folder / "redis"
        folder.mkdir()
        return contextlib.closing(_Closing(cache_servers.redis(folder)))

    def run(self, target, *options, name=None, short=("--duration", "2s")):
        """The report of the scenario on the target; in ci/test with the options `short`."""
        short = () if WHOLE else short
        folder = self.folder / f"run-{self.runs}"
        folder.mkdir()
        self.runs += 1
        done = run(ROOT / f"scenarios/systems/{name or self.name}.lua", "--set", f"TARGET={target.url}", *short, *options, cwd=folder)
        assert done.code in (PASSED, MISSED), done.told()
        outcomes_add_up(done.report)
        return done.report

    def say(self, **values):
        for name, value in values.items():
            self.property(name.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else value)


class _Closing:
    def __init__(self, server):
        self.address, self.close = server.address, server.stop


def row(report, name):
    return next(row for row in report["requests"] if row["name"] == name)


def times(report, name):
    return row(report, name)["response_ms"]


def metric(report, name, **tags):
    """The statistics of a metric whose tags are these, and perhaps others."""
    return next(m["stats"] for m in report["metrics"] if m["name"] == name and tags.items() <= (m.get("tags") or {}).items())


def share(report, cache):
    return next(c["hit_share"] for c in report["caches"] if c["name"] == cache)


def failed_share(report, name):
    one = row(report, name)
    return 1 - one["outcomes"].get("ok", 0) / one["started"]


def failed_from_to(report):
    return min(e["first_s"] for e in report["errors"]), max(e["last_s"] for e in report["errors"])


def event(target, system, name):
    return metrics(target).get(f'pelt_target_events_total{{system="{system}",event="{name}"}}', 0)


@contextlib.contextmanager
def meanwhile(after_s, act):
    timer = threading.Timer(after_s, act)
    timer.start()
    yield
    timer.join()


def balanced(t, each, *options, count=3):
    backs = [t.target(*(each[i] if isinstance(each, list) else each), work=False) for i in range(count)]
    listed = ",".join(f"127.0.0.1:{back.port}" for back in backs)
    lb = t.target("--lb-backends", listed, *options, work=False)
    wait_until(lambda: sum(value for name, value in metrics(lb).items() if name.startswith("pelt_target_backend_up{")) == count)
    return backs, lb


# ---- the claims, each of the paragraph at its scenario ----

def account(t):
    report = t.run(t.target("--account", "on", "--step", "1ms", "--memo", 100, work=False))
    cpu = metric(report, "server_timing", entry="cpu")
    t.say(cpu_min_ms=cpu["min"], cpu_p90_ms=cpu["p90"])
    assert cpu["min"] < 0.3 and 1 <= cpu["p90"] < 5


def alarms(t):
    report = t.run(t.target("--alert-for", "1s", "--sample", "500ms", work=False))
    first, last = failed_from_to(report)
    seen = metric(report, "seen_firing", alert="HighErrorRate")["count"]
    t.say(errors=f"from {first:.1f} to {last:.1f} s", seen_firing=seen)
    assert 3.5 < first < 4.6 and 7.4 < last < 8.6 and 20 <= seen <= 45


def autoscaling(t):
    target = t.target("--lb", "least-connections", "--lb-scale", "on", "--lb-start", "--workers 4 --service-time 40ms", "--lb-capacity", 4,
                      "--lb-cooldown", "2s", "--lb-check", "500ms", work=False)
    wait_until(lambda: event(target, "lb", "up") >= 1)
    report = t.run(target)
    wait_until(lambda: event(target, "lb", "scale_down") >= 2, 15)
    seen = metric(report, "backends_seen")["max"]
    target.stop()
    scaled = [line for line in events(target, "lb") if line["event"].startswith("scale_") and line["event"] != "scale_held"]
    gaps = [(b["at_ns"] - a["at_ns"]) / 1e9 for a, b in zip(scaled, scaled[1:])]
    t.say(events=" ".join(line["event"] for line in scaled), least_gap_s=min(gaps), backends=seen)
    assert [line["event"] for line in scaled if line["why"] != "died"].count("scale_up") >= 2 and min(gaps) >= 2 and seen == 3


def balancer(t):
    told = {}
    each = [("--workers", 8, "--service-time", ms) for ms in ("10ms", "10ms", "100ms")]
    for policy in ("round-robin", "least-connections"):
        backs, lb = balanced(t, each, "--lb", policy)
        report = t.run(lb)
        slow = metric(report, "backend_time", backend=f"127.0.0.1:{backs[2].port}")
        told[policy] = slow["count"] / row(report, "work")["started"], times(report, "work")["mean"], times(report, "work")["p50"]
    (in_turn, mean, p50), (spared, mean_spared, p50_spared) = told.values()
    t.say(slow_gets=f"{in_turn:.1%}, then {spared:.1%}", mean_ms=f"{mean:.1f}, then {mean_spared:.1f}")
    assert 0.32 < in_turn < 0.345 and spared < 0.15 and mean_spared < 0.7 * mean
    assert 9 < p50 < 15 and 9 < p50_spared < 15, "the medians are the same"


def batch(t):
    target = t.target("--batch", 16, "--batch-wait", "20ms", "--batch-time", "30ms", "--batch-item", "1ms", work=False)
    report = t.run(target)
    page = metrics(target)
    alone, all_of_them = (page[f'pelt_target_batch_size_bucket{{le="{most}"}}'] for most in ("1", "+Inf"))
    t.say(batches_of_one=alone, batches=all_of_them, p95_ms=times(report, "chat")["p95"])
    assert 10 <= alone < all_of_them / 2 and failed_share(report, "chat") == 0 and times(report, "chat")["p95"] < 200


def breaker(t):
    wait, hang = ("500ms", ()) if WHOLE else ("50ms", ("--set", "HANGS=20", "--set", "WORKS=90"))
    told = {}
    for failures in (5, 0):
        upstream = t.target("--service-time", "20ms", "--drain", "100ms", work=False)
        target = t.target("--upstream", upstream.url + "/work", "--upstream-max", 4, "--upstream-timeout", wait, "--upstream-failures", failures,
                          "--upstream-cooldown", wait, work=False)
        report = t.run(target, "--set", f"UPSTREAM={upstream.url}", *hang, short=("--duration", "1s"))
        rejected = metrics(target).get('pelt_target_limit_events_total{limit="upstream_breaker"}', 0)
        told[failures] = failed_share(report, "work"), times(report, "work"), *failed_from_to(report), rejected
    for name, failures in (("with", 5), ("without", 0)):
        share, took, first, last, rejected = told[failures]
        t.say(**{name: f"{share:.1%} failed, from {first:.1f} to {last:.1f} s, p50 {took['p50']:.1f} ms, p95 {took['p95']:.0f} ms, {rejected} rejected"})
    (share, took, first, last, rejected), (share_without, took_without, _, last_without, rejected_without) = told.values()
    assert rejected > 10 and rejected_without == 0
    assert not WHOLE or share > share_without, "a breaker refuses what might have been answered late"
    assert not WHOLE or took["p50"] < 30 < 2 * took["p50"] < took_without["p50"] and took["p95"] < 600 and took_without["p95"] > 1000
    assert not WHOLE or 3 < first < 4 and last < 8.6 and last_without > last + 0.5


def cognitive(t):
    target = t.target("--cognitive", "on", "--workers", 8, work=False)
    report = t.run(target)
    memory, heavy = times(report, "memory"), times(report, "multimodal")
    turn(target, workers=3)
    slow = times(t.run(target), "memory")
    t.say(memory_p50_ms=memory["p50"], multimodal_p95_ms=heavy["p95"], memory_p95_with_3_workers_ms=slow["p95"])
    assert 3 < memory["p50"] < 6 and 30 < heavy["p95"] / memory["p50"] < 130 and slow["p95"] > 3 * memory["p95"]


def coalesce(t):
    work, ttl = ("100ms", "1s") if WHOLE else ("50ms", "200ms")
    target = t.target("--service-time", f"constant:{work}", "--workers", 4, "--cache", "1m", "--cache-ttl", ttl)
    short = ("--duration", "800ms")
    each = t.run(target, short=short)
    turn(target, coalesce=1000)
    one = t.run(target, short=short)
    executed = [metric(report, "cache_latency", cache="miss")["count"] for report in (each, one)]
    t.say(executed=f"{executed[0]}, then {executed[1]}", hits=f"{share(each, 'http'):.1%}, then {share(one, 'http'):.1%}",
          max_ms=f"{times(each, 'front page')['max']:.0f}, then {times(one, 'front page')['max']:.0f}")
    assert executed[0] > 5 * executed[1] > 0 and metric(one, "cache_latency", cache="collapsed")["count"] >= 10
    assert not WHOLE or abs(share(each, "http") - share(one, "http")) < 0.03 and share(each, "http") > 0.85
    assert not WHOLE or times(each, "front page")["p99"] > 300 and times(one, "front page")["p99"] < 150


def database(t):
    target = t.target("--database", t.folder / "items.db", "--database-max", 2, "--database-query", "slow", "--database-slow", "50ms", work=False)
    short = ("--duration", "600ms")
    two = t.run(target, short=short)
    more = t.run(target, "--users", 32) if WHOLE else None
    turn(target, **{"database-max": 16})
    sixteen = t.run(target, short=short)
    waits = [metric(report, "server_timing", entry="database-wait")["p50"] for report in (two, sixteen)]
    t.say(database_wait_p50_ms=f"{waits[0]:.0f} of {times(two, 'work')['p50']:.0f}, then {waits[1]:.0f} of {times(sixteen, 'work')['p50']:.0f}",
          per_s=f"{row(two, 'work')['ok_per_s']:.1f}, then {row(sixteen, 'work')['ok_per_s']:.1f}")
    assert waits[0] > 250 and waits[1] < 0.2 * waits[0] and metric(two, "server_timing", entry="database")["p50"] < 0.5 * waits[0]
    if WHOLE:
        t.say(with_32_users=f"{row(more, 'work')['ok_per_s']:.1f}/s, p50 {times(more, 'work')['p50']:.0f} ms")
        assert 37 < row(two, "work")["ok_per_s"] < 41 and 37 < row(more, "work")["ok_per_s"] < 41 and row(sixteen, "work")["ok_per_s"] > 250
        assert 380 < times(two, "work")["p50"] < 450 and 760 < times(more, "work")["p50"] < 900


def dashboard(t):
    report = t.run(t.target(work=False), "-u", 500)
    gap, size = metric(report, "push_gap"), metric(report, "push_size")
    t.say(gap_p50_ms=gap["p50"], gap_p99_ms=gap["p99"], bytes=size["mean"])
    assert 1990 < gap["p50"] < 2010 and gap["p99"] < 2050 and 200 < size["mean"] < 330


def events_lost(t):
    kept = t.run(t.target("--events", 20000, work=False), name="events")
    told, read = (metric(kept, f"events_{what}")["count"] for what in ("told", "read"))
    few = t.run(t.target("--events", 50, work=False), name="events")
    lost, of = metric(few, "events_lost")["count"], metric(few, "events_told")["count"]
    t.say(told=told, read=read, lost_with_50=f"{lost} of {of}")
    assert 0.95 * told <= read <= told and lost > 0.7 * of and failed_share(few, "publish") == 0


def failover(t):
    backs, lb = balanced(t, ("--service-time", "10ms"), "--lb", "round-robin", "--lb-check", "1s")
    with meanwhile(5, lambda: os.kill(backs[1].process.pid, signal.SIGKILL)):
        report = t.run(lb)
    backs[1].process.wait()
    backs[1].process.returncode = 0
    first, last = failed_from_to(report)
    t.say(errors=f"{failed_share(report, 'work'):.1%}, from {first:.1f} to {last:.1f} s")
    assert 0 < failed_share(report, "work") < 0.05 and last - first <= 1.1
    backs, lb = balanced(t, ("--service-time", "10ms"), "--lb", "round-robin", "--lb-check", "1s", "--lb-attempts", 2)
    with meanwhile(5, lambda: os.kill(backs[1].process.pid, signal.SIGKILL)):
        again = t.run(lb)
    backs[1].process.wait()
    backs[1].process.returncode = 0
    t.say(with_attempts=f"{failed_share(again, 'work'):.1%}, {event(lb, 'lb', 'retried'):.0f} retried")
    assert failed_share(again, "work") == 0 and event(lb, "lb", "retried") >= 1


def lazy(t):
    load_s = 3 if WHOLE else 0.5
    target = t.target("--lazy", f"{load_s}s", "--service-time", "constant:10ms", work=False)
    report = t.run(target)
    waited = limit(target, "lazy")["events"]
    p50, most = times(report, "work")["p50"], times(report, "work")["max"]
    t.say(waited=waited, loads=event(target, "lazy", "load"), p50_ms=p50, max_ms=most)
    assert event(target, "lazy", "load") == 1 and 1 <= waited <= 50 and most >= 900 * load_s
    assert not WHOLE or waited == 50 and p50 < 50


def levels(t):
    with t.redis() as redis:
        options = ("--service-time", "constant:50ms", "--cache", "16m", "--cache-entries", 20, "--cache-compressed", "16k", "--cache-ttl", "1h",
                   "--cache-disk", t.folder / "answers.db", "--cache-redis", redis.address)
        target = t.target(*options)
        report = t.run(target)
        l1, l2, l3 = (share(report, name) for name in ("l1", "l2", "l3"))
        target.stop()
        again = t.run(t.target(*options), "--seed", 7)
        hits = again["requests"][0]["started"] - next(c["misses"] for c in again["caches"] if c["name"] == "l4")
    t.say(l1=l1, l2=l2, l3=l3, after_a_restart=hits / again["requests"][0]["started"])
    assert 0.2 < l1 < 0.35 and 0.3 < l2 < 0.5 and 0.15 < l3 < 0.35
    assert hits > 0.5 * again["requests"][0]["started"], "most are hits after a restart, by another seed, too"


def memo(t):
    target = t.target("--threads", 1, "--step", "5ms", "--memo", 1000, work=False)
    report = t.run(target)
    turn(target, memo=0)
    without = t.run(target)
    t.say(p50_ms=times(report, "chat")["p50"], p50_without_ms=times(without, "chat")["p50"])
    assert times(report, "chat")["p50"] < 2 and times(without, "chat")["p50"] > 300


def memory(t):
    leak = () if WHOLE else ("--set", "LEAK=200m", "--set", "LEAKS=10", "--set", "ENDS=80")
    target = t.target("--memory-limit", "40m", "--service-time", "constant:5ms", *(() if WHOLE else ("--memory-interval", "10ms")))
    limited = t.run(target, *leak, short=("--duration", "1s"))
    (first, last), refused = failed_from_to(limited), limit(target, "memory")["events"]
    turn(target, **{"memory-limit": 0})
    free = t.run(target, *leak, short=("--duration", "1s"))
    t.say(refused=f"{failed_share(limited, 'work'):.1%}, from {first:.1f} to {last:.1f} s", p95_ms=times(limited, "work")["p95"])
    assert row(limited, "work")["outcomes"]["http_status"] == refused > 0 == failed_share(free, "work")
    assert not WHOLE or 4.5 < first < 5.5 and 7.9 < last < 8.5 and times(limited, "work")["p95"] < 20


def models(t):
    listed = "small:2g:100ms,large:16g:300ms,huge:40g:1s" if WHOLE else "small:2g:5ms,large:16g:10ms,huge:40g:20ms"
    target = t.target("--models", listed, "--model-memory", "48g", "--service-time", "20ms")
    short = ("--duration", "800ms", "--rate", "150/s")
    cramped = t.run(target, short=short)
    evicted = metrics(target)['pelt_target_cache_evictions_total{cache="models"}']
    turn(target, **{"model-memory": "64g"})
    roomy = t.run(target, short=short)
    evicted_then = metrics(target)['pelt_target_cache_evictions_total{cache="models"}'] - evicted
    waited, large = limit(target, "model_memory")["events"], times(cramped, "large")
    t.say(evicted=f"{evicted:.0f}, then {evicted_then:.0f}", waited=waited, small_p95_ms=times(cramped, "small")["p95"], large_p50_ms=large["p50"],
          large_p50_ms_with_64g=times(roomy, "large")["p50"])
    assert evicted >= 2 and evicted_then == 0 and metric(cramped, "server_timing", entry="load")["p95"] > 5
    assert not WHOLE or evicted > 20 and large["p50"] > 300 and times(roomy, "large")["p50"] < 50 and 50 < times(cramped, "small")["p95"] < 200


def outputs(t):
    report = t.run(t.target("--service-time", "lognormal:200ms,0.5" if WHOLE else "constant:5ms", "--outputs", 1000))
    given, surely = share(report, "outputs"), metric(report, "given_again_surely")["share"]
    t.say(given_again=given, surely=surely)
    assert given > (0.9 if WHOLE else 0.5) and surely < given - 0.1 and (not WHOLE or 0.5 < surely < 0.75)


def purge(t):
    options = ("--service-time", "constant:50ms", "--workers", 8, "--cache", "16m")
    whole, tag = t.run(t.target(*options)), t.run(t.target(*options), "--set", "PURGE=tag=red")
    p90 = times(whole, "work")["p90"]
    misses = [next(c["misses"] for c in report["caches"] if c["name"] == "pelt-target") for report in (whole, tag)]
    t.say(p90_ms=p90, misses=f"{misses[0]} of all, {misses[1]} by tag")
    assert 49 < p90 < 120 and misses[1] < misses[0] < 0.35 * row(whole, "work")["started"]


def queue(t):
    with t.redis() as redis:
        report = t.run(t.target("--queue", redis.address, "--queue-consumers", 3, "--queue-time", "20ms", "--queue-max", 300, work=False))
    depth, (first, _) = metric(report, "queue_depth")["max"], failed_from_to(report)
    lost, p50 = failed_share(report, "leave a message"), times(report, "leave a message")["p50"]
    t.say(deepest=depth, first_refusal_s=first, refused=lost, p50_ms=p50)
    assert 290 <= depth <= 301 and 4.5 < first < 7 and 0.06 < lost < 0.2 and p50 < 5


def ratelimit(t):
    target = t.target("--rate-limit", "100/s", "--rate-burst", 50, work=False)
    over = t.run(target, short=("--duration", "600ms", "--rate", "480/s"))
    (first, last), refused = failed_from_to(over), limit(target, "rate_limit")["events"]
    t.say(refused=f"{failed_share(over, 'work'):.1%}", first_s=first, last_s=last, p50_ms=times(over, "work")["p50"])
    assert row(over, "work")["outcomes"]["http_status"] == refused > 0 and metric(over, "tokens_left")["min"] == 0
    assert not WHOLE or 0.12 < failed_share(over, "work") < 0.13 and 2.3 < first < 2.7 and last > 9.9 and times(over, "work")["p50"] < 5
    wait_until(lambda: limit(target, "rate_limit")["used"] == 0)
    under = t.run(target, *(("--rate", "95/s") if WHOLE else ()), short=("--duration", "200ms"))
    assert failed_share(under, "work") == 0 and metric(under, "tokens_left")["min"] > 10


def search(t):
    target = t.target("--service-time", "constant:20ms", "--workers", 8, "--search", "16m", "--search-entries", 200)
    large = share(t.run(target), "search")
    turn(target, **{"search-entries": 20})
    small = share(t.run(target), "search")
    t.say(of_200=large, of_20=small)
    assert 0.55 < large < 0.78 and 0.25 < small < 0.42


def semantic(t):
    report = t.run(t.target("--service-time", "constant:20ms", "--search", "16m", "--search-semantic", "70%"))
    same, alike = share(report, "search"), share(report, "search-semantic")
    t.say(same_words=same, alike=alike)
    assert 0.04 < same < 0.25 and alike > 0.9 and (not WHOLE or 0.09 < same < 0.17)


def sessions(t):
    lost = {}
    with t.redis() as redis:
        for options in (("--sessions-redis", redis.address), ()):
            target = t.target(*options, work=False)
            port = target.port

            def restart():
                target.stop()
                again.append(t.target("--listen", f"127.0.0.1:{port}", *options, work=False))

            again = []
            with meanwhile(7, restart):
                report = t.run(target)
            checks = {check["name"]: check for check in report["checks"]}
            lost[bool(options)] = checks.get("no session was lost", {}).get("failed", 0)
            assert not options or checks["remembered"]["failed"] == 0
    t.say(lost_with_redis=lost[True], lost_without=lost[False])
    assert lost[True] == 0 < lost[False]


def sizes(t):
    told = {}
    for size in ("small", "medium"):
        report = t.run(t.target("--size", size, "--service-time", "exponential:20ms"))
        told[size] = failed_share(report, "work"), times(report, "work")["p50"], times(report, "work")["p95"]
    t.say(**{size: f"{failed:.0%} failed, p50 {p50:.2g} ms, p95 {p95:.0f} ms" for size, (failed, p50, p95) in told.items()})
    assert 0.4 < told["small"][0] < 0.7 and told["medium"][0] < 0.05
    assert not WHOLE or told["small"][1] < 5 and told["small"][2] > 180 and told["medium"][2] < 150


def spool(t):
    disk = t.fixture("small_disk")  # half of what the scenario's header mounts
    target = t.target("--spool", disk, "--spool-bytes", "256k", "--spool-high", "90%", "--spool-low", "50%", work=False)
    report = t.run(target)
    took = metric(report, "server_timing", entry="spool")
    t.say(p50_ms=took["p50"], max_ms=took["max"], cleaned=event(target, "spool", "cleaned"))
    assert failed_share(report, "work") == 0 and event(target, "spool", "cleaned") >= 10 and took["max"] > 3 * took["p50"]
    turn(target, **{"spool-high": "100%", "spool-low": "100%"})
    target.stop()
    for path in disk.glob("spool-*"):
        path.unlink()
    with open(disk / "other", "wb") as other, contextlib.suppress(OSError):
        while other.write(bytes(MB)):
            pass
    full = t.run(t.target("--spool", disk, "--spool-bytes", "256k", "--spool-high", "100%", "--spool-low", "90%", work=False))
    t.say(with_a_full_disk=failed_share(full, "work"))
    assert failed_share(full, "work") == 1


def tasks(t):
    report = t.run(t.target("--tasks", 4, "--tasks-time", "exponential:50ms", "--tasks-queue", 10000, work=False))
    high, low = times(report, "high"), times(report, "low")
    t.say(high_p95_ms=high["p95"], low_max_ms=low["max"])
    assert high["p95"] < 300 and low["max"] > 1000


def trace(t):
    back = t.target("--workers", 4, "--service-time", "lognormal:10ms,1", "--trace", 5000, work=False)
    lb = t.target("--lb", "round-robin", "--lb-backends", f"127.0.0.1:{back.port}", "--trace", 5000, work=False)
    wait_until(lambda: any(name.startswith("pelt_target_backend_up{") and value for name, value in metrics(lb).items()))
    report = t.run(lb)
    worked = metric(report, "step", step="worked")
    t.say(traced=worked["count"], worked_max_ms=worked["max"])
    assert worked["count"] >= 60 and 20 < worked["max"]


def trim(t):
    target = t.target("--cache", "64m", "--body-size", "16k", "--threads", 1, work=False)
    agent = t.fixture("agent")("--pid", f"service={target.process.pid}") if WHOLE else None
    t.run(target, *(("--agent", agent.url) if agent else ()))
    target.stop()
    step = next(line for line in events(target, "trim") if line["event"] == "trim")
    freed = (step["before_bytes"] - step["after_bytes"]) / MB
    t.say(freed_mb=freed)
    assert freed > 25


def workers(t):
    target = t.target("--workers", 4, "--service-time", "exponential:20ms")
    short = ("--duration", "1200ms")
    four = t.run(target, short=short)
    turn(target, workers=8)
    eight = t.run(target, short=short)
    queue = [metric(report, "server_timing", entry="queue")["p50"] for report in (four, eight)]
    for report, name in ((four, "four"), (eight, "eight")):
        t.say(**{name: ", ".join(f"{rate} p95 {times(report, 'at ' + rate)['p95']} ms" for rate in ("100/s", "180/s", "240/s"))})
    assert queue[0] > 3 and queue[1] < 0.3 * queue[0]
    if WHOLE:
        p95 = [times(four, f"at {rate}/s")["p95"] for rate in (100, 180, 240)]
        assert p95[0] < 120 and p95[0] < p95[1] < 300 and p95[2] > 500
        assert all(times(eight, f"at {rate}/s")["p95"] < 120 for rate in (100, 180, 240))


CLAIMS = {"account": account, "alarms": alarms, "autoscaling": autoscaling, "balancer": balancer, "batch": batch, "breaker": breaker,
          "coalesce": coalesce, "cognitive": cognitive, "dashboard": dashboard, "database": database, "events": events_lost, "failover": failover,
          "lazy": lazy, "levels": levels, "memo": memo, "memory": memory, "models": models, "outputs": outputs, "purge": purge, "queue": queue,
          "ratelimit": ratelimit, "search": search, "semantic": semantic, "sessions": sessions, "sizes": sizes, "spool": spool, "tasks": tasks,
          "trace": trace, "trim": trim, "workers": workers}
ELSEWHERE = {"scaling"}  # `ci/measure scale` runs it
CHEAP = ("breaker", "coalesce", "database", "lazy", "memory", "models", "outputs", "ratelimit", "semantic", "sizes", "workers")


def test_each_scenario_has_its_claim():
    found = {path.stem for path in (ROOT / "scenarios/systems").glob("*.lua")}
    assert found - ELSEWHERE == set(CLAIMS)


@pytest.mark.parametrize("name", CLAIMS if WHOLE else CHEAP)
def test_a_reader_sees_what_the_tutorial_says(name, request, tmp_path):
    CLAIMS[name](Tutorial(request, tmp_path, name))
