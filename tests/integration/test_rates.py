"""Rates are what the server did within the load, whatever the grace period still brought: everywhere the same, also read from the run file."""
import csv
import json
import re
import subprocess

import pytest

from program import MISSED, Running, outcomes_add_up, pelt, report_of

pytestmark = pytest.mark.sanitize

SECONDS, RATE_PER_S, USERS, SERVICE_MS = 1, 200, 2, 50
MOST_PER_S = USERS * 1000 / SERVICE_MS  # 40/s: the load asks for five times as much


def test_an_open_loop_that_the_server_cannot_follow_has_the_servers_rate(target, tmp_path):
    instance = target("--service-time", f"constant:{SERVICE_MS}ms")
    done = pelt("bench", instance.url + "/api/status", "--rate", f"{RATE_PER_S}/s", "-c", USERS, "-t", 1, "-d", f"{SECONDS}s",
                "--threshold", "requests per_second > 100/s", "--threshold", "http_response per_second > 100/s",
                "--run-file", "run.pelt", "--out", "json=run.json", "--out", "csv=.", "--allow-invalid", cwd=tmp_path)
    assert done.code == MISSED, done.told()
    report = json.loads((tmp_path / "run.json").read_text())
    outcomes_add_up(report)
    totals, request = report["totals"], report["requests"][0]
    in_load = [row for row in report["seconds"] if row["t"] < SECONDS]
    ok = sum(row["ok"] for row in in_load)
    assert 0 < ok <= MOST_PER_S * SECONDS
    assert totals["started"] == RATE_PER_S * SECONDS
    assert totals["ok_per_s"] == request["ok_per_s"] == ok / SECONDS
    assert totals["started_per_s"] == request["started_per_s"] == sum(row["started"] for row in in_load) / SECONDS
    assert totals["after"] == {"from_s": SECONDS, "started": totals["started"] - sum(row["started"] for row in in_load),
                               "ended": totals["outcomes"]["ok"] - ok}
    values = {(t["metric"], t["stat"]): t["value"] for t in report["thresholds"]}
    assert values == {("requests", "per_second"): totals["started_per_s"], ("http_response", "per_second"): totals["ok_per_s"]}
    with open(next(tmp_path.glob("*stats.csv")), newline="") as file:
        rows = {row["outcome"]: float(row["per_second"]) for row in csv.DictReader(file)}
    assert rows == {"all": totals["started_per_s"], "ok": totals["ok_per_s"]}
    assert f"of these, {totals['after']['started']} started and {totals['after']['ended']} ended after 1 s, and are in no rate" in done.out
    told = re.search(r"\n  ok +\d+ +([\d.]+)/s", done.out)
    assert float(told.group(1)) == round(totals["ok_per_s"], 1), done.out
    later = report_of("run.pelt", tmp_path)
    assert later["totals"] == totals and later["requests"] == report["requests"]
    assert f"{round(totals['started_per_s'], 1)}" in pelt("runs", ".", cwd=tmp_path).out
