"""What a user gets of a run that did not end by itself: killed, interrupted once, interrupted twice."""
import os
import random
import signal
import time

import pytest

from program import SIGINT_CODE, SIGTERM_CODE, SLOW, STARTS_MOVED, Running, if_quiet, in_a_quiet_moment, outcomes_add_up, report_of, server_count_fits

pytestmark = [pytest.mark.alone, pytest.mark.idle, pytest.mark.sanitize]

PATH = "/api/status"
RATE_PER_S = 500
KILLS = int(os.environ.get("PELT_KILLS") or 3)
# One second is in the making and the one before it may just be on its way to the disk.
LOST_S_MAX = 1.0 + (1.0 if SLOW else 0.25)
GRACE_S = 1.0
SLACK_S = 2.0 if SLOW else 0.0  # what a sanitizer adds to an exit


def moments():
    draw = random.Random(20)
    return [round(draw.uniform(1.2, 3.2), 3) for _ in range(KILLS)]


def wait_for_load(instance, count):
    """Until the server has seen `count` requests: the load runs."""
    deadline = time.monotonic() + 20
    while instance.count()["paths"].get(PATH, 0) < count:
        assert time.monotonic() < deadline, "the load never came"
        time.sleep(0.01)


@pytest.mark.one_thread
@pytest.mark.parametrize("moment_s", moments())
def test_a_killed_run_keeps_all_but_its_last_second(target, tmp_path, record_property, moment_s):
    def check(attempt):
        instance = target()
        running = Running("bench", instance.url + PATH, "--rate", f"{RATE_PER_S}/s", "-d", "60s", "-t", 2, "--quiet",
                          "--run-file", tmp_path / f"{attempt}.pelt", cwd=tmp_path)
        wait_for_load(instance, 1)
        time.sleep(moment_s)
        running.signal(signal.SIGKILL)
        assert running.wait().code == -signal.SIGKILL
        counted = instance.count()["paths"][PATH]

        report = report_of(tmp_path / f"{attempt}.pelt", tmp_path)
        kept = report["totals"]["started"]
        record_property("killed_after_s", moment_s)
        record_property("lost_requests", counted - kept)
        assert kept <= counted + 1
        if_quiet(counted - kept <= LOST_S_MAX * RATE_PER_S, (kept, counted))
        assert [row["t"] for row in report["seconds"]] == list(range(len(report["seconds"])))
        even = all(abs(row["started"] - RATE_PER_S) <= STARTS_MOVED for row in report["seconds"])
        if_quiet(SLOW or even, report["seconds"])

    in_a_quiet_moment(check)


@pytest.mark.one_thread
def test_a_killed_run_names_the_thresholds_it_missed(target, tmp_path):
    instance = target("--service-time", "constant:5ms")
    running = Running("bench", instance.url + PATH, "-c", 4, "-d", "60s", "--quiet", "--run-file", tmp_path / "run.pelt",
                      "--threshold", "http_response p50 < 1ms", "--threshold", "errors share < 1%", cwd=tmp_path)
    wait_for_load(instance, 1)
    time.sleep(2.5)
    running.signal(signal.SIGKILL)
    running.wait()
    killed, missed = report_of(tmp_path / "run.pelt", tmp_path)["result"]["reasons"]
    assert killed == "the run did not end in order" and missed.startswith("threshold missed: http_response p50 <= 1ms"), missed


def interrupted(instance, tmp_path, number, again_after_s=None, grace_s=GRACE_S):
    """(what pelt left, its report, seconds from the last signal to the end)."""
    (tmp_path / "run.pelt").unlink(missing_ok=True)
    before = instance.count()["paths"].get(PATH, 0)
    running = Running("bench", instance.url + PATH, "-c", 8, "-d", "60s", "--grace", f"{grace_s}s",
                      "--run-file", tmp_path / "run.pelt", "--out", f"json={tmp_path / 'report.json'}", cwd=tmp_path)
    wait_for_load(instance, before + 8)
    signalled = running.signal(number)
    if again_after_s is not None:
        time.sleep(again_after_s)
        signalled = running.signal(number)
    done = running.wait(grace_s + 10 + SLACK_S)
    seconds = time.monotonic() - signalled
    return done, report_of(tmp_path / "run.pelt", tmp_path), seconds


@pytest.mark.parametrize("number, code", [(signal.SIGINT, SIGINT_CODE), (signal.SIGTERM, SIGTERM_CODE)])
def test_an_interrupt_reports_what_was_measured(target, tmp_path, number, code):
    def check(attempt):
        instance = target()
        done, report, seconds = interrupted(instance, tmp_path, number)
        assert done.code == code, done.told()
        assert report["result"]["exit_code"] == code
        assert "requests" in done.out or "started" in done.out, done.told()
        outcomes_add_up(report)
        server_count_fits(report, instance.count()["paths"][PATH])
        if_quiet(seconds < GRACE_S + 1 + SLACK_S, seconds)

    in_a_quiet_moment(check)


def test_an_interrupt_waits_for_the_grace_period_and_no_longer(target, tmp_path):
    instance = target("--service-time", "constant:30s", "--drain", "0s")

    def check(_):
        done, report, seconds = interrupted(instance, tmp_path, signal.SIGINT)
        assert done.code == SIGINT_CODE, done.told()
        assert GRACE_S - 0.1 <= seconds
        assert report["totals"]["outcomes"] == {"unfinished": 8}
        outcomes_add_up(report)
        if_quiet(seconds < GRACE_S + 1 + SLACK_S, seconds)

    in_a_quiet_moment(check)


def test_a_second_interrupt_reports_at_once(target, tmp_path):
    instance = target("--service-time", "constant:30s", "--drain", "0s")

    def check(_):
        done, report, seconds = interrupted(instance, tmp_path, signal.SIGINT, again_after_s=0.3, grace_s=20)
        assert done.code == SIGINT_CODE, done.told()
        assert report["totals"]["outcomes"] == {"unfinished": 8}
        if_quiet(seconds < 0.2 + SLACK_S, seconds)

    in_a_quiet_moment(check)
