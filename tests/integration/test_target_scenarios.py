"""The scenarios of scenarios/systems, each of which shows a system of pelt-target biting: all are good, and some are run."""
import pytest

from program import PASSED, ROOT, SLOW, outcomes_add_up, pelt, run

pytestmark = pytest.mark.sanitize

ALL = sorted((ROOT / "scenarios/systems").glob("*.lua"))


@pytest.mark.one_thread
def test_each_is_good_and_is_told_of(tmp_path):
    manual = (ROOT / "docs/TARGET_SYSTEMS.md").read_text()
    assert len(ALL) >= 14
    for path in ALL:
        done = pelt("check", path, cwd=tmp_path)
        assert done.code == PASSED, (path.name, done.told())
        assert f"scenarios/systems/{path.name}" in manual, path.name


def test_what_is_urgent_stays_fast(target, tmp_path):
    """120 tasks a second for 80 that can be done: the urgent ones, a fifth, hardly wait."""
    server = target("--tasks", 4, "--tasks-time", "exponential:50ms", "--tasks-queue", 10000)
    done = run(ROOT / "scenarios/systems/tasks.lua", "--set", f"TARGET={server.url}", "--set", "RATE=120/s", "--duration", "2s",
               cwd=tmp_path)
    assert done.code in (PASSED, 3), done.told()
    outcomes_add_up(done.report)
    p50 = {row["name"]: row["response_ms"]["p50"] for row in done.report["requests"]}
    assert SLOW or p50["high"] < 150 and p50["low"] > 3 * p50["high"], p50


def test_a_larger_cache_answers_more(target, tmp_path):
    shares = []
    for entries in (20, 1000):
        server = target("--search", "16m", "--search-entries", entries, "--service-time", "constant:5ms", "--service-for", "work")
        done = run(ROOT / "scenarios/systems/search.lua", "--set", f"TARGET={server.url}", "--duration", "2s", cwd=tmp_path)
        assert done.code in (PASSED, 3), done.told()
        shares.append(next(row["hit_share"] for row in done.report["caches"] if row["name"] == "search"))
    assert shares[0] + 0.1 < shares[1], shares
