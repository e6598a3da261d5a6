"""`--repeat N`: runs one after the other, each with its own seed, run file and reports."""
import json
import signal
import time

import pytest

from agents import Agent
from program import PASSED, SIGTERM_CODE, USAGE, Running, pelt


@pytest.mark.sanitize
def test_each_run_has_its_seed_its_run_file_and_its_report(target, tmp_path):
    done = pelt("bench", target().url + "/health", "-c", 1, "-d", "300ms", "--repeat", 3, "--seed", 7, "--allow-invalid", "--quiet",
                "--run-file", "x.pelt", "--out", "json=r.json", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert [json.loads((tmp_path / f"r-{i}.json").read_text())["run"]["seed"] for i in (1, 2, 3)] == [7, 8, 9]
    assert all((tmp_path / f"x-{i}.pelt").exists() for i in (1, 2, 3))
    told = done.out.split("repeat: 3 runs\n")
    assert len(told) == 2 and all(f"\nx-{i} " in told[1] for i in (1, 2, 3)), done.told()
    assert "bottleneck" not in told[1], done.told()  # nobody watched
    together = json.loads((tmp_path / "r.json").read_text())
    assert together["document"] == "repeat" and together["bottleneck"] == {"about": None, "in_runs": 0, "of_runs": 3}, together
    assert [run["run_file"] for run in together["runs"]] == ["x-1.pelt", "x-2.pelt", "x-3.pelt"], together


def test_a_repetition_without_run_files_is_refused(tmp_path):
    done = pelt("bench", "http://127.0.0.1:9/", "--repeat", 2, "--no-run-file", cwd=tmp_path)
    assert done.code == USAGE and "--no-run-file" in done.err, done.told()
    done = pelt("bench", "http://127.0.0.1:9/", "--repeat", 0, cwd=tmp_path)
    assert done.code == USAGE and "--repeat" in done.err, done.told()


def test_a_run_that_does_not_come_to_its_end_ends_all(tmp_path):
    (tmp_path / "broken.lua").write_text("return { load = { users = 1, duration = '300ms' }, iteration = function() error('no') end }")
    done = pelt("run", "broken.lua", "--repeat", 3, "--quiet", "--allow-invalid", cwd=tmp_path)
    assert done.code == USAGE and "ended with run 1 of 3" in done.err, done.told()
    assert len(list((tmp_path / "pelt-runs").glob("*.pelt"))) == 1


@pytest.mark.slow(14)
def test_what_no_run_knows_is_no_bottleneck_either(target, tmp_path):
    service = target()
    (tmp_path / "agent").mkdir()
    agent = Agent(tmp_path / "agent", "--name", "api", "--port", f"web={service.port}")
    try:
        asked = ("-d", "6s", "--repeat", 2, "--quiet", "--allow-invalid", "--agent", f"api={agent.url}", "--out", "json=r.json")
        done = pelt("bench", service.url + "/nowhere", "--rate", "20/s", *asked, cwd=tmp_path)
        assert done.code == PASSED and "\nbottleneck unknown, in 2 of 2 runs\n" in done.out, done.told()
        together = json.loads((tmp_path / "r.json").read_text())
        assert together["bottleneck"] == {"about": "unknown", "in_runs": 2, "of_runs": 2}, together
    finally:
        agent.stop()


def test_the_last_run_that_was_interrupted_is_not_counted(target, tmp_path):
    running = Running("bench", target().url + "/health", "-c", 1, "-d", "2s", "--repeat", 2, "--quiet", "--allow-invalid", "--run-file", "x.pelt", cwd=tmp_path)
    deadline = time.monotonic() + 20
    while not (tmp_path / "x-2.pelt").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.signal(signal.SIGTERM)
    done = running.wait()
    assert done.code == SIGTERM_CODE and "ended with run 2 of 2" in done.err and "repeat: 2 runs" not in done.out, done.told()
