"""The scenarios that come with pelt run as they stand, against the service they are written for."""
import pytest

from program import PASSED, ROOT, outcomes_add_up, pelt, run

pytestmark = [pytest.mark.sanitize]

# What stands beside the load: shorter, and with less than a laptop can do.
RUNS = {
    "chat_mix": ["--duration", "2s", "--set", "RATE=60/s"],
    "sustained": ["--duration", "3s", "--set", "USERS=10"],
    "burst": ["--duration", "4s", "--set", "BASE=10/s", "--set", "PEAK=50/s"],
    "benchmark": ["--duration", "3s", "--set", "RATE=50/s"],
}
NAMES = {"chat_mix": {"chat", "health", "models"}, "sustained": {"chat"}, "burst": {"chat"}, "benchmark": {"models"}}


def scenario(name):
    return ROOT / "scenarios" / f"{name}.lua"


@pytest.mark.parametrize("name", RUNS)
def test_a_scenario_of_the_project_runs(target, tmp_path, name):
    server = target()
    done = run(scenario(name), "--set", f"TARGET={server.url}", *RUNS[name], cwd=tmp_path)
    assert done.code == PASSED, done.told()
    outcomes_add_up(done.report)
    assert {row["name"] for row in done.report["requests"]} == NAMES[name]
    assert done.report["totals"]["outcomes"] == {"ok": done.report["totals"]["started"]}, done.report["totals"]
    assert done.report["totals"]["started"] == server.settled_count()["total"]
    assert all(check["failed"] == 0 for check in done.report["checks"]), done.report["checks"]


@pytest.mark.parametrize("name", RUNS)
def test_a_scenario_of_the_project_reads_as_what_it_is(tmp_path, name):
    done = pelt("check", scenario(name), cwd=tmp_path)
    says = {
        "chat_mix": "20/s for 2m, poisson",
        "sustained": "sustained: 0 -> 20 users over 1m, then 20 users for 58m, then 20 -> 0 users over 1m, think time drawn",
        "burst": "burst: 20/s, 4 spikes to 200 for 10s every 30s, 2m, uniform",
        "benchmark": "benchmark: 100/s, 3 trials of 1m, uniform",
    }[name]
    assert done.code == PASSED and says in done.out, done.told()
