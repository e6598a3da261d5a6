"""Both sides count the same: what pelt says it started is what the server says it saw, to the request."""
import pytest

from program import PASSED, SLOW, bench, outcomes_add_up, server_count_fits

pytestmark = pytest.mark.sanitize

PATH = "/api/status"
THREADS = 4
RATE_PER_S, SECONDS = (2_000, 10) if SLOW else (20_000, 5)
EXCHANGES = RATE_PER_S * SECONDS  # 100,000, except under sanitizers
CONNECTIONS = 64
CLOSED_LOOP_S = 2


@pytest.fixture(params=["pelt-target", "nginx"])
def server(request):
    """(url, how many requests it has seen) of a server that counts for itself."""
    if request.param == "nginx":
        nginx = request.getfixturevalue("nginx")
        return nginx.url + PATH, nginx.count
    target = request.getfixturevalue("target")()
    return target.url + PATH, lambda: target.count()["paths"].get(PATH, 0)


def assert_shares(report):
    """Each thread did its part: between half and one and a half times the mean."""
    shares = [thread["started"] for thread in report["generator"]["threads"]]
    mean = report["totals"]["started"] / THREADS
    assert len(shares) == THREADS
    assert sum(shares) == report["totals"]["started"]
    assert SLOW or all(0.5 * mean <= share <= 1.5 * mean for share in shares), shares
    return shares


def test_open_loop_counts_equal_the_servers(server, tmp_path, record_property):
    url, counted = server
    done = bench(url, "--rate", f"{RATE_PER_S}/s", "-d", f"{SECONDS}s", "-t", THREADS, "--seed", 1,
                 cwd=tmp_path)
    assert done.code == PASSED, done.told()
    totals = done.report["totals"]
    record_property("started", totals["started"])
    record_property("ok", totals["outcomes"].get("ok"))
    record_property("server", counted())
    assert totals["outcomes"] == {"ok": EXCHANGES}, totals
    assert totals["started"] == EXCHANGES
    assert counted() == EXCHANGES
    outcomes_add_up(done.report)
    record_property("threads", assert_shares(done.report))


def test_closed_loop_counts_equal_the_servers(server, tmp_path):
    url, counted = server
    done = bench(url, "-c", CONNECTIONS, "-d", f"{CLOSED_LOOP_S}s", "-t", THREADS, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    totals = done.report["totals"]
    assert totals["started"] > CONNECTIONS
    assert totals["outcomes"] == {"ok": totals["started"]}, totals
    assert counted() == totals["started"]
    outcomes_add_up(done.report)
    server_count_fits(done.report, counted())
    assert_shares(done.report)


def test_seconds_and_requests_add_up_to_the_totals(target, tmp_path):
    instance = target()
    done = bench(instance.url + PATH, "--rate", "500/s", "-d", "3s", "-t", 2, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    report = done.report
    assert sum(second["started"] for second in report["seconds"]) == report["totals"]["started"] == 1_500
    assert sum(second["ok"] for second in report["seconds"]) == report["totals"]["outcomes"]["ok"]
    assert sum(row["started"] for row in report["requests"]) == report["totals"]["started"]
