"""Both sides count the same: what pelt says it started is what the server says it saw, to the request."""
import pytest

from program import PASSED, SLOW, bench, if_quiet, in_a_quiet_moment, outcomes_add_up, server_count_fits

pytestmark = pytest.mark.sanitize

PATH = "/api/status"
THREADS = 4
RATE_PER_S, SECONDS = (2_000, 4) if SLOW else (20_000, 5)
EXCHANGES = RATE_PER_S * SECONDS  # 100,000, except under sanitizers
CONNECTIONS = 64
CLOSED_LOOP_S = 2


@pytest.fixture(params=["pelt-target", pytest.param("nginx", marks=pytest.mark.variant)])
def server(request):
    """(url, how many requests it has seen) of a server that counts for itself."""
    if request.param == "nginx":
        nginx = request.getfixturevalue("nginx")
        return nginx.url + PATH, nginx.count
    target = request.getfixturevalue("target")()
    return target.url + PATH, lambda: target.count()["paths"].get(PATH, 0)


def shares_of(report):
    """What each thread started."""
    shares = [thread["started"] for thread in report["generator"]["threads"]]
    assert len(shares) == THREADS
    assert sum(shares) == report["totals"]["started"]
    return shares


def are_even(shares):
    """Each thread did its part: between half and one and a half times the mean."""
    mean = sum(shares) / len(shares)
    return all(0.5 * mean <= share <= 1.5 * mean for share in shares)


@pytest.mark.slow
@pytest.mark.alone
def test_open_loop_counts_equal_the_servers(server, tmp_path, record_property):
    url, counted = server

    def check(_):
        before = counted()
        done = bench(url, "--rate", f"{RATE_PER_S}/s", "-d", f"{SECONDS}s", "-t", THREADS, "--seed", 1,
                     cwd=tmp_path)
        assert done.code == PASSED, done.told()
        totals, seen = done.report["totals"], counted() - before
        record_property("started", totals["started"])
        record_property("ok", totals["outcomes"].get("ok"))
        record_property("server", seen)
        outcomes_add_up(done.report)
        server_count_fits(done.report, seen)
        if SLOW:  # beside others: held up for long enough, the plan needs more connections at once than a server takes
            if_quiet(totals["outcomes"] == {"ok": EXCHANGES}, totals)
        assert totals["outcomes"] == {"ok": EXCHANGES}, totals
        assert totals["started"] == EXCHANGES == seen
        shares = shares_of(done.report)
        record_property("threads", shares)
        assert are_even(shares), shares

    in_a_quiet_moment(check)


def test_closed_loop_counts_equal_the_servers(server, tmp_path):
    url, counted = server

    def check(_):
        before = counted()
        done = bench(url, "-c", CONNECTIONS, "-d", f"{CLOSED_LOOP_S}s", "-t", THREADS, cwd=tmp_path)
        assert done.code == PASSED, done.told()
        totals = done.report["totals"]
        assert totals["started"] > CONNECTIONS
        assert totals["outcomes"] == {"ok": totals["started"]}, totals
        assert counted() - before == totals["started"]
        outcomes_add_up(done.report)
        server_count_fits(done.report, counted() - before)
        shares = shares_of(done.report)
        if_quiet(SLOW or are_even(shares), shares)

    in_a_quiet_moment(check)


def test_seconds_and_requests_add_up_to_the_totals(target, tmp_path):
    instance = target()
    done = bench(instance.url + PATH, "--rate", "500/s", "-d", "3s", "-t", 2, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    report = done.report
    assert sum(second["started"] for second in report["seconds"]) == report["totals"]["started"] == 1_500
    assert sum(second["ok"] for second in report["seconds"]) == report["totals"]["outcomes"]["ok"]
    assert sum(row["started"] for row in report["requests"]) == report["totals"]["started"]
