"""Runs of many hosts over a real redis-server: nothing is lost and nothing counted twice."""
import collections
import json
import os
import re
import resource
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from fleet import REDIS, Fleet, Gate, Recorder, Redis, patience
from program import PASSED, PELT, ROOT, USAGE, if_quiet, in_a_quiet_moment, outcomes_add_up, report_of, run

pytestmark = pytest.mark.skipif(REDIS is None, reason="no redis-server here")

LOST = 6


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path / "redis")
    yield server
    server.stop()


@pytest.fixture
def fleet(tmp_path, redis):
    group = Fleet(tmp_path, redis)
    yield group
    group.stop()


@pytest.fixture
def recorder():
    server = Recorder()
    yield server
    server.stop()


def scenario(tmp_path, load, *, body='pelt.http.get("/api/status", { name = "status" })', more="", before="", name="fleet.lua"):
    path = tmp_path / name
    path.write_text(f"""
local pelt = require "pelt"
{before}
return {{ load = {load}, {more}
  iteration = function(user, data) {body} end }}
""")
    return path


def led(fleet, path, n, server, *options, env=None):
    """A coordinator, and where its report will be."""
    report = fleet.folder / "report.json"
    return fleet.run(path, n, "--target", server.url, "--allow-invalid", "--out", f"json={report}", "--run-file",
                     fleet.folder / "run.pelt", *options, env=env), report


def counted(server, wanted):
    """Waits until the server has got so many requests."""
    deadline = time.monotonic() + 60
    while server.count()["total"] < wanted:
        assert time.monotonic() < deadline, server.count()
        time.sleep(0.02)


def wait_for(true):
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ended(workers):
    return [w.wait(patience(60)) for w in workers]


def codes(ends):
    return [e.code for e in ends]


def told_by(done, ends):
    return done.told() + "".join(e.told() for e in ends)


def whole(server, report, done, ends):
    """Nothing is lost and nothing is counted twice."""
    outcomes_add_up(report)
    assert report["totals"]["started"] == server.settled_count()["total"], told_by(done, ends)
    assert report["totals"]["started"] == sum(w["started"] for w in report["workers"]), report["workers"]
    assert all(w["gap"] is None and w["refused"] == 0 for w in report["workers"]), report["workers"]


@pytest.mark.sanitize
def test_two_workers_send_what_one_host_would(recorder, fleet, tmp_path):
    server = recorder
    (tmp_path / "words.lua").write_text('return { name = "row" }')
    (tmp_path / "users.csv").write_text("id\n" + "".join(f"{i}\n" for i in range(1000)))
    path = scenario(tmp_path, '{ rate = "200/s", duration = "2s" }',
                    before='local words = require "words"\nlocal rows = pelt.data.csv("users.csv", { order = "unique" })',
                    body='pelt.http.get("/row/" .. rows:next().id .. "/" .. data.token .. pelt.env("WHO"), { name = words.name })',
                    more='setup = function() return { token = "t1" } end,')
    workers = fleet.workers(2)
    coordinator, report = led(fleet, path, 2, server, env={"WHO": "me"})
    done = coordinator.wait(patience(60))
    ends = ended(workers)
    assert done.code == PASSED and codes(ends) == [0, 0], told_by(done, ends)
    told = json.loads(report.read_text())
    whole(server, told, done, ends)
    assert told["totals"]["started"] == 400 and [w["started"] for w in told["workers"]] == [200, 200]
    assert [w["state"] for w in told["workers"]] == ["done", "done"] and told["run"]["hosts"] == 2
    assert report_of(tmp_path / "run.pelt", tmp_path)["totals"] == told["totals"]
    rows = [path.split("/") for path in server.paths]
    assert sorted(int(r[2]) for r in rows) == list(range(400)) and {r[3] for r in rows} == {"t1me"}


def test_one_worker_has_the_plan_of_a_run_without_a_bus(recorder, fleet, tmp_path):
    server = recorder
    path = scenario(tmp_path, '{ users = 3, iterations = 50, duration = "20s" }',
                    body='pelt.http.get("/user/" .. user.id .. "/" .. user.rng:int(1, 1000000), { name = "n" })')
    alone = run(path, "--target", server.url, cwd=tmp_path)
    assert alone.code == PASSED, alone.told()
    workers = fleet.workers(1)
    coordinator, report = led(fleet, path, 1, server)
    done = coordinator.wait(patience(60))
    ends = ended(workers)
    assert done.code == PASSED and codes(ends) == [0], told_by(done, ends)
    assert json.loads(report.read_text())["totals"]["started"] == alone.report["totals"]["started"] == 50
    users = [p.split("/")[2] for p in server.paths]
    drawn = [[p for u, p in zip(users[half], server.paths[half]) if u == user] for user in "012" for half in (slice(50), slice(50, 100))]
    assert set(users) == {"0", "1", "2"}
    for a, b in zip(drawn[0::2], drawn[1::2]):  # who is faster does more; what a user draws is the same
        both = min(len(a), len(b))
        assert both > 0 and a[:both] == b[:both]


def test_users_and_iterations_are_split_without_a_rest(recorder, fleet, tmp_path):
    server = recorder
    path = scenario(tmp_path, '{ users = 5, iterations = 101, duration = "30s" }',
                    body='pelt.http.get("/user/" .. user.id, { name = "n" })')
    workers = fleet.workers(3)
    coordinator, report = led(fleet, path, 3, server)
    done = coordinator.wait(patience(60))
    ends = ended(workers)
    assert done.code == PASSED and codes(ends) == [0, 0, 0], told_by(done, ends)
    told = json.loads(report.read_text())
    whole(server, told, done, ends)
    assert sorted(w["started"] for w in told["workers"]) == [33, 34, 34]
    assert set(server.paths) == {f"/user/{i}" for i in range(5)}


def test_what_users_share_is_one_for_all_hosts(recorder, fleet, tmp_path):
    path = scenario(tmp_path, '{ rate = "100/s", duration = "1s" }',
                    before='local n, jobs = pelt.shared.counter("n"), pelt.shared.queue("jobs")',
                    body='pelt.http.get("/n/" .. n:add() .. "/" .. (jobs:pop() or { id = "none" }).id, { name = "n" })',
                    more="""setup = function() for i = 1, 60 do jobs:push({ id = "j" .. i }) end return {} end,
  teardown = function() pelt.http.get("/end/" .. n:get() .. "/" .. jobs:len(), { name = "end" }) end,""")
    for _ in range(2):  # nothing of the first run is in the second one
        recorder.paths.clear()
        workers = fleet.workers(2)
        coordinator, report = led(fleet, path, 2, recorder)
        done = coordinator.wait(patience(60))
        ends = ended(workers)
        assert done.code == PASSED and codes(ends) == [0, 0], told_by(done, ends)
        (tmp_path / "run.pelt").unlink()
        words = [p.split("/")[1:] for p in recorder.paths]
        assert words.pop() == ["end", "100", "0"]
        assert sorted(int(w[1]) for w in words) == list(range(1, 101))
        popped = sorted(w[2] for w in words)
        assert popped == sorted([f"j{i}" for i in range(1, 61)] + ["none"] * 40)


@pytest.mark.slow(8)
def test_a_bus_that_hangs_is_no_endless_loop(recorder, fleet, redis, tmp_path):
    path = scenario(tmp_path, '{ rate = "40/s", duration = "4s" }', before='local n = pelt.shared.counter("n")', body='pelt.http.get("/" .. n:add(), { name = "n" })')
    worker = fleet.worker()
    coordinator, report = led(fleet, path, 1, recorder, "--threads", "2")
    wait_for(lambda: len(recorder.paths) >= 60)
    redis.process.send_signal(signal.SIGSTOP)
    time.sleep(2)
    redis.process.send_signal(signal.SIGCONT)
    done, end = coordinator.wait(patience(60)), worker.wait(patience(60))
    told = json.loads(report.read_text())
    assert "endless loop" not in done.told() + end.told() and end.code == 0, done.told() + end.told()
    assert told["totals"]["started"] == 160 and len(set(recorder.paths)) == 160, told["totals"]


def test_a_queue_over_a_bus_has_a_limit(recorder, fleet, tmp_path):
    path = scenario(tmp_path, '{ rate = "20/s", duration = "1s" }', before='local jobs = pelt.shared.queue("jobs")', body='pelt.http.get("/", { name = "n" })',
                    more="""setup = function()
    local mib, n, good, why = ("x"):rep(1000000), 0, true
    while good and n < 80 do good, why = pcall(jobs.push, jobs, mib) n = good and n + 1 or n end
    jobs:pop() jobs:pop()
    assert(not good, n)
    pelt.http.get("/pushed/" .. n .. "/" .. tostring(pcall(jobs.push, jobs, mib)) .. "/" .. tostring(why):match("%d+ MiB"):gsub(" ", ""), { name = "setup" })
  end,""")
    worker = fleet.worker()
    coordinator, report = led(fleet, path, 1, recorder)
    done, end = coordinator.wait(patience(60)), worker.wait(patience(60))
    assert done.code == PASSED and end.code == 0, done.told() + end.told()
    _, _, pushed, again, limit = recorder.paths[0].split("/")
    assert 64 <= int(pushed) <= 67 and again == "true" and limit == "64MiB", recorder.paths[0]


def test_what_a_run_leaves_at_the_bus_goes_by_itself(recorder, fleet, redis, tmp_path):
    path = scenario(tmp_path, '{ rate = "20/s", duration = "2s" }', before='local n, jobs = pelt.shared.counter("n"), pelt.shared.queue("jobs")',
                    body='jobs:push("a") pelt.http.get("/" .. n:add(), { name = "n" })')
    spare = fleet.worker("--slot", "3")
    worker = fleet.worker("--slot", "0")
    coordinator, report = led(fleet, path, 1, recorder)
    wait_for(lambda: len(recorder.paths) >= 20)
    kinds = ["w:3:*", "w:0:*", "shared:*:n", "shared:*:jobs", "files", "ctl", "epoch", "ack:0", "beat", "lead", "claim:0", "hb:0"]
    for key in kinds:
        wait_for(lambda: redis.keys(f"pelt:{{pelt}}:{key}"))
        found = [name.decode() for name in redis.keys(f"pelt:{{pelt}}:{key}")]
        assert found and all(int(redis.ask("TTL", name)[1:]) > 0 for name in found), (key, found, [redis.ask("TTL", name) for name in found])
    done = coordinator.wait(patience(60))
    spare.signal(signal.SIGTERM)
    assert done.code == PASSED and worker.wait(patience(30)).code == 0, done.told()
    spare.wait(patience(20))
    left = {name.decode(): redis.ask("TTL", name) for name in redis.keys("*")}
    assert left and not [name for name, ttl in left.items() if ttl == b":-1"], left


@pytest.mark.slow(6)
def test_an_id_of_a_second_that_cannot_be_is_passed_over(recorder, fleet, redis, tmp_path):
    """Of whoever may write into another worker's stream."""
    path = scenario(tmp_path, '{ rate = "100/s", duration = "3s" }', body='pelt.http.get("/", { name = "n" })')
    workers = [fleet.worker("--slot", str(i)) for i in range(2)]
    coordinator, report = led(fleet, path, 2, recorder)
    wait_for(lambda: len(recorder.paths) >= 100)
    stream, = redis.keys("pelt:{pelt}:w:0:*")
    for i in range(8):  # the worker takes it away each time
        redis.ask("XADD", stream, f"999999999-{i + 1}", "m", "x")
        time.sleep(0.1)
    done = coordinator.wait(patience(60))
    ends = ended(workers)
    told = json.loads(report.read_text())
    assert done.code == PASSED and codes(ends) == [0, 0], told_by(done, ends)
    assert told["totals"]["started"] == 300 == len(recorder.paths) and [w["started"] for w in told["workers"]] == [150, 150], told["workers"]
    assert told["workers"][0]["refused"] > 0 and "cannot be yet" in done.err and "somebody else wrote" in ends[0].err, told_by(done, ends)


def test_all_begin_at_one_moment(target, fleet, tmp_path):
    in_a_quiet_moment(lambda attempt: begun_together(target, fleet, tmp_path))


def begun_together(target, fleet, tmp_path):
    server = target()
    path = scenario(tmp_path, '{ rate = "100/s", duration = "2s" }')
    workers = fleet.workers(2)
    coordinator, report = led(fleet, path, 2, server)
    done = coordinator.wait(patience(60))
    ends = ended(workers)
    assert done.code == PASSED, told_by(done, ends)
    told = json.loads(report.read_text())
    (tmp_path / "run.pelt").unlink()
    server.stop()
    begun = [line["begin_ns"] for line in server.requests()]
    assert len(begun) == 200
    # Arrival k is due at k * 10 ms, whichever worker sends it.
    late = [(b - begun[0]) / 1e6 - 10 * k for k, b in enumerate(begun)]
    spread = abs(statistics.median(late[0::2]) - statistics.median(late[1::2]))
    if_quiet(spread <= 2, (spread, late))
    assert all(0 < w["clock_bound_ms"] < 50 for w in told["workers"]), told["workers"]


@pytest.mark.sanitize
@pytest.mark.slow(9)
def test_a_flushed_and_a_restarted_empty_redis_lose_nothing(target, fleet, redis, tmp_path):
    server = target()
    path = scenario(tmp_path, '{ rate = "100/s", duration = "6s" }')
    workers = fleet.workers(2)
    coordinator, report = led(fleet, path, 2, server)
    counted(server, 100)
    redis.ask("FLUSHALL")
    counted(server, 250)
    redis.kill()
    counted(server, 350)
    redis.start()
    done = coordinator.wait(patience(60))
    ends = ended(workers)
    assert done.code == PASSED and codes(ends) == [0, 0], told_by(done, ends)
    told = json.loads(report.read_text())
    whole(server, told, done, ends)
    assert told["totals"]["started"] == 600
    assert {"bus_lost", "bus_back"} <= {e["kind"] for e in told["events"]}, told["events"]


@pytest.mark.slow(13)
@pytest.mark.parametrize("on_loss", ["degrade", "redistribute"])
def test_a_killed_worker_is_named_and_the_others_go_on(target, fleet, tmp_path, on_loss):
    server = target()
    path = scenario(tmp_path, '{ rate = "100/s", duration = "12s" }')
    workers = fleet.workers(2)
    coordinator, report = led(fleet, path, 2, server, "--orphan-timeout", "4s", "--on-loss", on_loss)
    counted(server, 150)
    os.killpg(workers[0].process.pid, signal.SIGKILL)
    done = coordinator.wait(patience(60))
    ends = ended(workers[1:])
    assert done.code == LOST and codes(ends) == [0], told_by(done, ends)
    told = json.loads(report.read_text())
    outcomes_add_up(told)
    lost, = [w for w in told["workers"] if w["state"] == "lost"]
    assert "was lost" in " ".join(told["result"]["reasons"]), told["result"]
    gap = lost["gap"]  # what the plan had for it until its end, and no more
    assert gap["from_s"] == lost["seconds"] and 50 * (gap["to_s"] - gap["from_s"] - 1) < gap["started_most"] <= 50 * (gap["to_s"] - gap["from_s"]), lost
    other, = [w for w in told["workers"] if w["state"] == "done"]
    seen = server.settled_count()["total"] - other["started"]
    assert 0 < lost["started"] <= seen <= lost["started"] + 100, (lost, other)
    kinds = {e["kind"] for e in told["events"]}
    assert "worker_lost" in kinds
    if on_loss == "degrade":
        assert other["started"] == 600 and gap["to_s"] == 12
    else:
        assert lost["gap"]["to_s"] < 12, lost
        assert "redistribute" in kinds and told["seconds"][11]["started"] >= 99, told["seconds"]
        assert other["started"] > 700


@pytest.mark.sanitize
@pytest.mark.slow(6)
@pytest.mark.parametrize("shape, under_way", [('{ users = 8, duration = "5s" }', 4), ('{ rate = "400/s", duration = "5s" }', 200)])
def test_of_a_killed_worker_only_what_was_under_way_is_unknown(target, fleet, tmp_path, shape, under_way):
    server = target("--service-time", "20ms")
    path = scenario(tmp_path, shape)
    workers = [fleet.worker("--slot", str(i)) for i in range(2)]
    coordinator, report = led(fleet, path, 2, server, "--threads", "2")
    counted(server, 600)
    workers[0].process.kill()  # the process alone: its keeper is another one
    done = coordinator.wait(patience(60))
    ends = ended(workers)
    assert done.code == LOST and codes(ends) == [-signal.SIGKILL, 0], told_by(done, ends)
    told = json.loads(report.read_text())
    outcomes_add_up(told)
    killed, other = told["workers"]
    assert [killed["state"], other["state"]] == ["killed", "done"], told["workers"]
    assert killed["refused"] == 0 and killed["unknown"] <= under_way and killed["reason"] == "", killed
    totals, seen = told["totals"], server.settled_count()["total"]
    assert totals["outcomes"].get("unfinished", 0) == killed["unknown"], (totals, killed)
    assert totals["started"] - killed["unknown"] <= seen <= totals["started"], (totals, seen)
    assert totals["started"] == killed["started"] + other["started"]
    assert totals["response_ms"]["count"] == totals["started"] - killed["unknown"], totals  # their times are there, too
    assert killed["gap"]["from_s"] == killed["seconds"] - 1, killed
    lost = [e for e in told["events"] if e["kind"] == "worker_lost"]
    assert len(lost) == 1 and "was killed" in lost[0]["text"] and "was killed" in " ".join(told["result"]["reasons"]), told["events"]
    assert "requests are handed in" in ends[0].err, ends[0].err  # by the keeper
    assert not list(tmp_path.glob("pelt-worker-*"))


def redistributed(told):
    """From when on the others had it, of each loss."""
    return [float(re.search(r"from second ([\d.]+) on", e["text"]).group(1)) + 0.05 for e in told["events"] if e["kind"] == "redistribute"]


def once(recorder, numbers):
    """Of these rows each came once, and of all others none twice."""
    came = collections.Counter(int(p.split("/")[2]) for p in recorder.paths if p.startswith("/row/"))
    assert not [n for n, times in came.items() if times > 1], came
    missing = [n for n in numbers if n not in came]
    assert not missing, missing


ROWS = 'local rows = pelt.data.csv("users.csv", { order = "unique" })'
ROW = 'pelt.http.get("/row/" .. rows:next().id, { name = "row" })'


def rows_in(tmp_path, n):
    (tmp_path / "users.csv").write_text("id\n" + "".join(f"{i}\n" for i in range(n)))


@pytest.mark.slow(11)
def test_what_two_killed_workers_were_to_send_comes_from_the_others(recorder, fleet, tmp_path):
    rows_in(tmp_path, 2000)
    path = scenario(tmp_path, '{ rate = "150/s", duration = "9s" }', before=ROWS, body=ROW)
    workers = [fleet.worker("--slot", str(i)) for i in range(4)]
    coordinator, report = led(fleet, path, 4, recorder, "--on-loss", "redistribute", "--threads", "2")
    wait_for(lambda: len(recorder.paths) >= 150)
    workers[2].process.kill()
    wait_for(lambda: len(recorder.paths) >= 600)
    workers[0].process.kill()
    done = coordinator.wait(patience(60))
    ends = ended(workers)
    assert done.code == LOST and codes(ends) == [-signal.SIGKILL, 0, -signal.SIGKILL, 0], told_by(done, ends)
    told = json.loads(report.read_text())
    outcomes_add_up(told)
    first, second = redistributed(told)
    killed = [w["lost_s"] for w in told["workers"] if w["state"] == "killed"]
    assert first - min(killed) <= 2.5 and second - max(killed) <= 2.5, told["events"]
    once(recorder, [k for k in range(1350) if first <= k / 150 < max(killed) - 0.5 or second <= k / 150])
    assert all(w["gap"]["to_s"] <= 10 for w in told["workers"] if w["gap"]), told["workers"]


@pytest.mark.slow(9)
def test_of_a_mix_all_loads_are_taken_over(recorder, fleet, tmp_path):
    rows_in(tmp_path, 1000)
    path = tmp_path / "fleet.lua"
    path.write_text(f"""
local pelt = require "pelt"
{ROWS}
return {{ pacing = "500ms", load = pelt.load.mix {{
  rows = {{ rate = "80/s", duration = "7s", iteration = function() {ROW} end }},
  users = {{ users = 7, duration = "7s", iteration = function(user) pelt.http.get("/user/" .. user.id, {{ name = "user" }}) end }} }} }}
""")
    workers = [fleet.worker("--slot", str(i)) for i in range(3)]
    coordinator, report = led(fleet, path, 3, recorder, "--on-loss", "redistribute", "--threads", "1")
    wait_for(lambda: len(recorder.paths) >= 100)
    workers[1].process.kill()
    done = coordinator.wait(patience(60))
    ends = ended(workers)
    assert done.code == LOST and codes(ends) == [0, -signal.SIGKILL, 0], told_by(done, ends)
    told = json.loads(report.read_text())
    begun, = redistributed(told)
    rows = sorted({int(p.split("/")[2]) for p in recorder.paths if p.startswith("/row/")})
    assert rows[0] == 7, rows  # users have the places before
    once(recorder, [7 + k for k in range(560) if begun <= k / 80])
    users = collections.Counter(p for p in recorder.paths if p.startswith("/user/"))
    assert set(users) == {f"/user/{u}" for u in range(7)}, users
    per_s = [s["started"] for s in told["seconds"]][int(begun) + 1:6]
    assert min(per_s) >= 0.95 * (80 + 14), (begun, per_s)


@pytest.mark.slow(9)
def test_a_replay_is_taken_over(recorder, fleet, tmp_path):
    (tmp_path / "trace.jsonl").write_text("".join(f'{{"t": {i / 100}, "method": "GET", "path": "/row/{i}"}}\n' for i in range(600)))
    path = tmp_path / "fleet.lua"
    path.write_text('local pelt = require "pelt"\nreturn { load = pelt.load.replay("trace.jsonl") }\n')
    workers = [fleet.worker("--slot", str(i)) for i in range(2)]
    coordinator, report = led(fleet, path, 2, recorder, "--on-loss", "redistribute")
    wait_for(lambda: len(recorder.paths) >= 120)
    workers[0].process.kill()
    done = coordinator.wait(patience(60))
    ends = ended(workers)
    assert done.code == LOST and codes(ends) == [-signal.SIGKILL, 0], told_by(done, ends)
    begun, = redistributed(json.loads(report.read_text()))
    once(recorder, [i for i in range(600) if begun <= i / 100])


@pytest.mark.slow(9)
@pytest.mark.parametrize("load", ['pelt.load.shape { max = "100/s", duration = "7s", shape = function(t) return 60 + 10 * (t % 3) end }',
                                  'pelt.load.stress { from = "60/s", step = "10/s", max = "80/s", every = "3s", verify = 1, hysteresis = false, duration = "30s", slo = { "http_response p95 < 60s" } }'],
                         ids=["shape", "stress"])
def test_a_load_decided_as_it_goes_is_taken_over(recorder, fleet, tmp_path, load):
    rows_in(tmp_path, 2400)
    path = scenario(tmp_path, load, before=ROWS, body=ROW)
    workers = [fleet.worker("--slot", str(i)) for i in range(3)]
    coordinator, report = led(fleet, path, 3, recorder, "--on-loss", "redistribute", "--threads", "2")
    wait_for(lambda: len(recorder.paths) >= 90)
    workers[1].process.kill()
    done = coordinator.wait(patience(90))
    ends = ended(workers)
    assert done.code == LOST and codes(ends) == [0, -signal.SIGKILL, 0], told_by(done, ends)
    told = json.loads(report.read_text())
    begun, = redistributed(told)
    came = sorted(int(p.split("/")[2]) for p in recorder.paths)
    before = sum(s["started"] for s in told["seconds"][:int(begun) + 1])
    once(recorder, range(before + 100, came[-1] + 1))


@pytest.mark.slow(15)
def test_a_worker_that_was_thought_lost_does_not_send_what_others_send_now(recorder, fleet, redis, tmp_path):
    rows_in(tmp_path, 2000)
    path = scenario(tmp_path, '{ rate = "60/s", duration = "12s" }', before=ROWS, body=ROW)
    gate = Gate(redis)
    workers = [fleet.worker("--slot", "0"), fleet.worker("--slot", "1", "--bus", gate.url)]
    coordinator, report = led(fleet, path, 2, recorder, "--on-loss", "redistribute")
    try:
        wait_for(lambda: len(recorder.paths) >= 60)
        gate.cut()
        time.sleep(7)
        gate.heal()
        healed = len(recorder.paths)
        done = coordinator.wait(patience(60))
        ends = ended(workers)
    finally:
        gate.stop()
    assert done.code == LOST and codes(ends) == [0, LOST] and "given to the other" in ends[1].err, told_by(done, ends)
    told = json.loads(report.read_text())
    outcomes_add_up(told)
    assert told["totals"]["started"] == len(recorder.paths) and told["workers"][1]["state"] == "ended early", told["workers"]
    came = collections.Counter(int(p.split("/")[2]) for p in recorder.paths)
    assert set(came) == set(range(720))  # none is missing
    after = collections.Counter(int(p.split("/")[2]) for p in recorder.paths[healed + 120:])
    assert max(after.values()) == 1, after


@pytest.mark.slow(9)
def test_who_takes_a_lost_workers_place_ends_at_once_and_does_not_live_for_it(target, fleet, redis, tmp_path):
    server = target()
    path = scenario(tmp_path, '{ rate = "100/s", duration = "6s" }')
    workers = [fleet.worker("--slot", str(i)) for i in range(2)]
    coordinator, report = led(fleet, path, 2, server, "--orphan-timeout", "2s")
    counted(server, 150)
    os.killpg(workers[1].process.pid, signal.SIGKILL)
    redis.ask("DEL", "pelt:{pelt}:claim:1")  # as it does by itself, 15 s later
    late = fleet.worker("--slot", "1").wait(patience(20))
    assert late.code == LOST and "began without this worker, of slot 1" in late.err, late.told()
    for beats in range(10000):  # another one that does not end
        if coordinator.process.poll() is not None:
            break
        redis.ask("SET", "pelt:{pelt}:hb:1", f"0123456789abcdef {beats}")
        time.sleep(0.1)
    done = coordinator.wait(patience(60))
    assert done.code == LOST and codes(ended(workers[:1])) == [0], done.told()
    told = json.loads(report.read_text())
    assert [e for e in told["events"] if e["kind"] == "worker_lost" and "was not heard" in e["text"]], told["events"]


def test_a_worker_that_is_ready_for_one_coordinator_does_not_wait_under_another(fleet, redis, tmp_path):
    path = scenario(tmp_path, '{ rate = "50/s", duration = "1s" }')
    workers = [fleet.worker("--slot", str(i)) for i in range(2)]
    streams = []
    for slot in range(2):
        while (owner := redis.ask("GET", f"pelt:{{pelt}}:claim:{slot}")) == b"$-1":
            time.sleep(0.02)
        streams.append(f"pelt:{{pelt}}:w:{slot}:{owner.split()[0].decode()}")
    wait_for(lambda: [redis.ask("XLEN", s) for s in streams] == [b":1", b":1"])  # both said HELLO
    os.killpg(workers[1].process.pid, signal.SIGSTOP)
    first = fleet.run(path, 2, "--target", "http://127.0.0.1:9")
    wait_for(lambda: redis.ask("XLEN", streams[0]) == b":2")  # READY
    os.killpg(first.process.pid, signal.SIGKILL)
    redis.ask("DEL", "pelt:{pelt}:lead")  # as it does by itself, 10 s later
    second = fleet.run(path, 2, "--target", "http://127.0.0.1:9").wait(patience(30))
    assert second.code == USAGE and "worker 0" in second.err and "another coordinator came with a plan" in second.err, second.told()
    assert workers[0].wait(patience(20)).code == LOST


def test_a_hole_in_the_slots_is_filled_by_a_worker_that_waits(target, fleet, redis, tmp_path):
    server = target()
    path = scenario(tmp_path, '{ rate = "50/s", duration = "1s" }')
    workers = []
    for slot in range(3):
        workers.append(fleet.worker())
        while redis.ask("GET", f"pelt:{{pelt}}:claim:{slot}") == b"$-1":
            time.sleep(0.02)
    workers[1].signal(signal.SIGTERM)
    assert workers.pop(1).wait(patience(20)).code == 143
    coordinator, report = led(fleet, path, 2, server)
    done = coordinator.wait(patience(60))
    ends = ended(workers)
    assert done.code == PASSED and codes(ends) == [0, 0], told_by(done, ends)
    assert "nobody has 1" in ends[1].err, ends[1].told()
    whole(server, json.loads(report.read_text()), done, ends)


@pytest.mark.slow(6)
def test_a_run_that_is_cut_has_all_that_came(target, fleet, tmp_path):
    server = target()
    path = scenario(tmp_path, '{ rate = "100/s", duration = "60s" }')
    workers = fleet.workers(2)
    coordinator, report = led(fleet, path, 2, server)
    counted(server, 150)
    os.killpg(workers[0].process.pid, signal.SIGSTOP)  # the others' seconds wait for its
    before = server.count()["total"]
    counted(server, before + 120)
    for _ in range(2):
        coordinator.signal(signal.SIGINT)
        time.sleep(0.3)
    done = coordinator.wait(patience(30))
    assert done.code == 130, done.told()
    told = json.loads(report.read_text())
    assert told["totals"]["started"] == sum(w["started"] for w in told["workers"]) == sum(s["started"] for s in told["seconds"]), told["workers"]
    assert "nan" not in done.told(), done.told()
    lost = [w for w in told["workers"] if w["state"] == "lost"]
    assert all(w["lost_s"] > 1 and w["gap"]["started_most"] <= 50 * (w["gap"]["to_s"] - w["gap"]["from_s"]) for w in lost) and lost, told["workers"]


@pytest.mark.slow(16)
def test_nobody_waits_for_a_worker_that_lives_but_says_nothing(target, fleet, redis, tmp_path):
    server = target()
    path = scenario(tmp_path, '{ rate = "50/s", duration = "14s" }')
    workers = [fleet.worker("--slot", str(i)) for i in range(2)]
    coordinator, report = led(fleet, path, 2, server)
    counted(server, 75)
    os.killpg(workers[0].process.pid, signal.SIGSTOP)
    incarnation = redis.ask("GET", "pelt:{pelt}:claim:0").split()[0].decode()
    for beats in range(120):
        redis.ask("SET", "pelt:{pelt}:hb:0", f"{incarnation} s{beats}")
        time.sleep(0.1)
    os.killpg(workers[0].process.pid, signal.SIGCONT)
    done = coordinator.wait(patience(60))
    ends = ended(workers)
    told = json.loads(report.read_text())
    whole(server, told, done, ends)
    assert done.code == PASSED and codes(ends) == [0, 0], told_by(done, ends)
    kinds = [e["kind"] for e in told["events"]]
    assert kinds.count("worker_lags") == 1 and "worker_lost" not in kinds, told["events"]
    assert sum(s["started"] for s in told["seconds"]) == told["totals"]["started"]


@pytest.mark.slow(12)
def test_a_worker_that_was_silent_comes_back_and_is_counted_once(target, fleet, tmp_path):
    server = target()
    path = scenario(tmp_path, '{ rate = "100/s", duration = "9s" }')
    workers = fleet.workers(2)
    coordinator, report = led(fleet, path, 2, server)
    counted(server, 150)
    os.killpg(workers[0].process.pid, signal.SIGSTOP)
    time.sleep(6.5)
    os.killpg(workers[0].process.pid, signal.SIGCONT)
    done = coordinator.wait(patience(60))
    ends = ended(workers)
    told = json.loads(report.read_text())
    whole(server, told, done, ends)
    assert {"worker_lost", "worker_back"} <= {e["kind"] for e in told["events"]}, told["events"]
    assert done.code == PASSED and codes(ends) == [0, 0], told_by(done, ends)
    assert told["totals"]["started"] + told["totals"]["dropped"] == 900


@pytest.mark.slow(13)
def test_a_worker_that_is_cut_off_goes_on_and_hands_all_in_afterwards(target, fleet, redis, tmp_path):
    server = target()
    path = scenario(tmp_path, '{ rate = "100/s", duration = "10s" }')
    gate = Gate(redis)
    workers = [fleet.worker(), fleet.worker("--bus", gate.url)]
    coordinator, report = led(fleet, path, 2, server)
    try:
        counted(server, 150)
        gate.cut()
        time.sleep(6.5)
        gate.heal()
        done = coordinator.wait(patience(60))
        ends = ended(workers)
    finally:
        gate.stop()
    told = json.loads(report.read_text())
    whole(server, told, done, ends)
    assert done.code == PASSED and codes(ends) == [0, 0], told_by(done, ends)
    assert told["totals"]["started"] == 1000 and [w["started"] for w in told["workers"]] == [500, 500]
    assert {"worker_lost", "worker_back"} <= {e["kind"] for e in told["events"]}, told["events"]


@pytest.mark.slow(10)
def test_workers_without_a_coordinator_stop_by_themselves(target, fleet, tmp_path):
    server = target()
    path = scenario(tmp_path, '{ rate = "50/s", duration = "60s" }')
    workers = [fleet.worker("--orphan-timeout", "2s") for _ in range(2)]
    coordinator, report = led(fleet, path, 2, server)
    counted(server, 130)
    killed = time.monotonic()
    os.killpg(coordinator.process.pid, signal.SIGKILL)
    asked = fleet.ctl("mark", "somebody there?")
    ends = ended(workers)
    unheard = asked.wait(patience(20))
    assert unheard.code == USAGE and "did not say within 5 s" in unheard.err, unheard.told()
    assert codes(ends) == [LOST, LOST], "".join(e.told() for e in ends)
    assert all("not heard for 2 s" in e.err for e in ends), ends[0].err
    assert time.monotonic() - killed < patience(15)
    assert server.settled_count()["total"] < 50 * 10
    told = report_of(tmp_path / "run.pelt", tmp_path)
    assert 0 < told["totals"]["started"] <= server.count()["total"]


@pytest.mark.slow(16)
def test_a_killed_coordinator_is_resumed_and_nothing_is_missing(target, fleet, redis, tmp_path):
    server = target()
    path = scenario(tmp_path, '{ rate = "100/s", duration = "8s" }', more=f"""
  setup = function() pelt.http.get("/api/status", {{ name = "setup" }}) return {{ token = "t1" }} end,
  teardown = function(data) pelt.http.get("/api/models", {{ name = data.token }}) end,
  thresholds = {{ "http_response p95 < 10s", "requests count >= 800" }},""")
    workers = fleet.workers(2)
    coordinator, report = led(fleet, path, 2, server)
    counted(server, 200)
    assert fleet.ctl("mark", "before").wait(patience(20)).code == PASSED
    counted(server, 350)
    os.killpg(coordinator.process.pid, signal.SIGKILL)
    coordinator.process.communicate()
    counted(server, 500)
    done = fleet.resume(tmp_path / "run.pelt").wait(patience(60))
    ends = ended(workers)
    assert done.code == PASSED and codes(ends) == [0, 0], told_by(done, ends)
    told = json.loads(report.read_text())
    outcomes_add_up(told)
    assert told["totals"]["started"] == 800 == sum(w["started"] for w in told["workers"]), told["workers"]
    assert all(w["gap"] is None and w["seconds"] in (8, 9) for w in told["workers"]), told["workers"]
    assert server.settled_count()["total"] == 802
    assert sum(s["started"] for s in told["seconds"]) == 800
    assert [t["level"] for t in told["thresholds"]] == ["target", "target"], told["thresholds"]
    assert told["setup_teardown"]["started"] == 2, told["setup_teardown"]
    assert [e["text"] for e in told["events"] if e["kind"] == "mark"] == ["before"], told["events"]  # what was done is not done again
    assert "ask_refused" not in {e["kind"] for e in told["events"]}, told["events"]
    again = fleet.resume(tmp_path / "run.pelt").wait(patience(20))
    assert again.code == USAGE and "has ended" in again.err and "are there" not in again.err, again.told()
    assert redis.ask("GET", "pelt:{pelt}:lead") == b"$-1"


def test_the_run_file_keeps_no_secret_and_who_resumes_gives_them_again(recorder, fleet, tmp_path):
    path = scenario(tmp_path, '{ rate = "60/s", duration = "5s" }', more="""
  teardown = function() pelt.http.get("/" .. pelt.env("TOKEN"), { name = "end" }) end,""")
    worker = fleet.worker()
    coordinator, report = led(fleet, path, 1, recorder, "-H", "Authorization: S3CR3T-1", "--set", "TOKEN=S3CR3T-2", "--header=X-Api-Key: S3CR3T-3",
                              "--bus", fleet.redis.url.replace("//", "//default:S3CR3T-4@"))
    wait_for(lambda: len(recorder.paths) >= 80)
    os.killpg(coordinator.process.pid, signal.SIGKILL)
    coordinator.process.communicate()
    assert b"S3CR3T" not in b"".join(file.read_bytes() for file in tmp_path.glob("run.pelt*"))
    file = tmp_path / "run.pelt"
    refused = fleet.resume(file).wait(patience(20))
    assert refused.code == USAGE and all(word in refused.err for word in (
        "type again", "-H 'Authorization:***'", "--set 'TOKEN=***'", "'--header=X-Api-Key:***'", "--bus 'redis://***'")), refused.told()
    again = fleet.resume(file, "-H", "Authorization: S3CR3T-1", "--header=X-Api-Key: S3CR3T-3", "--bus", fleet.redis.url, env={"TOKEN": "S3CR3T-2"})
    done, end = again.wait(patience(60)), worker.wait(patience(60))
    assert done.code == PASSED and end.code == 0, done.told() + end.told()
    assert json.loads(report.read_text())["totals"]["started"] == 300 and recorder.paths[-1] == "/S3CR3T-2"
    assert b"S3CR3T" not in file.read_bytes()


@pytest.mark.sanitize
def test_who_does_not_fit_is_refused_by_name(target, fleet, redis, tmp_path):
    server = target()
    path = scenario(tmp_path, '{ rate = "50/s", duration = "1s" }')
    first = fleet.worker("--slot", "0")
    while redis.ask("GET", "pelt:{pelt}:claim:0") == b"$-1":
        time.sleep(0.02)
    second = fleet.worker("--slot", "0").wait(patience(20))
    assert second.code == LOST and "slot 0" in second.err, second.told()
    coordinator, report = led(fleet, path, 2, server)
    while "of 2 are there" not in (redis.folder / "log").read_text() and redis.ask("GET", "pelt:{pelt}:lead") == b"$-1":
        time.sleep(0.02)
    other = led(fleet, path, 2, server)[0].wait(patience(20))
    assert other.code == LOST and "coordinat" in other.err, other.told()
    time.sleep(1.5)
    early = fleet.ctl("stop").wait(patience(20))
    assert early.code == USAGE and "has not begun" in early.err, early.told()
    forged = fleet.worker("--slot", "1", env={"PELT_BUS_SECRET": "another secret of 32 characters!"})
    wait_for(lambda: redis.ask("GET", "pelt:{pelt}:claim:1") != b"$-1")
    time.sleep(1)
    coordinator.until("waiting for workers: 1 of 2")
    coordinator.signal(signal.SIGINT)
    waited = coordinator.wait(patience(20))
    assert waited.code == 130 and "waiting for workers: 1 of 2" in waited.err, waited.told()
    gone = fleet.ctl("stop").wait(patience(20))
    assert gone.code == USAGE and "nobody coordinates" in gone.err, gone.told()
    forged.signal(signal.SIGTERM)
    told = forged.wait(patience(20))
    assert "an order was refused" in told.err, told.told()
    first.signal(signal.SIGTERM)
    first.wait(patience(20))
    assert server.count()["total"] == 0


def test_a_worker_of_another_version_is_refused_before_the_start(fleet, redis, tmp_path):
    path = scenario(tmp_path, '{ rate = "50/s", duration = "1s" }')
    hello = bytes([2, 2, 5]) + b"9.9.9" + bytes([5]) + b"build"  # kind, protocol, version, build, and what protocol 2 may have
    redis.ask("SET", "pelt:{pelt}:claim:0", "0123456789abcdef other-host:4711")
    redis.ask("XADD", "pelt:{pelt}:w:0:0123456789abcdef", "0-1", "m", hello)
    done = fleet.run(path, 1, "--target", "http://127.0.0.1:9").wait(patience(20))
    assert done.code == USAGE, done.told()
    assert "other-host:4711" in done.err and "9.9.9" in done.err and "protocol 2" in done.err and "protocol 1" in done.err, done.err


def test_a_worker_that_cannot_run_the_plan_says_why(target, fleet, tmp_path):
    server = target()
    path = scenario(tmp_path, '{ users = 3000, duration = "1s" }')
    few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    workers = [fleet.worker(), fleet.worker(preexec_fn=few)]
    coordinator, report = led(fleet, path, 2, server)
    done = coordinator.wait(patience(30))
    ends = ended(workers)
    assert done.code == USAGE and "1500 users need" in done.err and "this shell allows 256" in done.err, told_by(done, ends)
    assert sorted(codes(ends)) == [USAGE, LOST] and server.count()["total"] == 0, told_by(done, ends)


def test_a_script_that_needs_the_host_is_refused_before_anything_is_sent(fleet, tmp_path):
    path = scenario(tmp_path, '{ rate = "50/s", duration = "1s" }', before='local home = os.getenv("HOME")')
    done = fleet.run(path, 1).wait(patience(20))
    assert done.code == USAGE and "has no 'os'" in done.err, done.told()


@pytest.mark.sanitize
def test_a_script_error_is_told_once_and_ends_in_exit_2(target, fleet, tmp_path):
    server = target()
    with tempfile.TemporaryDirectory() as folder:  # a short path: none of it is cut
        (Path(folder) / "m.lua").write_text('return function() error("oh no") end')
        path = scenario(Path(folder), '{ rate = "50/s", duration = "1s" }', before='local m = require "m"', body='if user.id % 2 == 0 then m() end error("oh no")')
        script_errors_told_once(server, fleet, folder, path)


def script_errors_told_once(server, fleet, folder, path):
    workers = fleet.workers(2)
    coordinator, report = led(fleet, path, 2, server)
    done = coordinator.wait(patience(60))
    ended(workers)
    assert done.code == USAGE and done.err.count("oh no") <= 4 and "fleet.lua:5" in done.err, done.told()
    errors = [e["text"] for e in json.loads(report.read_text())["events"] if e["kind"] == "script_error"]
    assert set(errors) <= {f"{folder}/fleet.lua:5: oh no", f"{folder}/m.lua:1: oh no"} and len(errors) == len(set(errors)) > 0, errors


def test_the_users_that_the_document_names_can_do_what_they_need_and_no_more(target, tmp_path):
    """docs/DISTRIBUTED.md has the rules."""
    lines = re.search(r"```acl\n(.*?)```", (ROOT / "docs/DISTRIBUTED.md").read_text(), re.S).group(1)
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis/users.acl").write_text("user default on nopass ~* +@all\n" + lines)
    redis = Redis(tmp_path / "redis", "--aclfile", str(tmp_path / "redis/users.acl"))
    fleet = Fleet(tmp_path, redis)
    try:
        server = target()
        path = scenario(tmp_path, '{ rate = "50/s", duration = "1s" }', before='local n = pelt.shared.counter("n")', body='n:add() pelt.http.get("/api/status")')
        at = redis.url.removeprefix("redis://")
        workers = [fleet.worker("--slot", str(slot), "--bus", f"redis://{user}@{at}", env={"PELT_BUS_PASSWORD": "WORKER_PASSWORD"})
                   for slot, user in enumerate(["worker0", "worker"])]
        coordinator, report = led(fleet, path, 2, server, "--bus", f"redis://coordinator@{at}", env={"PELT_BUS_PASSWORD": "COORDINATOR_PASSWORD"})
        done = coordinator.wait(patience(60))
        ends = ended(workers)
        assert done.code == PASSED and codes(ends) == [0, 0], told_by(done, ends)
        for words in (["FLUSHALL"], ["CONFIG", "GET", "*"], ["KEYS", "*"], ["GET", "pelt:{other}:lead"], ["SET", "pelt:{pelt}:ack:0", "x"], ["XADD", "pelt:{pelt}:ctl", "*", "m", "x"],
                      ["DEL", "pelt:{pelt}:lead"], ["EVAL", "return 1", "0"], ["SCRIPT", "FLUSH"], ["SHUTDOWN"], ["ACL", "WHOAMI"], ["XREAD", "STREAMS", "pelt:{other}:w:0:0123456789abcdef", "0"]):
            assert redis.ask(*words, user="worker", password="WORKER_PASSWORD").startswith(b"-NOPERM"), words
        for words in (["XADD", "pelt:{pelt}:w:1:0123456789abcdef", "9-1", "m", "x"], ["SET", "pelt:{pelt}:hb:1", "x"], ["GETEX", "pelt:{pelt}:claim:1"]):
            assert redis.ask(*words, user="worker0", password="WORKER_PASSWORD").startswith(b"-NOPERM"), words
    finally:
        fleet.stop()
        redis.stop()


@pytest.mark.slow(12)
def test_sixty_four_workers_lose_nothing(target, fleet, tmp_path):
    server = target()
    path = scenario(tmp_path, '{ rate = "640/s", duration = "3s" }')
    workers = fleet.workers(64)
    coordinator, report = led(fleet, path, 64, server, "--threads", "1")
    done = coordinator.wait(patience(90))
    ends = ended(workers)
    assert done.code == PASSED and set(codes(ends)) == {0}, told_by(done, ends)
    told = json.loads(report.read_text())
    whole(server, told, done, ends)
    assert told["totals"]["started"] == 1920 and {w["started"] for w in told["workers"]} == {30}
    assert told["run"]["threads"] == 64 and told["run"]["hosts"] == 64


@pytest.mark.slow(10)
def test_ctl_changes_the_load_of_all_at_one_moment(target, fleet, redis, tmp_path):
    server = target()
    path = scenario(tmp_path, '{ rate = "100/s", duration = "7s" }')
    workers = fleet.workers(2)
    coordinator, report = led(fleet, path, 2, server)
    counted(server, 20)
    steer = lambda *words: fleet.ctl(*words)
    assert steer("mark", "half way").wait(patience(20)).code == PASSED
    assert steer("rate", "300%").wait(patience(20)).code == PASSED
    for i in range(2):  # copies of what was asked, which need no secret, and of the order that came of it
        redis.ask("EVAL", "return redis.call('XADD', KEYS[1], '*', 'm', redis.call('XRANGE', KEYS[1], '-', '+')[ARGV[1] + 1][2][2])", 1, "pelt:{pelt}:ask", i)
    assert redis.ask("EVAL", "local all = redis.call('XRANGE', KEYS[1], '-', '+') return redis.call('XADD', KEYS[2], '*', 'm', all[#all][2][2])", 2, "pelt:{pelt}:ctl",
                     "pelt:{pelt}:ask")[:1].isdigit()
    counted(server, 300)
    assert steer("pause").wait(patience(20)).code == PASSED
    done = coordinator.wait(patience(60))
    ends = ended(workers)
    assert done.code == PASSED and codes(ends) == [0, 0], told_by(done, ends)
    told = json.loads(report.read_text())
    whole(server, told, done, ends)
    events = {e["kind"]: e["text"] for e in told["events"]}
    assert [e["kind"] for e in told["events"] if e["kind"] in ("mark", "rate", "pause", "ask_refused")] == ["mark", "rate", "ask_refused", "pause"], told["events"]
    assert events["mark"] == "half way" and "300%" in events["rate"] and "0%" in events["pause"], events
    per_s = [s["started"] for s in told["seconds"]]
    assert max(per_s) >= 280 and told["seconds"][-1]["started"] <= 10, per_s
    nobody = fleet.ctl("rate", "2x").wait(patience(20))
    assert nobody.code == USAGE and "nobody coordinates" in nobody.err, nobody.told()


@pytest.mark.parametrize("sent, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_worker_that_waits_for_the_bus_ends_by_the_signal_that_came(tmp_path, sent, code):
    (tmp_path / "secret").write_text("5" * 64)
    (tmp_path / "secret").chmod(0o600)
    with open(tmp_path / "err", "wb") as err, \
            subprocess.Popen([PELT, "worker", "--bus", "redis://127.0.0.1:1", "--bus-secret-file", "secret"], cwd=tmp_path, stderr=err) as worker:
        while b"127.0.0.1:1" not in (tmp_path / "err").read_bytes():  # it said that it waits
            assert worker.poll() is None, (tmp_path / "err").read_text()
            time.sleep(0.02)
        worker.send_signal(sent)
        assert worker.wait(10) == code, (tmp_path / "err").read_text()


def test_a_worker_that_no_coordinator_comes_for_ends(fleet):
    done = fleet.worker("--wait", "300ms").wait(patience(20))
    assert done.code == LOST and "no coordinator was heard for 0.3 s" in done.err, done.told()


def test_a_coordinator_waits_for_the_bus_as_workers_do(recorder, fleet, redis, tmp_path):
    path = scenario(tmp_path, '{ rate = "20/s", duration = "1s" }', body='pelt.http.get("/", { name = "n" })')
    redis.kill()
    coordinator, report = led(fleet, path, 1, recorder)
    worker = fleet.worker()
    coordinator.until("waiting for the bus")
    redis.start()
    done, end = coordinator.wait(patience(60)), worker.wait(patience(60))
    assert done.code == PASSED and end.code == 0 and "waiting for the bus" in done.err, done.told() + end.told()
    assert f"pelt worker --bus {redis.url})" in done.err and "all 1" not in done.err, done.err


@pytest.mark.parametrize("option, value", [("--on-loss", "abort"), ("--orphan-timeout", "5s")])
def test_what_is_about_workers_is_refused_without_a_bus(fleet, tmp_path, option, value):
    path = scenario(tmp_path, '{ rate = "20/s", duration = "1s" }')
    done = run(path, option, value, cwd=tmp_path)
    assert done.code == USAGE and option in done.err and "--bus" in done.err, done.told()
