"""The plan of an open loop comes from the seed alone: not from the number of threads, not from the server."""
import pytest

from program import PASSED, SLOW, STARTS_MOVED, if_quiet, in_a_quiet_moment, run

pytestmark = pytest.mark.sanitize

RATE_PER_S, SECONDS = (200, 2) if SLOW else (1_000, 2)
SCENARIO = """
local pelt = require "pelt"
return {{
  name = "arrivals",
  load = pelt.load.rate {{ rate = "{rate}/s", duration = "{seconds}s", arrivals = "{arrivals}" }},
  iteration = function() pelt.http.get("/api/status") end,
}}
"""


def started_each_second(target_url, tmp_path, arrivals, seed, threads):
    """(begun in each second, in all): the plan, as the server answers at once."""
    path = tmp_path / "arrivals.lua"
    path.write_text(SCENARIO.format(rate=RATE_PER_S, seconds=SECONDS, arrivals=arrivals))
    done = run(path, "--target", target_url, "--seed", seed, "-t", threads, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    seconds = [row["started"] for row in done.report["seconds"] if row["t"] < SECONDS]
    return seconds, done.report["totals"]["started"]


@pytest.mark.alone
@pytest.mark.parametrize("arrivals", ["poisson", "gamma"])
def test_the_same_seed_gives_the_same_plan_on_any_number_of_threads(target, tmp_path, arrivals):
    url = target().url

    def check(attempt):
        one, one_total = started_each_second(url, tmp_path, arrivals, seed=7, threads=1)
        four, four_total = started_each_second(url, tmp_path, arrivals, seed=7, threads=4)
        assert one_total == four_total
        # Two runs, each with its own start that a second's edge may catch.
        assert len(set(one)) > 1, "random arrivals are not the same in every second"
        if_quiet(SLOW or all(abs(a - b) <= 2 * STARTS_MOVED for a, b in zip(one, four, strict=True)), (one, four))

    in_a_quiet_moment(check)


def test_another_seed_gives_another_plan(target, tmp_path):
    url = target().url
    _, seven = started_each_second(url, tmp_path, "poisson", 7, 1)
    _, eight = started_each_second(url, tmp_path, "poisson", 8, 1)
    assert seven != eight


@pytest.mark.alone
def test_uniform_arrivals_are_exact(target, tmp_path):
    url = target().url

    def check(attempt):
        started, total = started_each_second(url, tmp_path, "uniform", 7, 2)
        assert total == RATE_PER_S * SECONDS
        if_quiet(SLOW or all(abs(n - RATE_PER_S) <= STARTS_MOVED for n in started), started)

    in_a_quiet_moment(check)
