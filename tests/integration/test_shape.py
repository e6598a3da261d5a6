"""A load that a function of the scenario decides, second by second, and the stop of one that is saturated."""
import re
import signal
import sqlite3
import time

import pytest

from program import (PASSED, ROOT, SIGINT_CODE, SLOW, STARTS_MOVED, USAGE, Running, if_quiet, in_a_quiet_moment, pelt,
                     report_of, run)

pytestmark = pytest.mark.sanitize

SHAPED = """local pelt = require "pelt"
return {{
  load = {{ max = {max}, duration = "{duration}", grace = "5s", shape = function(t, stats)
    {body}
  end }},
  iteration = function() pelt.http.get("/api/status") {wait} end,
}}
"""
BODY_LINE = 4


def shaped(tmp_path, body, max="50", duration="20s", wait="pelt.sleep(0.02)"):
    path = tmp_path / "shaped.lua"
    path.write_text(SHAPED.format(body=body, max=max, duration=duration, wait=wait))
    return path


def stages(tmp_path):
    with sqlite3.connect(tmp_path / "run.pelt") as db:
        return db.execute("SELECT from_s, to_s, level_from, level_to, part, span FROM stage ORDER BY id").fetchall()


@pytest.mark.alone
@pytest.mark.idle
def test_a_function_decides_the_arrivals_of_each_second(target, tmp_path):
    url, levels = target().url, [40, 90, 0, 61, 120]
    path = shaped(tmp_path, f"local level = ({{ {', '.join(map(str, levels))} }})[t + 1] "
                  'if level then return level, "part" .. t, t + 1 end', max='"100/s"', wait="")

    def check(attempt):
        (tmp_path / "run.pelt").unlink(missing_ok=True)
        done = pelt("run", path, "--target", url, "-t", 2, "--allow-invalid", "--run-file", "run.pelt", cwd=tmp_path)
        assert done.code == PASSED, done.told()
        report = report_of("run.pelt", tmp_path)
        wanted = [min(level, 100) for level in levels]  # no more than max, which is said
        assert "wants 120/s for second 4, its max is 100" in done.err, done.err
        assert stages(tmp_path) == [(t, t + 1, level, level, f"part{t}", t + 1) for t, level in enumerate(wanted)]
        assert report["run"]["duration_s"] == len(levels)
        assert report["totals"]["started"] == sum(wanted)
        starts = [row["started"] for row in report["seconds"]][:len(levels)]
        if_quiet(SLOW or all(abs(a - b) <= STARTS_MOVED for a, b in zip(starts, wanted, strict=True)), starts)

    in_a_quiet_moment(check)


@pytest.mark.alone
@pytest.mark.idle
def test_a_function_decides_the_users_of_each_second(target, tmp_path):
    url, levels = target().url, [3, 7, 2, 5]
    path = shaped(tmp_path, f"return ({{ {', '.join(map(str, levels))} }})[t + 1]")

    def check(attempt):
        done = run(path, "--target", url, "-t", 2, cwd=tmp_path)
        assert done.code == PASSED, done.told()
        users = [row["users"] for row in done.report["seconds"]][:len(levels)]
        if_quiet(users == levels, users)

    in_a_quiet_moment(check)


def test_what_the_function_is_told(target, tmp_path):
    """It fails by its own asserts."""
    path = shaped(tmp_path, """
    if t == 0 then assert(stats.t == -1 and stats.level == 0 and stats.seconds == 0 and not stats.p50_ms) return 5 end
    assert(stats.t <= t - 1 and (stats.t < 0 or stats.level == 5 and stats.users <= 5))
    local all = stats.window(60)
    assert(all.seconds == stats.t + 1 and all.errors == 0 and all.dropped == 0 and all.waiting == 0)
    if all.started_per_s * all.seconds < 36 then return 5 end
    assert(all.p50_ms > 0 and all.p50_ms <= (all.p95_ms or 1e9) and all.ok_per_s > 0 and all.in_flight <= 5)
    assert(not pcall(stats.window, 61) and not pcall(stats.window, 0))
    assert(not pcall(pelt.http.get, "/"))
    kept = pcall(function() new_global = 1 end)
    """.replace("    kept = pcall", "    local kept = pcall") + "assert(not kept) return nil", duration="60s")
    done = run(path, "--target", target().url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert done.report["run"]["duration_s"] < 60


@pytest.mark.parametrize("body, said", [
    ("if t < 2 then return 3 end local none none.x = 1", "attempt to index a nil value (local 'none')"),
    ("if t < 2 then return 3 end return 'many'", "the shape returned 'many' for second 2: return a number of users, "
     "or nil to end the load"),
    ("if t < 2 then return 3 end return 0/0", "the shape returned "),
    pytest.param("if t < 2 then return 3 end while true do pcall(function() while true do end end) end",
                 "the script held its thread for 0.15 s", marks=pytest.mark.one_thread),
])
def test_a_function_that_fails_ends_the_load_in_order(target, tmp_path, body, said):
    done = run(shaped(tmp_path, body), "--target", target().url, cwd=tmp_path)
    assert done.code == USAGE, done.told()
    place = re.escape("shaped.lua:") + "[34]: "
    assert re.search(place + ".*" + re.escape(said), done.err), done.told()
    reason = done.report["result"]["reasons"][0]
    assert re.search("^script error: load.shape: .*" + place + ".*" + re.escape(said), reason), reason
    assert done.report["run"]["duration_s"] == 2
    outcomes = done.report["totals"]["outcomes"]
    assert done.report["totals"]["started"] == sum(outcomes.values()) > 0


def test_a_function_that_ends_before_it_begins_sends_nothing(target, tmp_path):
    server = target()
    done = run(shaped(tmp_path, "return nil"), "--target", server.url, cwd=tmp_path)
    assert done.code == USAGE and "its first level is nil: nothing was sent" in done.err, done.told()
    assert server.count()["total"] == 0


@pytest.mark.alone
@pytest.mark.one_thread
def test_a_function_that_holds_pelt_does_not_keep_it_from_ending(target, tmp_path):
    url = target().url
    path = shaped(tmp_path, "if t < 1 then return 3 end while true do end", duration="60s", wait="pelt.sleep(30)")

    def check(attempt):
        (tmp_path / "run.pelt").unlink(missing_ok=True)
        running = Running("run", path, "--target", url, "--run-file", "run.pelt", cwd=tmp_path)
        time.sleep(0.6)  # the shape holds from 0.5 s on, for 0.15 s
        running.signal(signal.SIGINT)
        time.sleep(0.2)
        asked = running.signal(signal.SIGINT)
        done = running.wait()
        seconds = time.monotonic() - asked
        if_quiet(done.code == SIGINT_CODE, done.told())
        if_quiet(SLOW or seconds < 0.2, seconds)
        assert report_of("run.pelt", tmp_path)["totals"]["started"] == 3

    in_a_quiet_moment(check)


@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.slow
@pytest.mark.one_thread
def test_a_saturated_load_ends(target, tmp_path):
    server = target("--service-time", "constant:20ms", "--workers", 2)  # 100/s
    path = tmp_path / "saturated.lua"
    path.write_text("""
local pelt = require "pelt"
return {
  load = { rate = "160/s", duration = "60s", stop_when = "saturated", grace = "1s" },
  iteration = function() pelt.http.get("/work") end,
}
""")
    done = run(path, "--target", server.url, "--allow-invalid", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert "saturated: arrivals pile up" in done.err, done.told()
    assert 11 <= done.report["run"]["duration_s"] < 30
    assert done.report["totals"]["started"] == sum(done.report["totals"]["outcomes"].values())


@pytest.mark.one_thread
@pytest.mark.parametrize("load, said", [
    ('{ shape = function() end, duration = "10s" }', 'load: no max: add max = 500'),
    ('{ shape = function() end, max = 5 }', 'load: no duration'),
    ('{ shape = 2, max = 5, duration = "10s" }', 'load.shape: a function(t, stats) that returns a level is expected'),
    ('{ rate = "5/s", arrivals = "gamma", shape = function() end, duration = "10s" }', "unknown key 'rate'"),
    ('{ shape = function() end, max = "5/s", duration = "10s", arrivals = "gamma", gamma = 0 }', 'load.gamma: '),
    ('{ users = 5, duration = "10s", stop_when = "saturated" }', 'load.stop_when: users wait for their answers'),
    ('{ rate = "5/s", duration = "10s", stop_when = "full" }', "load.stop_when: 'full' is unknown"),
    ('pelt.load.stress { from = 1, step = 1 }', 'pelt.load.stress: no max'),
    ('pelt.load.stress { from = 9, step = 1, max = 5 }', 'pelt.load.stress.from: it lies above max'),
    ('pelt.load.stress { from = "1/s", step = 1, max = 5 }', 'pelt.load.stress.step: users and rates do not mix'),
    ('pelt.load.stress { from = 1, step = 1, max = 5, every = "2s" }', "pelt.load.stress.every: '2s': at least 3 s"),
    ('pelt.load.stress { from = 1, step = 1, max = 5, resolution = "0%" }', 'pelt.load.stress.resolution: '),
    ('pelt.load.stress { from = 1, step = 1, max = 5, slo = { "http_respons p99 < 1s" } }', 'load.slo[1]: '),
    ('pelt.load.stress { from = 1, step = 1, max = 5, slo = { "http_response p95 < 1s over 10s" } }',
     "load.slo[1]: http_response p95 <= 1s over 10s: 'over' means nothing"),
    ('pelt.load.stress { from = 1, step = 1, max = 5, slo = { "errors share < 1%", "http_response p95 < 1s for 10s" } }',
     "load.slo[2]: http_response p95 <= 1s for 10s: 'for' means nothing"),
    ('pelt.load.stress { from = 1, step = 1, max = 5, slo = { "http_response p95 trend < 10%" } }', "'trend' means nothing"),
    ('pelt.load.stress { from = 1, step = 1, max = 5, slo = { "errors share < 5% abort delay 20s" } }', "'abort' means nothing"),
])
def test_what_is_wrong_with_a_load_that_is_decided_as_it_goes(tmp_path, load, said):
    path = tmp_path / "bad.lua"
    path.write_text(f"local pelt = require 'pelt'\nreturn {{ load = {load}, iteration = function() end }}\n")
    done = pelt("check", path, cwd=tmp_path)
    assert done.code == USAGE and said in done.err, done.told()


@pytest.mark.one_thread
def test_what_a_stress_load_does_is_shown(tmp_path):
    path = tmp_path / "stress.lua"
    load = 'pelt.load.stress {{ from = "50/s", step = "25/s", max = "400/s", {more} }}'

    def checked(more, beside=""):
        path.write_text(f"local pelt = require 'pelt'\nreturn {{ load = {load.format(more=more)}, {beside} "
                        "iteration = function() pelt.http.get('/', { name = 'chats' }) end }\n")
        done = pelt("check", path, cwd=tmp_path)
        assert done.code == PASSED, done.told()
        assert "load       stress: from 50/s by 25/s each 10 s, at most 400/s, at most 1h" in done.out, done.told()
        return done

    done = checked('slo = { "http_response{chat} p95 < 100ms", "errors share < 1%" }')
    assert "slo        http_response{chat} p95 <= 100ms\n           errors share <= 1%\n" in done.out, done.told()
    assert 'the name "chat" stands nowhere in' in done.err, done.told()
    assert "slo        the thresholds\n" in checked("", 'thresholds = { "http_response p95 < 1s" },').out
    assert "slo        http_response p99 <= 1s, errors share <= 1% (the default)\n" in checked("").out


def test_a_level_asked_for_scales_those_of_a_function(target, tmp_path):
    path = shaped(tmp_path, "if t < 3 then return (t == 0 and 0 or stats.level) + 10 end", max='"40/s"', wait="")
    done = pelt("run", path, "--target", target().url, "--rate", "20/s", "--allow-invalid", "--run-file", "run.pelt",
                cwd=tmp_path)
    assert done.code == PASSED and "at most 20/s" in done.out, done.told()
    levels = [level for _, _, _, level, _, _ in stages(tmp_path)]
    assert levels in ([5, 5, 10], [5, 5, 5]), levels  # the latter: a busy host; its function knows 10, not 5


def test_a_function_may_not_wait(target, tmp_path):
    path = shaped(tmp_path, "pelt.sleep(1) return 1")
    done = run(path, "--target", target().url, cwd=tmp_path)
    assert "pelt.sleep waits, and a load's function may not wait" in done.err, done.told()


@pytest.mark.one_thread
def test_the_function_shown_decides(target, tmp_path):
    text = (ROOT / "docs/SCENARIOS.md").read_text().split("\n### A function decides\n", 1)[1]
    path = tmp_path / "shown.lua"
    path.write_text(re.search(r"```lua\n(.*?)```", text, re.S).group(1))
    done = run(path, "--target", target("--service-time", "constant:5ms").url, cwd=tmp_path)
    assert done.code == PASSED and done.report["run"]["duration_s"] == 6, done.told()
