"""What is said of caches, costs and demand, held against what pelt-target was told to do."""
import json
import math

import jsonschema
import pytest

from program import PASSED, ROOT, USAGE, if_quiet, in_a_quiet_moment, pelt, report_of, run

HITS, SERVICE_MS = 3, 20  # three hits for each miss, which takes 20 ms

CACHED = f"""
local pelt = require "pelt"
local http, attempt = pelt.http, pelt.env("ATTEMPT", "")
return {{
  load = {{ users = 4, duration = "3s" }}, observe = {{ "cache" }},
  iteration = function(user)
    for _ = 1, {HITS} do http.get("/work?always=the-same", {{ name = "work" }}) end
    http.get("/work?once=" .. attempt .. "-" .. user.id .. "-" .. user.iteration, {{ name = "work" }})
  end,
}}
"""

STRESS = """
local pelt = require "pelt"
return {
  load = pelt.load.stress { from = "80/s", step = "20/s", max = "100/s", every = "3s", settle = "1s", verify = 1,
                            resolution = "50%", hysteresis = false, slo = { "http_response p90 < 100ms" } },
  iteration = function() pelt.http.get("/work") end,
}
"""


def findings(report, kind):
    return [finding for finding in report["findings"] if finding["kind"] == kind]


def check_schema(report):
    jsonschema.validate(report, json.loads((ROOT / "docs" / "report.schema.json").read_text()))


@pytest.mark.sanitize
def test_hit_share_and_cost_of_a_miss_are_those_that_were_planted(target, tmp_path):
    (tmp_path / "cached.lua").write_text(CACHED)
    server = target("--cache", "10m", "--service-time", f"constant:{SERVICE_MS}ms")

    def check(attempt):
        done = run("cached.lua", "--target", server.url, "--set", f"ATTEMPT={attempt}", cwd=tmp_path)
        assert done.code == PASSED, done.told()
        check_schema(done.report)
        phase, = findings(done.report, "cache_phase")
        miss, = findings(done.report, "cache_miss")
        share = HITS / (HITS + 1)
        assert (phase["about"], phase["part"], miss["about"]) == ("http", "steady", "work")
        # At the edges of the whole seconds an iteration of each user may be cut; the first hit of all is a miss.
        assert phase["hit_share"] == pytest.approx(share, abs=20 / phase["lookups"])
        assert miss["hits"] + miss["misses"] == phase["lookups"] > 0
        assert miss["hit_share"] == pytest.approx(phase["hit_share"], abs=1e-6)
        if_quiet(abs(miss["cost_ms"] - SERVICE_MS) < 4, miss)
        if_quiet(miss["hit_p50_ms"] < 5 and abs(miss["miss_p50_ms"] - SERVICE_MS) < 4, miss)
        # p95 of a mixture with 10% misses is their median, if hits are quicker.
        if_quiet(miss["hit_p95_ms"] > 10 or abs(miss["would_be_p95_ms"] - miss["miss_p50_ms"]) < 0.5, miss)

    in_a_quiet_moment(check)


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.idle
def test_a_stress_load_tells_what_its_capacity_costs_and_how_many_instances_a_demand_takes(target, tmp_path):
    (tmp_path / "stress.lua").write_text(STRESS)
    server = target("--workers", 1, "--service-time", "constant:11ms")  # 91/s: 80/s hold, 100/s do not

    def check(attempt):
        (tmp_path / "run.pelt").unlink(missing_ok=True)
        done = pelt("run", "stress.lua", "--target", server.url, "--allow-invalid", "--quiet", "--run-file", "run.pelt",
                    "--price", "7.20/d", "--instances", 2, "--demand", "90/s", "--penalty", "0.01", cwd=tmp_path)
        assert done.code == PASSED, done.told()
        report = report_of("run.pelt", tmp_path)
        check_schema(report)
        capacity, = findings(report, "capacity")
        cost, = findings(report, "cost")
        instances, = findings(report, "instances")
        if_quiet(capacity["level"] == 80 and capacity["found"], report["findings"])
        if_quiet(abs(cost["good_per_s"] - 80) < 1.5, cost)
        assert cost["price_per_h"] == pytest.approx(0.3) and cost["slo_ms"] == 100
        assert cost["per_1000_requests"] == pytest.approx(0.3 * 2 / (cost["good_per_s"] * 3600) * 1000, rel=1e-4)
        assert instances["needed"] == math.ceil(90 * 1.2 / (cost["good_per_s"] / 2))
        up, more = findings(report, "scaling")
        assert up["from_instances"] == 2 and up["to_instances"] == instances["needed"] == more["from_instances"]
        if_quiet(up["violations_share_from"] > up["violations_share_to"], up)
        assert up["net_per_h"] == pytest.approx(up["avoided_per_h"] * 0.01 - up["cost_per_h"], rel=1e-3)
        # What a later report is told takes the place of it.
        again = pelt("report", "run.pelt", "--price", "1/h", "--instances", 1, "--out", "json=-", cwd=tmp_path)
        later, = findings(json.loads(again.out), "cost")
        assert later["per_1000_requests"] == pytest.approx(1000 / (cost["good_per_s"] * 3600), rel=1e-4)

    in_a_quiet_moment(check)


@pytest.fixture
def short_run(target, tmp_path):
    done = pelt("bench", target().url, "-c", 1, "-d", "1s", "--quiet", "--allow-invalid", "--run-file", "run.pelt",
                cwd=tmp_path)
    assert done.code == PASSED, done.told()
    return tmp_path


def test_a_series_of_demand_is_forecast(short_run):
    rows = [f'"2026-10-{day:02}",{100 + 10 * day}' for day in range(1, 21)]
    (short_run / "demand.csv").write_text("\n".join(["day,requests a second", *rows, ""]))
    done = pelt("report", "run.pelt", "--demand", "demand.csv", "--out", "json=-", cwd=short_run)
    report = json.loads(done.out)
    check_schema(report)
    demand, = findings(report, "forecast")
    assert (demand["about"], demand["periods"], demand["ahead"]) == ("demand", 20, 5)
    assert demand["demand_per_s"] == pytest.approx(100 + 10 * 25)
    assert demand["mape_share"] < 1e-9
    assert findings(report, "headroom")[0]["demand_per_s"] == pytest.approx(350)
    text = pelt("report", "run.pelt", "--demand", "demand.csv", cwd=short_run).out
    assert "demand: 350/s in 5 more periods [350/s, 350/s], of 20" in " ".join(text.split())


@pytest.mark.parametrize("options, says", [
    (["--demand", "nowhere.csv"], '--demand: "nowhere.csv" is no rate, as in 500/s, and no file that can be read'),
    (["--demand", "odd.csv"], '--demand: odd.csv line 3: "many" is no rate'),
    (["--demand", "empty.csv"], "--demand: empty.csv has no row with a rate"),
])
def test_a_demand_that_is_none_is_refused(tmp_path, options, says):
    (tmp_path / "odd.csv").write_text("day,rate\n1,100\n2,many\n")
    (tmp_path / "empty.csv").write_text("day,rate\n")
    done = pelt("report", "run.pelt", *options, cwd=tmp_path)
    assert done.code == USAGE and says in done.err, done.told()
    assert done.err.count("\n") == 1
