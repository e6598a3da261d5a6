"""--warmup: seconds that the server gets and no figure counts."""
import json
import signal
import subprocess
import time

import pytest

from program import MISSED, PASSED, PELT, USAGE, pelt

pytestmark = pytest.mark.sanitize


def report_of(done):
    return json.loads(done.out)


def outcomes(report):
    return sum(report["totals"]["outcomes"].values())


@pytest.mark.parametrize("load", [("-c", 4), ("--rate", "200/s", "-c", 40)])
@pytest.mark.parametrize("kept", [(), ("--no-run-file",)])
def test_all_that_was_started_is_warm_up_and_load(target, tmp_path, load, kept):
    server = target("--service-time", "constant:5ms")
    done = pelt("bench", server.url + "/work", *load, "-d", "2s", "--warmup", "1s", "--allow-invalid", "--out", "json=-", *kept, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    report = report_of(done)
    warm, totals = report["warmup"], report["totals"]
    assert warm["length_s"] == 1 and report["run"]["duration_s"] == 2 and warm["started"] > 50
    assert warm["started"] + totals["started"] == warm["ended"] + outcomes(report)
    assert warm["started"] + totals["started"] == server.count()["total"]
    assert [second["t"] for second in report["seconds"]][:2] == [1, 2]
    assert sum(second["started"] for second in report["seconds"]) == totals["started"]
    if load[0] == "--rate":
        assert sum(report["timeline"]["planned"]) in (400, 401) and warm["started"] in (199, 200, 201), warm


def test_what_fails_in_the_beginning_is_in_no_figure_and_misses_no_threshold(tmp_path, target):
    (tmp_path / "s.lua").write_text("""
local pelt = require "pelt"
return {
    load = { users = 4, duration = "2s" },
    thresholds = { "http_response p95 < 30s", "errors share <= 0%", "checks share >= 100%" },
    iteration = function(user)
        local early = user.iteration <= 20
        pelt.http.get(early and "/nothing" or "/work", { name = "work" })
        pelt.check("warm", not early)
    end,
}
""")
    server = target("--service-time", "constant:5ms")
    cold = pelt("run", "s.lua", "--target", server.url, "--allow-invalid", "--run-file", "cold.pelt", "--out", "json=-", cwd=tmp_path)
    assert cold.code == MISSED, cold.told()
    warm = pelt("run", "s.lua", "--target", server.url, "--warmup", "2s", "--allow-invalid", "--run-file", "warm.pelt", "--out", "json=-", cwd=tmp_path)
    report = report_of(warm)
    assert warm.code == PASSED, warm.told()
    assert set(report["totals"]["outcomes"]) == {"ok"} and report["errors"] == [] and report["checks"][0]["failed"] == 0
    again = report_of(pelt("report", "warm.pelt", "--out", "json=-", cwd=tmp_path))
    assert again == report
    summary = pelt("report", "warm.pelt", cwd=tmp_path).out
    assert "warm-up" in summary and "not counted" in summary, summary
    whole = report_of(pelt("report", "warm.pelt", "--from", 0, "--out", "json=-", cwd=tmp_path))
    assert "warmup" not in whole and whole["totals"]["started"] == report["warmup"]["started"] + report["totals"]["started"]
    assert "http_status" in whole["totals"]["outcomes"]
    listed = pelt("runs", ".", cwd=tmp_path).out
    assert "4u 4s" in listed and "0%" in listed, listed


@pytest.mark.parametrize("options, says", [
    (("--warmup", "1.5s"), "whole ones"), (("--warmup", "0s"), "no time at all"),
    (("--warmup", "2s", "--iterations", 100), "--duration instead"), (("--warmup", "2s", "--ramp", "1s", "-d", "3s"), "begins at 0")])
def test_a_warm_up_that_cannot_be_is_refused_in_one_line(tmp_path, options, says):
    done = pelt("bench", "http://127.0.0.1:1/", *options, cwd=tmp_path)
    assert done.code == USAGE and says in done.err and done.err.count("\n") == 1, done.told()


def test_kinds_of_load_have_their_own(tmp_path):
    (tmp_path / "s.lua").write_text("""local pelt = require "pelt"
return { target = "http://127.0.0.1:1", load = pelt.load.stress { from = "10/s", step = "10/s", max = "50/s" }, iteration = function() pelt.http.get("/") end }
""")
    done = pelt("run", "s.lua", "--warmup", "2s", cwd=tmp_path)
    assert done.code == USAGE and "--warmup" in done.err and "says itself what counts" in done.err, done.told()


def test_an_interrupt_in_the_warm_up_counts_nothing(target, tmp_path):
    server = target("--service-time", "constant:5ms")
    with subprocess.Popen([PELT, "bench", server.url + "/work", "-d", "2s", "--warmup", "20s", "--allow-invalid", "--out", "json=r.json"],
                          cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        while server.count()["total"] < 20:
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        assert run.wait(30) == 130
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["totals"]["started"] == 0 and report["warmup"]["started"] == server.count()["total"]
    assert report["seconds"] == []
