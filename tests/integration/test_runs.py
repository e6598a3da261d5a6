"""`pelt runs` lists what is there, whatever lies beside it; `pelt new` writes a scenario that works."""
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

from program import BIN, PASSED, ROOT, SLOW, USAGE, Running, pelt, report_of

# The programs that list runs and write scenarios have one thread; the runs they list are those of any test.
pytestmark = [pytest.mark.sanitize, pytest.mark.one_thread]

HEAD = ["run", "load", "verdict", "exit", "start/s", "p95", "p99", "errors"]


def rows(done):
    """The lines of the list by the run's name."""
    lines = done.out.splitlines()
    assert lines[0].split() == HEAD, done.told()
    return {line.split()[0]: line for line in lines[1:] if not line.startswith(" ")}


def bench(folder, url, path, *options):
    done = pelt("bench", url, "-c", 1, "-d", "1s", "--quiet", "--allow-invalid", "--run-file", path, *options, cwd=folder)
    assert path.exists(), done.told()
    return done


def synthetic(path, seconds=3, series=2, per_second=200):
    subprocess.run([BIN / "synthetic_run", path, str(seconds), str(series), str(per_second)], check=True,
                   stdout=subprocess.DEVNULL)


def change(path, *statements):
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()


def test_runs_are_listed_newest_first_with_their_figures(target, tmp_path):
    url = target().url + "/health"
    for _ in range(2):
        pelt("bench", url, "-c", 2, "-d", "100ms", "--quiet", "--allow-invalid", cwd=tmp_path)
        time.sleep(1)
    pelt("bench", url, "--rate", "400/s", "-d", "1s", "--quiet", "--threshold", "http_response p95 < 1us", "--allow-invalid",
         cwd=tmp_path)
    names = sorted((path.stem for path in (tmp_path / "pelt-runs").glob("*.pelt")), reverse=True)
    done = pelt("runs", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert list(rows(done)) == names and len(names) == 3, done.told()
    newest, *older = done.out.splitlines()[1:]
    per_s = report_of(f"pelt-runs/{names[0]}.pelt", tmp_path)["totals"]["started_per_s"]
    assert 0 < per_s <= 400  # fewer: a busy host began some behind the load's second
    assert re.search(rf" 400/s 1s +\w+ +3 +{per_s:.1f} +\S+s +(\S+s|n/a) +0%$", newest), done.told()
    assert all(re.search(r" 2u 100ms +\w+ +0 ", line) for line in older), done.told()
    assert max(map(len, done.out.splitlines())) <= 80 and "\033" not in done.out
    assert f"pelt report pelt-runs/{names[0]}.pelt" in done.err, done.told()


def test_figures_are_those_of_the_report(target, tmp_path):
    path = tmp_path / "named.pelt"
    bench(tmp_path, target().url + "/status/404", path, "--threshold", "errors share < 100%")
    listed, told = pelt("runs", path, cwd=tmp_path), pelt("report", path, cwd=tmp_path)
    _, load, span, verdict, code, per_s, p95, p99, errors = rows(listed)["named"].split()
    assert (load, span, errors) == ("1u", "1s", "100%"), listed.told()
    assert f"measurement {verdict}  exit {code}" in told.out, (listed.told(), told.told())
    assert f" {per_s}/s" in told.out and f" {p95} " in told.out and f" {p99} " in told.out, (listed.told(), told.told())
    assert re.search(r"^  started \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, bench$", listed.out, re.M), listed.told()


def test_a_run_without_figures_in_meta_is_summed_up_to_the_same(tmp_path):
    """As older versions wrote it."""
    synthetic(tmp_path / "a.pelt", seconds=65, series=3)
    shutil.copy(tmp_path / "a.pelt", tmp_path / "b.pelt")
    change(tmp_path / "b.pelt", "DELETE FROM meta WHERE key LIKE 'total_%' OR key LIKE 'response_%'")
    shutil.copy(tmp_path / "b.pelt", tmp_path / "c.pelt")
    change(tmp_path / "c.pelt", "DELETE FROM hist_sum")
    done = pelt("runs", tmp_path, cwd=tmp_path)
    assert len({line[1:] for line in rows(done).values()}) == 1, done.told()


def test_what_is_no_run_has_its_line_and_stops_nothing(tmp_path):
    synthetic(tmp_path / "good.pelt")
    (tmp_path / "text.pelt").write_text("no database " * 100)
    (tmp_path / "empty.pelt").touch()
    (tmp_path / "cut.pelt").write_bytes((tmp_path / "good.pelt").read_bytes()[:9000])
    (tmp_path / "folder.pelt").mkdir()
    shutil.copy(tmp_path / "good.pelt", tmp_path / "newer.pelt")
    change(tmp_path / "newer.pelt", "PRAGMA user_version = 99")
    change(tmp_path / "foreign.pelt", "CREATE TABLE t (a)")
    (tmp_path / "report.json").write_text("{}")
    done = pelt("runs", tmp_path, cwd=tmp_path)
    assert done.code == PASSED and list(rows(done)) == ["good"], done.told()
    for name in ("text", "empty", "cut", "folder", "newer", "foreign"):
        assert len([line for line in done.err.splitlines() if f"/{name}.pelt: " in line]) == 1, (name, done.told())
    assert "report.json" not in done.out + done.err


def test_a_running_run_and_a_killed_one_are_told(target, tmp_path):
    path = tmp_path / "live.pelt"
    running = Running("bench", target().url + "/health", "-c", 1, "-d", "30s", "--quiet", "--run-file", path, cwd=tmp_path)
    for _ in range(100):
        time.sleep(0.1)
        if path.exists() and "running" in (done := pelt("runs", path, cwd=tmp_path)).out and " n/a" not in done.out:
            break
    assert re.search(r"1u 30s +running +- +[1-9]", done.out), done.told()
    running.signal(signal.SIGKILL)
    running.process.communicate()
    done = pelt("runs", path, cwd=tmp_path)
    assert re.search(r"1u 30s +killed +- +[1-9]", done.out), done.told()


def test_a_long_name_is_not_cut(tmp_path):
    name = "20261121-081500-" + "long-name-" * 6
    synthetic(tmp_path / f"{name}.pelt")
    done = pelt("runs", tmp_path, cwd=tmp_path)
    assert f"\n{name}\n      " in done.out, done.told()


def test_a_thousand_runs_take_little_time(tmp_path):
    synthetic(tmp_path / "0000.pelt", seconds=20, series=20, per_second=50)
    for i in range(1, 1000):
        os.link(tmp_path / "0000.pelt", tmp_path / f"{i:04}.pelt")
    done = pelt("runs", tmp_path, cwd=tmp_path)
    assert len(rows(done)) == 1000
    assert done.seconds < (30 if SLOW else 10), done.seconds


def test_no_runs_is_no_failure_but_a_missing_folder_is(tmp_path):
    done = pelt("runs", cwd=tmp_path)
    assert done.code == PASSED and done.out == "" and "no runs in pelt-runs" in done.err, done.told()
    done = pelt("runs", "nowhere", cwd=tmp_path)
    assert done.code == USAGE and "nowhere: No such file or directory" in done.err, done.told()
    (tmp_path / "x.pelt").write_text("no database " * 100)
    done = pelt("runs", "x.pelt", cwd=tmp_path)
    assert done.code == USAGE and "x.pelt: not a run file" in done.err, done.told()


def test_a_reader_that_goes_is_no_failure(tmp_path):
    synthetic(tmp_path / "0.pelt")
    for i in range(1, 300):
        os.link(tmp_path / "0.pelt", tmp_path / f"{i}.pelt")
    done = subprocess.run(f"{BIN}/pelt runs {tmp_path} | head -n 1; echo ${{PIPESTATUS[0]}}", shell=True, text=True,
                          executable="/bin/bash", capture_output=True, check=True)
    assert done.stdout.splitlines()[-1] == "0", done


def test_new_writes_a_scenario_that_works(target, tmp_path):
    done = pelt("new", "my chat", cwd=tmp_path)
    path = tmp_path / "my chat.lua"
    assert done.code == PASSED and "pelt run 'my chat.lua'" in done.out, done.told()
    assert path.read_bytes() == (ROOT / "scenarios/starter.lua").read_bytes()
    assert pelt("check", path, cwd=tmp_path).code == PASSED
    done = pelt("run", path, "--target", target().url, "-u", 5, "-d", "1s", "--quiet", "--no-run-file", "--allow-invalid",
                cwd=tmp_path)
    assert done.code in (PASSED, 3), done.told()  # 1 s may be too few requests to judge by
    assert "chat answered" in done.out and re.search(r"errors +0 ", done.out), done.told()


def test_new_never_writes_over_a_file(tmp_path):
    path = tmp_path / "scenario.lua"
    path.write_text("mine")
    done = pelt("new", cwd=tmp_path)
    assert done.code == USAGE and "scenario.lua: exists already" in done.err, done.told()
    assert path.read_text() == "mine"
    done = pelt("new", "nowhere/x.lua", cwd=tmp_path)
    assert done.code == USAGE and "nowhere/x.lua: cannot be made: No such file" in done.err, done.told()
