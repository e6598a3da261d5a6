"""Whether a run says that it cannot be believed, and why: each cause is planted from outside the process."""
import json
import os
import re
import shutil
import subprocess

import pytest

from cgroup import Quota
from program import INVALID, PELT, SLOW, if_quiet, in_a_quiet_moment

CORES = sorted(os.sched_getaffinity(0))
pytestmark = pytest.mark.slow


def judged(*arguments, cwd, prefix=()):
    """The report of a run started behind `prefix`, and its exit code."""
    path = cwd / "report.json"
    path.unlink(missing_ok=True)
    done = subprocess.run([*map(str, prefix), str(PELT), *map(str, arguments), "--quiet", "--no-run-file",
                           "--out", f"json={path}"], cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert path.exists(), (done.returncode, done.stdout, done.stderr)
    return json.loads(path.read_text()), done.returncode


def assert_invalid(report, code, *words):
    """INVALID, by the exit code, too, and the first reason of all is the one that was planted."""
    verdict = report["verdict"]
    assert verdict["status"] == "INVALID", verdict
    assert code == INVALID, (code, verdict)
    assert all(word in verdict["reasons"][0] for word in words), verdict
    assert report["result"]["reasons"][0].startswith("the run is INVALID: " + verdict["reasons"][0]), report["result"]


@pytest.mark.alone
@pytest.mark.parametrize("load", [("--rate", "60000/s", "-u", 2000), ("-c", 50)], ids=["open", "closed"])
def test_throttled_to_half_a_core(target, tmp_path, load):
    quota = Quota(f"pelt-test-{os.getpid()}", share=0.5)

    def check(_attempt):
        before = quota.throttled()
        report, code = judged("bench", target().url + "/health", "-d", "2s", "-t", 1, *load, cwd=tmp_path,
                              prefix=quota.prefix)
        told = report["generator"]["host"]
        if_quiet(quota.throttled() - before >= 8, told)  # it got its half core, and wanted more
        assert_invalid(report, code, "pelt was throttled", "cgroup")
        assert 8 <= told["throttled"] <= quota.throttled() - before, told

    try:
        in_a_quiet_moment(check)
    finally:
        quota.close()


BURNING = """
local pelt = require "pelt"
return {
  load = { %s, duration = "%ds" },
  iteration = function()
    local x = 0
    for i = 1, 2000000 do x = x + i %% 7 end
    pelt.http.get("/health")
  end,
}
"""


@pytest.mark.alone
@pytest.mark.parametrize("load", ['rate = "400/s", users = 5000', "users = 10"], ids=["open", "closed"])
def test_a_script_that_burns_cpu(target, tmp_path, load):
    scenario = tmp_path / "burning.lua"
    scenario.write_text(BURNING % (load, 2))

    def check(_attempt):
        report, code = judged("run", scenario, "--target", target().url, "-t", 1, "--grace", "1s", cwd=tmp_path)
        thread = report["generator"]["threads"][0]
        # Where others took the core, too, that comes first.
        if_quiet("starved" not in report["verdict"]["reasons"][0], report["verdict"])
        assert_invalid(report, code, "the script computes", "thread 0")
        assert thread["lua_share"] > 0.5, thread

    in_a_quiet_moment(check)


@pytest.mark.sanitize
def test_two_thousand_users_on_two_hundred_descriptors(target, tmp_path):
    report, code = judged("bench", target().url + "/health", "-c", 2000, "-d", "1s", "--force", cwd=tmp_path,
                          prefix=["sh", "-c", 'ulimit -n 200 && exec "$@"', "sh"])
    assert_invalid(report, code, "gen_fd_limit")
    assert report["totals"]["outcomes"]["gen_fd_limit"] > 0, report["totals"]


@pytest.mark.alone
def test_a_second_generator_on_the_core(target, tmp_path):
    """Two of them take two thirds of the core that pelt is on; the server has another one where there is one. Their scripts compute:
    a generator that waits for the same server leaves the core as often as that server is slow."""
    if shutil.which("taskset") is None:
        pytest.skip("no taskset on this host: install util-linux")
    server = target(cpus=CORES[0])
    pinned = ["taskset", "-c", str(CORES[-1])]
    (tmp_path / "burning.lua").write_text(BURNING % ("users = 2", 120))
    others = [subprocess.Popen([*pinned, str(PELT), "run", "burning.lua", "--target", server.url, "-t", "1", "--quiet",
                                "--no-run-file"], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
              for _ in range(2)]

    def check(_attempt):
        report, code = judged("bench", server.url + "/health", "--rate", "500/s" if SLOW else "20000/s", "-d", "2s", "-t", 1,
                              cwd=tmp_path, prefix=pinned)
        if_quiet(report["generator"]["threads"][0]["run_wait_share"] >= 0.25, report["generator"])  # the two had it, not others
        assert_invalid(report, code, "starved", "run queue wait")

    try:
        in_a_quiet_moment(check)
    finally:
        for other in others:
            other.kill()
            other.wait()


def test_the_target_on_this_host_is_said_and_no_verdict(target, tmp_path):
    report, _ = judged("bench", target().url + "/health", "--rate", "100/s", "-d", "1s", cwd=tmp_path)
    assert report["generator"]["host"]["has_target"] is True, report["generator"]
    assert not any("target" in reason for reason in report["verdict"]["reasons"]), report["verdict"]
    done = subprocess.run([str(PELT), "bench", target().url + "/health", "--rate", "100/s", "-d", "1s", "--no-run-file"],
                          cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert "the target runs on this host: both share its CPUs" in done.stdout, done.stdout


def test_no_server_is_no_server_on_this_host(tmp_path):
    report, _ = judged("bench", "http://192.0.2.1/", "-c", 1, "-d", "200ms", "--grace", "100ms", cwd=tmp_path)
    assert report["generator"]["host"]["has_target"] is False, report["generator"]


def test_who_refuses_is_on_this_host_too(tmp_path):
    """Nothing listens there: the closed loop takes the core for itself, and no other program has starved it."""
    report, _ = judged("bench", "http://127.0.0.1:9/", "-c", 1, "-d", "300ms", cwd=tmp_path)
    assert report["generator"]["host"]["has_target"] is True, report["generator"]


def test_shares_of_time_are_of_the_load_and_not_of_the_grace_period(target, tmp_path):
    """Iterations of a load of a second go on for seconds: whatever pelt then does is no share of that second."""
    scenario = tmp_path / "slow.lua"
    scenario.write_text("""
        local pelt = require "pelt"
        return {
          load = { users = 8, duration = "1s", grace = "30s" },
          iteration = function()
            for _ = 1, 20 do
              local x = 0
              for i = 1, 500000 do x = x + i % 7 end
              pelt.http.get("/health")
            end
          end,
        }""")
    url = target().url

    def check(_attempt):
        report, _ = judged("run", scenario, "--target", url, "-t", 1, cwd=tmp_path)
        thread = report["generator"]["threads"][0]
        ready = thread["cpu_share"] + (thread["run_wait_share"] or 0)  # it computes, or waits for the core to do so
        assert ready <= 1.01, thread
        if_quiet(ready > 0.2, thread)
        assert not any(int(share) > 100 for share in re.findall(r"(\d+)(?:\.\d)?%", " ".join(report["verdict"]["reasons"]))), report

    in_a_quiet_moment(check)


@pytest.mark.alone
@pytest.mark.parametrize("load", ["rate = '400/s', users = 200", "users = 20"], ids=["open", "closed"])
def test_stalls_taint_what_was_in_flight(target, tmp_path, load):
    """One iteration in twenty computes for some 20 ms: what the others measured meanwhile is told apart."""
    scenario = tmp_path / "stalling.lua"
    scenario.write_text("""
        local pelt = require "pelt"
        return {
          load = { LOAD, duration = "2s" },
          iteration = function(user)
            if user.iteration % 20 == 0 then
              local x = 0
              for i = 1, 1000000 do x = x + i % 7 end
            end
            pelt.http.get("/health")
          end,
        }""".replace("LOAD", load))
    server = target("--service-time", "5ms")

    def check(_attempt):
        report, _ = judged("run", scenario, "--target", server.url, "-t", 1, cwd=tmp_path)
        generator = report["generator"]
        assert generator["tainted_tail_share"] > 0.9, generator
        assert report["requests"][0]["response_ms"]["p99"] > 20, report["requests"]
        clean = generator["untainted_p99_ms"]
        if_quiet(clean is not None and clean < 8.5, generator)  # the server's 5 ms, and what 1 ms of stall may add

    in_a_quiet_moment(check)
