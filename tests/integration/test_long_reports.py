"""Reports of long runs, and of parts of runs: what they tell, and what they take."""
import json
import shutil
import sqlite3
import subprocess
import sys

import jsonschema
import pytest

from program import BIN, PASSED, PELT, ROOT, SLOW, USAGE, if_quiet, in_a_quiet_moment, pelt

SECONDS, REQUESTS, NAMES, FIGURES = 600, 200_000, 20, 20
FORMATS = ("json", "summary", "junit", "markdown", "hlog", "openmetrics", "csv")
MOST_S, MOST_KB = 3, 100_000
# By a small process between: of memory the kernel counts also what the starting process had, until the program began.
USED = '''import json, resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, used.ru_maxrss, used.ru_utime + used.ru_stime]))'''


@pytest.fixture(scope="module")
def long_run(made_once):
    figures = [str(n) for n in (SECONDS, REQUESTS, NAMES, FIGURES)]
    return made_once("long.pelt", lambda path: subprocess.run([BIN / "long_run", path, *figures], check=True, timeout=120))


def report(path, *options, cwd):
    done = pelt("report", path, "--out", "json=-", *options, cwd=cwd)
    assert done.code == PASSED, done.told()
    return json.loads(done.out)


@pytest.mark.slow
def test_any_report_of_a_long_run_takes_little_time_and_memory(long_run, tmp_path):
    def check(_attempt):
        for name in FORMATS:
            done = subprocess.run([sys.executable, "-c", USED, PELT, "report", long_run, "--out", f"{name}={tmp_path / name}"],
                                  stderr=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
            code, kilobytes, took = json.loads(done.stdout)
            assert code == PASSED, name
            if not SLOW:
                assert kilobytes < MOST_KB, (name, kilobytes)
                if_quiet(took < MOST_S / 4, f"{name} took {took:.2f} s of CPU for a quarter of what {MOST_S} s are for")
    in_a_quiet_moment(check)


@pytest.mark.parametrize("out", ["json", "html", "csv"])
def test_a_damaged_block_of_what_an_agent_read_is_named(long_run, tmp_path, out):
    damaged = tmp_path / "damaged.pelt"
    shutil.copy(long_run, damaged)
    with sqlite3.connect(damaged) as db:
        db.execute("UPDATE server_second SET block = substr(block, 1, 5) WHERE t = 7")
    db.close()
    done = pelt("report", damaged, "--out", f"{out}={tmp_path / 'out'}", cwd=tmp_path)
    assert "server_second, second 7" in done.err + done.out, done.told()
    assert done.code != PASSED, done.told()


def test_a_part_of_a_run_is_the_sum_of_its_seconds(long_run, tmp_path):
    whole = report(long_run, cwd=tmp_path)
    part = report(long_run, "--from", "100s", "--to", "4m", cwd=tmp_path)
    jsonschema.Draft202012Validator(json.loads((ROOT / "docs/report.schema.json").read_text())).validate(part)
    assert part["run"]["part"] == {"from_s": 100, "to_s": 240} and part["run"]["duration_s"] == 140
    seconds = [row for row in whole["seconds"] if 100 <= row["t"] < 240]
    assert part["seconds"] == seconds
    assert part["totals"]["started"] == sum(row["started"] for row in seconds)
    assert part["totals"]["started_per_s"] == pytest.approx(part["totals"]["started"] / 140, abs=0.001)
    assert all(240 > row["done_s"] >= 100 for row in part["slowest"])
    assert part["findings"] == [] and "part" not in whole["run"]
    assert part["verdict"] == whole["verdict"] and part["result"] == whole["result"]
    worst = max(request["response_ms"]["p99"] or 0 for request in part["requests"])
    assert 0 < part["thresholds"][0]["value"] <= worst
    limit, = [row for row in part["agents"][0]["limits"] if row["limit"] == "limit_0"]
    served = sum(row["server"]["api"]["limit_0"]["events"] for row in seconds)
    assert limit["events"] == served


def test_parts_put_together_are_the_run(long_run, tmp_path):
    cuts = ["0s", "50s", "5m", "10m"]
    parts = [report(long_run, "--from", a, "--to", b, cwd=tmp_path) for a, b in zip(cuts, cuts[1:])]
    whole = report(long_run, cwd=tmp_path)
    for key in ("started", "bytes_sent", "bytes_received"):
        assert sum(part["totals"][key] for part in parts) == whole["totals"][key]
    for i, request in enumerate(whole["requests"]):
        assert sum(part["requests"][i]["response_ms"]["count"] for part in parts) == request["response_ms"]["count"]
        assert max(part["requests"][i]["response_ms"]["max"] for part in parts) == request["response_ms"]["max"]


def test_the_summary_says_that_it_is_of_a_part(long_run, tmp_path):
    done = pelt("report", long_run, "--from", "1m", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert "from 60 s to 600 s" in done.out and "of the whole run" in " ".join(done.out.split())


@pytest.mark.parametrize("options, says", [
    (["--from", "5m", "--to", "1m"], "nothing in between"), (["--from", "11m"], "seconds 0 to 599"),
    (["--from", "1500ms"], "no whole second"), (["--to", "soon"], "--to"),
])
def test_a_part_that_cannot_be_is_refused_in_one_line(long_run, tmp_path, options, says):
    done = pelt("report", long_run, *options, cwd=tmp_path)
    assert done.code == USAGE and says in done.err and len(done.err.splitlines()) == 1, done.told()
