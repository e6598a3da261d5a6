"""Runs of many hosts that meet faults (field.py): nothing is lost, nothing is counted twice, and what cannot be known is named.

Each test says figures: what was wanted, what came, whether that holds. Counts hold always. Times are judged in measurements only:
`ci/measure faults` sets PELT_FAULTS=all, which also brings 2,000 requests a second and the tests that take long.
"""
import json
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import time

import pytest

from field import SECOND_NS, WORKERS, Field
from fleet import REDIS, Uploaders, patience
from lan import Unavailable
from program import BIN, PASSED, USAGE, outcomes_add_up, pelt, report_of
from targets import Target

pytestmark = pytest.mark.skipif(REDIS is None, reason="no redis-server here")

MEASURED = os.environ.get("PELT_FAULTS") == "all"
RATE_PER_S = 2000 if MEASURED else 400
EACH_PER_S = RATE_PER_S // WORKERS
LOST = 6
ORPHAN_S = 30


def in_measurements(test):
    """A test that takes too long to be one each time."""
    return test if MEASURED else None


class Figures:
    """What a test says: ci/figures/faults.py makes a table of it."""

    def __init__(self, record_property):
        self.record, self.failed = record_property, []

    def say(self, what, wanted, measured, held, timed=False):
        self.record("figure", json.dumps([what, wanted, str(measured), bool(held)]))
        if not held and (MEASURED or not timed):
            self.failed.append(f"{what}: wanted {wanted}, measured {measured}")


@pytest.fixture
def figures(record_property):
    return Figures(record_property)


@pytest.fixture(name="fields")
def some_fields(tmp_path, figures):
    """fields(redis=OPTIONS, target=OPTIONS) makes a Field; all of them end with the test."""
    made = []

    def make(**options):
        folder = tmp_path / f"field-{len(made)}"
        folder.mkdir()
        try:
            made.append(Field(folder, **options))
        except Unavailable as why:
            pytest.skip(f"no hosts can be made here: {why}")
        return made[-1]
    yield make
    for one in made:
        one.stop()
    assert not figures.failed, "\n".join(figures.failed + [one.told() for one in made])


@pytest.fixture
def field(fields):
    return fields()


# ---- what is asked of all of them ----

def exact(figures, field, slots=range(WORKERS)):
    """Of these workers the report has what the target counted, and all of it; their workers say the same."""
    outcomes_add_up(field.report)
    reported = [field.reported_of(s)["started"] for s in slots]
    said = [field.report["workers"][s]["started"] for s in slots]
    counted = [field.counted_of(s) for s in slots]
    figures.say("reported of what the target counted, each worker", "equal", f"{sum(reported):,} of {sum(counted):,}",
                reported == counted == said)


def whole(figures, field):
    """That, of all, and nobody was missed."""
    exact(figures, field)
    planned = field.rate_per_s * field.seconds - field.report["totals"]["dropped"]
    figures.say("of what was planned", f"{planned:,}", f"{field.report['totals']['started']:,}", field.report["totals"]["started"] == planned)
    states = {w["state"] for w in field.report["workers"]} | {f"gap {w['gap']}" for w in field.report["workers"] if w["gap"]}
    figures.say("exit code, workers", "0, done", f"{field.done.code}, {' '.join(sorted(states))}", field.done.code == PASSED and states == {"done"})


def rate_held(figures, field, slot, from_ns, to_ns, what):
    """Within 1% of its share, by the target's log."""
    seen = sum(from_ns <= at < to_ns for at in field.seen_ns(slot))
    planned = EACH_PER_S * (to_ns - from_ns) / SECOND_NS
    figures.say(f"load {what}", "within 1%", f"{seen / planned - 1:+.2%}", abs(seen / planned - 1) <= 0.01, timed=True)


def lost_and_back(figures, field, lost, back):
    kinds = [len(field.events(kind)) for kind in ("worker_lost", "worker_back")]
    figures.say("told as lost, as back", f"{lost}, {back} times", ", ".join(map(str, kinds)), kinds == [lost, back], timed=True)


# ---- 17: no fault ----

@pytest.mark.slow(8)
def test_17_without_a_fault_all_is_there(field, figures):
    field.begin(RATE_PER_S, 10 if MEASURED else 3)
    field.end()
    whole(figures, field)


MEASURED_TWICE = """
local pelt = require "pelt"
local rows = pelt.data.csv("rows.csv", { order = "unique" })
return { load = { rate = "%d/s", duration = "%ds", arrivals = "poisson" },
  iteration = function()
    local k = rows:next().k
    local s = pelt.http.stream("/api/status", { format = "lines", name = "first" })
    for _ in s:events() do end
    pelt.http.get("/health", { name = "told", headers = { ["X-Correlation-ID"] = string.format("%%s-%%.9f-%%.9f", k, s.due, s.ended) } })
  end }
"""


def told_by(log):
    """{arrival: (when it was due, when it ended)} in ns, as scenarios told the target, by the ids in its log."""
    told = [line["correlation_id"].split("-") for line in map(json.loads, log.read_text().splitlines()) if "GET /health " in line["message"]]
    ns = lambda text: int(text.replace(".", ""))
    return {int(k): (ns(due), ns(ended)) for k, due, ended in told}


def payload_of(run_file, name):
    """The response times of a request over a whole run, as its file keeps them."""
    with sqlite3.connect(run_file) as db:
        return db.execute("SELECT payload FROM hist_sum JOIN name ON name.id = series WHERE name.kind = 'request' AND name.name = ? "
                          "AND hist_sum.kind = 'http_response' ORDER BY t DESC LIMIT 1", (name,)).fetchone()[0]


@pytest.mark.slow(8)
def test_17_plan_and_histogram_are_those_of_one_host(fields, figures, tmp_path):
    log = tmp_path / "many.log"
    field = fields(target=("--json-log", log))
    rate_per_s, seconds = RATE_PER_S // 2, 5 if MEASURED else 2
    (tmp_path / "rows.csv").write_text("k\n" + "".join(f"{k}\n" for k in range(2 * rate_per_s * seconds)))
    scenario = tmp_path / "twice.lua"
    scenario.write_text(MEASURED_TWICE % (rate_per_s, seconds))
    (tmp_path / "alone").mkdir()
    alone = Target(tmp_path / "alone", "--json-log", tmp_path / "alone.log")
    done = pelt("run", scenario, "--target", alone.url, "--seed", 7, "--threads", 1, "--allow-invalid", "--run-file", tmp_path / "alone.pelt", cwd=tmp_path)
    assert alone.stop() == 0 and done.code == PASSED, done.told()
    field.workers = [field.worker(slot) for slot in range(WORKERS)]
    field.lead = field.coordinator(scenario, "--seed", 7)
    field.end()
    one, many = told_by(tmp_path / "alone.log"), told_by(log)
    since = [[due[k][0] - due[k % WORKERS][0] for k in sorted(due)] for due in (one, many)]
    figures.say("due times of four workers, each from its first on", "those of one host", f"{len(many):,} of {len(one):,} equal"
                if since[0] == since[1] else "others", since[0] == since[1] and len(one) > rate_per_s)
    us = [(ended - due + 500) // 1000 for due, ended in many.values()]
    one_histogram = subprocess.run([BIN / "hist_tool", "encode"], input="\n".join(map(str, us)).encode(), capture_output=True, check=True).stdout
    merged = payload_of(field.run_file, "first")
    figures.say("merged histogram of the run file", "bucket for bucket one of all samples", f"{len(us):,} samples, {'equal' if merged == one_histogram else 'another'}",
                merged == one_histogram)


@in_measurements
def test_17_ten_starts(fields, figures, tmp_path):
    spreads, clocks, bounds = [], [], []
    for i in range(10):
        log = tmp_path / f"{i}.log"
        field = fields(target=("--json-log", log))
        (field.folder / "rows.csv").write_text("k\n" + "".join(f"{k}\n" for k in range(200)))
        (field.folder / "twice.lua").write_text((MEASURED_TWICE % (40, 2)).replace("poisson", "uniform"))
        field.workers = [field.worker(slot) for slot in range(WORKERS)]
        field.lead = field.coordinator(field.folder / "twice.lua")
        field.end()
        due = [due_ns for _, (due_ns, _) in sorted(told_by(log).items())]
        starts = [due[k] - k * SECOND_NS // 40 for k in range(WORKERS)]
        seen = [r["begin_ns"] for r in field.target.requests() if r["path"] == "/api/status"]
        sent = [statistics.median(at - k * SECOND_NS // 40 for k, at in list(enumerate(seen))[slot::WORKERS]) for slot in range(WORKERS)]
        spreads.append((max(sent) - min(sent)) / 1e6)
        clocks.append((max(starts) - min(starts)) / 1e6)
        bounds.append(sum(sorted(w["clock_bound_ms"] for w in field.report["workers"])[-2:]))
        field.stop()
    figures.say("start spread by what the target saw, median of ten", "at most 2 ms", f"{statistics.median(spreads):.2f} ms", statistics.median(spreads) <= 2, timed=True)
    figures.say("starts apart / the two largest bounds told, us", "within, each of ten", " ".join(f"{c * 1000:.0f}/{b * 1000:.0f}" for c, b in zip(clocks, bounds)),
                all(c <= b for c, b in zip(clocks, bounds)))


# ---- 18: kill -9 ----

def killed(field, figures, on_loss, kill_s=10, seconds=20):
    field.begin(RATE_PER_S, seconds, "--on-loss", on_loss)
    at_ns = field.at(kill_s)
    field.kill(field.workers[1])
    field.end(workers=[w for i, w in enumerate(field.workers) if i != 1])
    outcomes_add_up(field.report)
    counted, row, worker = field.counted_of(1), field.reported_of(1), field.report["workers"][1]
    unfinished = row["outcomes"].get("unfinished", 0)
    unknown = worker.get("unknown", unfinished + (worker["gap"]["started_most"] if worker["gap"] else 0))
    completed = row["started"] - unfinished
    if on_loss == "degrade":
        exact(figures, field, (0, 2, 3))
        figures.say("the killed one: completed, counted by the target", "completed <= counted <= completed + unknown",
                    f"{completed:,} <= {counted:,} <= {completed:,} + {unknown:,}", completed <= counted <= completed + unknown)
        figures.say("of it not reported", "at most what a tenth of a second brings", f"{counted - completed:,}", counted - completed <= EACH_PER_S / 10, timed=True)
    seen = field.seen_ns()
    lost_s = [e["t_s"] for e in field.events("worker_lost")]
    after = (lost_s[0] if lost_s else seconds) - (at_ns - seen[0]) / SECOND_NS
    figures.say("told after the kill", "within 6 s", f"{after:.1f} s", len(lost_s) == 1 and after <= 6, timed=True)
    figures.say("exit code", LOST, field.done.code, field.done.code == LOST)
    if on_loss == "redistribute":
        share = sum(at_ns + 8 * SECOND_NS <= at < seen[0] + seconds * SECOND_NS for at in seen) / \
            (RATE_PER_S * ((seen[0] + seconds * SECOND_NS - at_ns) / SECOND_NS - 8))
        figures.say("rate from 8 s after the kill", "at least 99%", f"{share:.1%}", share >= 0.99, timed=True)


@in_measurements
def test_18_a_worker_is_killed_and_the_others_go_on(field, figures):
    killed(field, figures, "degrade")


@in_measurements
def test_18_a_worker_is_killed_and_the_others_send_its_part(field, figures):
    killed(field, figures, "redistribute", seconds=24)


# ---- 19: SIGSTOP ----

def stopped(field, figures, from_s, to_s, seconds):
    field.begin(RATE_PER_S, seconds)
    field.at(from_s)
    os.killpg(field.workers[2].process.pid, signal.SIGSTOP)
    field.at(to_s)
    os.killpg(field.workers[2].process.pid, signal.SIGCONT)
    field.end()
    whole(figures, field)


@pytest.mark.slow(12)
def test_19_a_worker_that_is_stopped_for_4_s_is_not_lost(field, figures):
    stopped(field, figures, 1, 5, 7)
    lost_and_back(figures, field, 0, 0)


@in_measurements
def test_19_a_worker_that_is_stopped_for_20_s_comes_back_once(field, figures):
    stopped(field, figures, 3, 23, 26)
    lost_and_back(figures, field, 1, 1)


# ---- 20: a worker is cut off from Redis ----

@in_measurements
def test_20_a_worker_is_cut_off_for_10_s(field, figures):
    field.begin(RATE_PER_S, 16)
    from_ns = field.at(3)
    field.bus_host.cut(field.hosts[3])
    to_ns = field.at(13)
    field.bus_host.heal()
    field.end()
    rate_held(figures, field, 3, from_ns, to_ns, "while it was cut off")
    whole(figures, field)
    lost_and_back(figures, field, 1, 1)


@in_measurements
def test_20_a_worker_is_cut_off_for_60_s(field, figures):
    field.begin(RATE_PER_S // 2, 70)
    from_ns = field.at(5)
    field.bus_host.cut(field.hosts[3])
    field.at(65)
    field.bus_host.heal()
    field.end()
    after = (field.seen_ns(3)[-1] - from_ns) / SECOND_NS
    figures.say("it stops by itself after", f"{ORPHAN_S} +- 1 s", f"{after:.1f} s", abs(after - ORPHAN_S) <= 1, timed=True)
    exact(figures, field)
    figures.say("exit code", LOST, field.done.code, field.done.code == LOST)


# ---- 21: Redis ----

KEPT = "--appendonly", "yes", "--appendfsync", "everysec"

def redis_is_back(figures, field, at_ns):
    first = field.seen_ns()[0]
    back = [first + e["t_s"] * SECOND_NS for e in field.events("bus_back")]
    after = (back[-1] - at_ns) / SECOND_NS if back else float("nan")
    figures.say("coordinator speaks to it again", "within 5 s", f"{after:.1f} s", after <= 5, timed=True)


def restarted(field, figures, empty):
    field.begin(RATE_PER_S, 12)
    field.at(3)
    field.redis.kill()
    field.at(6)
    if empty:
        shutil.rmtree(field.redis.folder / "appendonlydir")
    at_ns = time.monotonic_ns()
    field.redis.start()
    field.end()
    whole(figures, field)
    redis_is_back(figures, field, at_ns)


@in_measurements
def test_21_redis_is_killed_and_has_its_file(fields, figures):
    restarted(fields(redis=KEPT), figures, empty=False)


@in_measurements
def test_21_redis_is_killed_and_comes_back_empty(fields, figures):
    restarted(fields(redis=KEPT), figures, empty=True)


@in_measurements
def test_21_redis_is_flushed(field, figures):
    field.begin(RATE_PER_S, 10)
    for second in (2, 4.5, 7):
        field.at(second)
        field.redis.ask("FLUSHALL")
    field.end()
    whole(figures, field)


# ---- 22, 23: coordinators ----

@in_measurements
def test_22_a_coordinator_is_killed_and_resumed(field, figures):
    field.begin(RATE_PER_S, 28)
    from_ns = field.at(10)
    field.kill(field.lead)
    to_ns = field.at(20)
    field.end(lead=field.resume())
    whole(figures, field)
    for slot in range(WORKERS):
        rate_held(figures, field, slot, from_ns, to_ns, f"of worker {slot} without a coordinator")
    figures.say("sum of the seconds", f"{RATE_PER_S * 28:,}", f"{sum(s['started'] for s in field.report['seconds']):,}",
                sum(s["started"] for s in field.report["seconds"]) == RATE_PER_S * 28)


@in_measurements
def test_22_a_coordinator_is_killed_for_good(field, figures):
    field.begin(RATE_PER_S // 2, 60)
    at_ns = field.at(5)
    field.kill(field.lead)
    field.lead.wait(20)
    field.at(5 + ORPHAN_S + 3)
    for worker in field.workers:
        worker.signal(signal.SIGTERM)
    field.end()
    for slot in range(WORKERS):
        after = (field.seen_ns(slot)[-1] - at_ns) / SECOND_NS
        figures.say(f"worker {slot} stops by itself after", f"{ORPHAN_S} +- 1 s", f"{after:.1f} s", abs(after - ORPHAN_S) <= 1, timed=True)
    told = report_of(field.run_file, field.folder)
    planned = range((RATE_PER_S // 2) * 3, (RATE_PER_S // 2) * 6 + 1)
    figures.say("`pelt report` later has the seconds until then", f"{planned[0]:,} to {planned[-1]:,}", f"{told['totals']['started']:,}",
                told["totals"]["started"] in planned)


@pytest.mark.slow(22)
def test_23_a_coordinator_that_slept_through_its_lease_is_obeyed_by_nobody(field, figures):
    field.begin(RATE_PER_S, 18)
    second = field.coordinator(field.folder / "faults.lua").wait(patience(30))
    figures.say("a second one meanwhile", "refused by name", second.err.splitlines()[-1] if second.err else "", second.code == LOST and "coordinat" in second.err)
    field.at(2)
    old = field.lead
    old.signal(signal.SIGSTOP)
    refused = field.resume().wait(patience(30))  # once the lease has ended
    figures.say("a third one, on the run file that the old one holds", "refused, and harms nobody", refused.err.splitlines()[-1].replace(f"{field.folder}/", ""),
                refused.code == USAGE and "is writing it" in refused.err)
    copy = field.folder / "copy.pelt"  # as another host would have it
    for suffix in ("", "-wal"):
        shutil.copy(f"{field.run_file}{suffix}", f"{copy}{suffix}")
    new = field.resume(copy)
    while b"%d" % new.process.pid not in field.redis.ask("GET", "pelt:{pelt}:lead"):
        assert new.process.poll() is None, new.wait(1).told()
        time.sleep(0.05)
    took_s = time.monotonic() - field.began
    time.sleep(1.5)
    old.signal(signal.SIGINT)  # it would stop the run, once it can
    old.signal(signal.SIGCONT)
    end = old.wait(patience(20))
    figures.say("the old one, told to stop the run when it wakes", "ends without a report", f"exit {end.code}, {'a' if field.report_path.exists() else 'no'} report",
                end.code == LOST and not field.report_path.exists())
    figures.say("another has taken over after", "the lease of 10 s, and 3 s", f"{took_s - 2:.1f} s", took_s - 2 <= 13, timed=True)
    field.end(lead=new)
    whole(figures, field)
    torn = field.counted["paths"].get("/api/models", 0)
    figures.say("teardowns", 1, torn, torn == 1)


# ---- 24, 30: what a worker says ----

@pytest.fixture(name="uploaders")
def some_uploaders(tmp_path):
    made = []

    def start(n, seconds, *faults, **more):
        made.append(Uploaders(tmp_path / str(len(made)), n, seconds, *faults, **more))
        return made[-1]
    yield start
    for one in made:
        one.stop()


@in_measurements
def test_24_every_second_comes_thrice_in_random_order(uploaders, figures):
    said, done, told = uploaders(WORKERS, 10, "-x").end()
    figures.say("told of what was said once", "equal", f"{told['totals']['started']:,} of {said['started']:,}", told["totals"]["started"] == said["started"])
    figures.say("exit code", PASSED, done.code, done.code == PASSED)
    assert not figures.failed, figures.failed


@in_measurements
def test_24_a_second_does_not_come(uploaders, figures):
    said, done, told = uploaders(WORKERS, 5, "-d").end()
    gap, each = told["workers"][0]["gap"], said["started"] // WORKERS // 5
    named = gap and (gap["from_s"], gap["to_s"], gap["started_least"], gap["started_most"])
    figures.say("gap named: from, to, requests", f"1, 2, {each:,} to {each:,}", named, named == (1, 2, each, each))
    figures.say("told of all others", "equal", f"{told['totals']['started']:,} of {said['started'] - each:,}", told["totals"]["started"] == said["started"] - each)
    figures.say("exit code", LOST, done.code, done.code == LOST)
    assert not figures.failed, figures.failed


FRAMES = 1_000_000 if MEASURED else 10_000


@pytest.mark.slow(8)
def test_30_broken_frames_harm_nobody(uploaders, figures):
    """Cut, changed, of other kinds and too long ones: all of them behind honest seconds of the first worker, no more of them in a second than
    two cores carry."""
    run = uploaders(WORKERS, 40 if MEASURED else 4, "-g", FRAMES, series=2, samples=50)
    said, done, told = run.end()
    honest = [w["started"] for w in told["workers"][1:]]
    figures.say("broken frames of worker 0, refused and counted", f"{FRAMES:,}", f"{told['workers'][0]['refused']:,}", told["workers"][0]["refused"] == FRAMES)
    figures.say("requests of the other workers", "equal", f"{sum(honest):,} of {said['started'] // 4 * 3:,}", honest == [said["started"] // 4] * 3)
    figures.say("refused of theirs", 0, sum(w["refused"] for w in told["workers"][1:]), all(w["refused"] == 0 for w in told["workers"][1:]))
    figures.say("exit code of the coordinator", PASSED, done.code, done.code == PASSED)
    assert not figures.failed, figures.failed


# ---- 25, 26: who does not fit ----

@in_measurements
def test_25_two_workers_claim_one_slot(field, figures):
    field.begin(RATE_PER_S, 6)
    second = field.worker(1).wait(patience(20))
    field.end()
    said = second.err.strip().splitlines()
    figures.say("the second one", "refused by name", said[-1] if said else "", second.code == LOST and "slot 1" in second.err)
    whole(figures, field)


@in_measurements
def test_26_a_worker_of_another_version(field, figures):
    hello = bytes([2, 2, 5]) + b"9.9.9" + bytes([5]) + b"build"  # kind, protocol, version, build, and what protocol 2 may have
    field.redis.ask("SET", "pelt:{pelt}:claim:0", "0123456789abcdef other-host:4711")
    field.redis.ask("XADD", "pelt:{pelt}:w:0:0123456789abcdef", "0-1", "m", hello)
    (field.folder / "one.lua").write_text('local pelt = require "pelt"\nreturn { load = { rate = "10/s", duration = "1s" }, iteration = function() pelt.http.get("/") end }\n')
    field.ends, field.done = [], field.coordinator(field.folder / "one.lua").wait(patience(20))
    both = "9.9.9" in field.done.err and "protocol 2" in field.done.err and "protocol 1" in field.done.err
    figures.say("refused before the start", "both versions named", field.done.err.strip().splitlines()[-1], field.done.code == USAGE and both)
    figures.say("requests sent", 0, field.target.count()["total"], field.target.count()["total"] == 0)


# ---- 27, 28: clocks, and a bad way to Redis ----

@pytest.mark.slow(7)
def test_27_wall_clocks_of_workers_are_wrong_by_300_s(field, figures):
    wrong = lambda by_s: ("env", f"LD_PRELOAD={BIN / 'wrong_clock.so'}", f"WRONG_CLOCK_S={by_s}")
    seconds = 10 if MEASURED else 3
    field.begin(RATE_PER_S, seconds, before=(wrong(300), wrong(-300), (), ()))
    field.end()
    whole(figures, field)
    seen = [field.seen_ns(slot) for slot in range(WORKERS)]
    first = seen[0][0]
    late = [statistics.median(at - first - (k * WORKERS + slot) * SECOND_NS // RATE_PER_S for k, at in enumerate(seen[slot])) for slot in range(WORKERS)]
    spread = (max(late) - min(late)) / 1e6
    figures.say("start spread", "at most 2 ms", f"{spread:.2f} ms", spread <= 2, timed=True)
    a_second = [s["started"] for s in field.report["seconds"]][:seconds]  # an arrival at the very end is of the one behind
    figures.say("requests of each second", f"{RATE_PER_S:,}, within 1%", f"{min(a_second):,} to {max(a_second):,}",
                all(abs(n / RATE_PER_S - 1) <= 0.01 for n in a_second), timed=True)


@pytest.mark.slow(10)
def test_28_a_third_of_what_goes_to_redis_is_lost_and_the_rest_is_slow(field, figures):
    seconds = 20 if MEASURED else 5
    field.begin(RATE_PER_S, seconds)
    from_ns = field.at(1)
    field.bus_host.disturb(*field.hosts, lost_percent=30, bytes_per_s=10_000)
    to_ns = field.at(seconds - 1)
    field.at(seconds + 1)
    field.bus_host.heal()
    field.end()
    for slot in range(WORKERS):
        rate_held(figures, field, slot, from_ns, to_ns, f"of worker {slot} meanwhile")
    whole(figures, field)
