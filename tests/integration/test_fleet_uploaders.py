"""Many workers that send no load but say what so much of it would have been (tests/bench/fleet_uploaders.c), all at once or with
faults of their own, over a real redis-server: what the coordinator makes of it."""
import pytest

from fleet import REDIS, Uploaders
from program import PASSED, SLOW, if_quiet, in_a_quiet_moment

pytestmark = pytest.mark.skipif(REDIS is None, reason="no redis-server here")

LOST = 6
SERIES, SAMPLES = 8, 100 if SLOW else 1000


@pytest.fixture(name="uploaders")
def some_uploaders(tmp_path):
    made = []

    def start(n, seconds, *faults):
        made.append(Uploaders(tmp_path / str(len(made)), n, seconds, *faults, series=SERIES, samples=SAMPLES))
        return made[-1]
    yield start
    for one in made:
        one.stop()


def exact(told, started):
    assert told["totals"]["started"] == told["totals"]["outcomes"]["ok"] == started, told["totals"]
    assert sum(w["started"] for w in told["workers"]) == started
    assert [row["response_ms"]["count"] for row in told["requests"]] == [started // SERIES] * SERIES


@pytest.mark.alone
@pytest.mark.slow(12)
def test_hundred_workers_are_put_together_in_time(uploaders):
    def check(_):
        said, done, told = uploaders(100, 4).end()
        assert done.code == PASSED and said["settled"], done.told()
        exact(told, said["started"])
        assert said["started"] == 100 * 4 * SERIES * SAMPLES
        if not SLOW:
            if_quiet(said["lag_ms"]["p99"] < 1000, f"acknowledged late: {said}")
    in_a_quiet_moment(check)


@pytest.mark.sanitize
@pytest.mark.slow(8)
def test_what_comes_again_or_broken_or_not_at_all_changes_nobody_elses_figures(uploaders):
    """Three coordinators at a time: every second thrice, in random order; the first worker's frames behind broken ones, the second's
    behind some that were changed at random; one second of one worker missing."""
    strange = 2000 if SLOW else 20000
    again, broken, missing = uploaders(20, 4, "-x"), uploaders(20, 4, "-g", strange, "-m", strange), uploaders(10, 4, "-d")
    said, done, told = again.end()
    assert done.code == PASSED, done.told()
    exact(told, said["started"])
    assert all(w["refused"] == 0 and w["gap"] is None for w in told["workers"]), told["workers"]

    said, done, told = broken.end()
    assert done.code in (PASSED, LOST), done.told()
    honest, second = said["started"] // 20, told["workers"].pop(1)
    assert said["broken"] == said["mutants"] == strange
    assert all((w["started"], w["state"], w["gap"]) == (honest, "done", None) for w in told["workers"]), told["workers"]
    assert [w["refused"] for w in told["workers"]] == [strange] + 18 * [0]
    assert strange - 100 < second["refused"] <= strange, second  # one may be taken for a second's frame, which is refused then
    assert told["totals"]["started"] == 19 * honest + second["started"], second

    said, done, told = missing.end()
    assert done.code == LOST, done.told()
    assert told["totals"]["started"] == said["started"] - SERIES * SAMPLES
    gap = told["workers"][0]["gap"]
    assert (gap["from_s"], gap["to_s"]) == (1, 2), gap
    assert all(w["gap"] is None for w in told["workers"][1:]), told["workers"]
