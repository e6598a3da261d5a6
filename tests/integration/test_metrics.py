"""The metrics of a script's own: values known beforehand come back exactly, on any number of threads, in every report; and
tags that never repeat harm nobody."""
import csv
import json
import sqlite3

import jsonschema
import pytest

from program import MISSED, PASSED, ROOT, USAGE, pelt, report_of

pytestmark = pytest.mark.sanitize

USERS, ITERATIONS = 8, 25
SCENARIO = f"""
local pelt = require "pelt"
local orders = pelt.metric.counter("orders")
local level = pelt.metric.gauge("level", {{ unit = "m" }})
local hits = pelt.metric.share("hits")
local waited = pelt.metric.trend("waited")
local tokens = pelt.metric.trend("tokens", {{ unit = "tokens", decimals = 0 }})
return {{
    load = {{ users = {USERS}, duration = "60s" }},
    setup = function() orders:add(1000) level:add(-7) end,
    iteration = function(user)
        local n = user.id * {ITERATIONS} + user.iteration
        orders:add(n, {{ parity = n % 2 == 0 and "even" or "odd", user = user.id }})
        orders:add()
        level:add(n / 4)
        hits:add(n % 4 == 0, {{ where = "a,b" }})
        waited:add(n / 1000)
        tokens:add(n)
        if user.iteration == {ITERATIONS} - 1 then user:stop() end
        pelt.sleep("1ms")
    end,
    teardown = function() hits:add(false) end,
    thresholds = {{
        "orders count >= 1", "orders{{parity=odd}} count <= 10000", "hits share >= 25%", "tokens max <= 199",
        {{ metric = "waited", stat = "max", max = 0.199 }}, "level min >= 0",
    }},
}}
"""
N = USERS * ITERATIONS


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "metrics.lua"
    path.write_text(SCENARIO)
    return path


def rows_of(report):
    return {(row["name"], *sorted(row["tags"].items())): row for row in report["metrics"]}


def check_figures(report):
    rows = rows_of(report)
    for user in range(USERS):
        for parity, odd in (("even", 0), ("odd", 1)):
            mine = [n for n in range(user * ITERATIONS, (user + 1) * ITERATIONS) if n % 2 == odd]
            stats = rows["orders", ("parity", parity), ("user", str(user))]["stats"]
            assert stats["count"] == sum(mine), (user, parity)
    assert rows[("orders",)]["stats"]["count"] == N
    level = rows[("level",)]
    assert level["unit"] == "m" and level["type"] == "gauge"
    assert level["stats"]["min"] == 0 and level["stats"]["max"] == (N - 1) / 4
    assert rows["hits", ("where", "a,b")]["stats"] == {"share": 0.25, "count": N}
    waited, tokens = rows[("waited",)], rows[("tokens",)]
    assert waited["unit"] == "ms" and tokens["unit"] == "tokens"
    for stats in (waited["stats"], tokens["stats"]):  # below 2,048 of their unit a histogram is exact
        assert stats["count"] == N and stats["min"] == 0 and stats["max"] == N - 1
        assert stats["p50"] == pytest.approx(N / 2 - 1, rel=0.001)
        assert stats["p95"] == pytest.approx(0.95 * N - 1, rel=0.001)
        assert stats["p99"] is None
    apart = rows_of(report["setup_teardown"])
    assert apart[("orders",)]["stats"] == {"count": 1000}
    assert apart[("level",)]["stats"] == {"last": -7, "min": -7, "max": -7}
    assert apart[("hits",)]["stats"] == {"share": 0, "count": 1}
    assert {row["level"] for row in report["thresholds"]} == {"target"}


def run_metrics(scenario, folder, threads, *options):
    path = folder / f"run-{threads}.pelt"
    done = pelt("run", scenario, "-t", threads, "--quiet", "--allow-invalid", "--run-file", path,
                "--out", f"json={folder / 'end.json'}", "--out", f"summary={folder / 'end.txt'}", *options, cwd=folder)
    return done, path


@pytest.mark.parametrize("threads", [1, 4])
def test_values_known_beforehand_come_back(scenario, tmp_path, threads):
    done, path = run_metrics(scenario, tmp_path, threads)
    assert done.code == PASSED, done.told()
    report = json.loads((tmp_path / "end.json").read_text())
    jsonschema.Draft202012Validator(json.loads((ROOT / "docs/report.schema.json").read_text())).validate(report)
    check_figures(report)
    assert report_of(path, tmp_path) == report
    later = pelt("report", path, "--out", f"summary={tmp_path / 'later.txt'}", "--out", f"csv={tmp_path / 'tables'}", cwd=tmp_path)
    assert later.code == PASSED, later.told()
    assert (tmp_path / "later.txt").read_text() == (tmp_path / "end.txt").read_text()
    with open(tmp_path / "tables/metrics.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [row["name"] for row in table] == [row["name"] for row in report["metrics"]]
    assert sum(int(row["count"]) for row in table if row["name"] == "orders") == N * (N - 1) // 2 + N
    with sqlite3.connect(path) as db:  # the sums of the seconds are the whole
        assert db.execute("SELECT sum(v.sum) FROM metric_value v JOIN metric_series s ON s.id = v.series"
                          " JOIN metric m ON m.id = s.metric WHERE m.name = 'orders' AND t >= 0").fetchone() \
            == (N * (N - 1) // 2 + N,)


def test_reports_of_one_and_of_four_threads_are_alike(scenario, tmp_path):
    tables = []
    for threads in (1, 4):
        done, path = run_metrics(scenario, tmp_path, threads)
        assert done.code == PASSED, done.told()
        rows = report_of(path, tmp_path)["metrics"]
        for row in rows:
            row["stats"].pop("per_second", None)  # by the length reached
            row["stats"].pop("last", None)  # whose value was the last one is a race
        tables.append(rows)
    assert tables[0] == tables[1]


def test_a_bound_on_the_command_line_can_be_missed(scenario, tmp_path):
    done, _ = run_metrics(scenario, tmp_path, 2, "--threshold", "orders{parity=even} count < 5", "--threshold",
                          "orders{parity=none} count < 5")
    assert done.code == MISSED, done.told()
    assert "orders{parity=even} count <= 5" in done.told()
    assert "no value was added with {parity=none}" in done.told()


@pytest.mark.parametrize("text, says", [
    ("order count < 5", 'no metric "order"; did you mean "orders"?'),
    ("orders p95 < 5", 'no stat of orders "p95"; try count or share'),
    ("orders{parity} count < 5", "{parity} are no tags"),
])
def test_a_mistaken_bound_is_told_before_the_start(scenario, tmp_path, text, says):
    done, path = run_metrics(scenario, tmp_path, 1, "--threshold", text)
    assert done.code == USAGE, done.told()
    assert says in done.err and not path.exists(), done.told()


def test_a_million_series_are_counted_in_other(tmp_path):
    path = tmp_path / "wild.lua"
    path.write_text("""
local pelt = require "pelt"
local wild, tame = pelt.metric.counter("wild"), pelt.metric.counter("tame")
return {
    load = { users = 4, duration = "60s" },
    iteration = function(user)
        tame:add(1, { user = user.id })
        for i = 1, 2500 do
            wild:add(1, { id = (user.id * 100 + user.iteration) * 2500 + i })
        end
        if user.iteration == 99 then user:stop() end
        pelt.sleep("1ms")
    end,
}
""")
    done = pelt("run", path, "-t", 2, "--quiet", "--allow-invalid", "--no-run-file", "--out", f"json={tmp_path / 'r.json'}",
                cwd=tmp_path, timeout=100)
    assert done.code == PASSED, done.told()
    warnings = [line for line in done.err.splitlines() if "metric 'wild'" in line]
    assert len(warnings) == 1 and "wild.lua:9: " in warnings[0] and "more than 1000 series" in warnings[0], done.told()
    report = json.loads((tmp_path / "r.json").read_text())
    rows = rows_of(report)
    assert len(report["metrics"]) <= 1000 + 4 + 1
    assert sum(row["stats"]["count"] for row in report["metrics"] if row["name"] == "wild") == 1000000
    assert rows["wild", ("_other", "true")]["stats"]["count"] >= 999000
    for user in range(4):
        assert rows["tame", ("user", str(user))]["stats"]["count"] == 100
