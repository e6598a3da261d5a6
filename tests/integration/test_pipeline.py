"""Pipelining: many requests in flight on one connection, and both sides still count the same, whatever ends the connection."""
import pytest

from hostile import MODES, Hostile
from program import PASSED, SLOW, USAGE, bench, if_quiet, in_a_quiet_moment, outcomes_add_up, pelt, server_count_fits

pytestmark = pytest.mark.sanitize

PATH = "/api/status"
CONNECTIONS, THREADS, LOAD_S = 5, 2, 1
SERVICE_MS = 20
NGINX_REQUESTS_A_CONNECTION = 1_000  # after which it closes (keepalive_requests)


@pytest.fixture
def counted_target(target):
    instance = target()
    return instance.url + PATH, lambda: instance.count()["paths"].get(PATH, 0)


def bench_piped(url, depth, *options, cwd):
    return bench(url, "--pipeline", depth, "-c", CONNECTIONS, "-t", THREADS, *options, cwd=cwd)


@pytest.mark.parametrize("depth", [2, 7, 64])
def test_counts_equal_the_servers(counted_target, depth, tmp_path):
    url, counted = counted_target
    done = bench_piped(url, depth, "-d", f"{LOAD_S}s", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    totals = done.report["totals"]
    assert totals["started"] > CONNECTIONS * depth
    assert totals["outcomes"] == {"ok": totals["started"]}, totals
    assert counted() == totals["started"]
    outcomes_add_up(done.report)


@pytest.mark.parametrize("depth", [1, 3, 64])
def test_so_many_iterations_are_so_many_requests(counted_target, depth, tmp_path):
    url, counted = counted_target
    done = bench_piped(url, depth, "-n", 1_234, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert done.report["totals"]["outcomes"] == {"ok": 1_234}
    assert counted() == 1_234


def test_connections_are_as_many_as_asked_for(tmp_path):
    """Also where they do not divide by the threads."""
    with Hostile("good") as server:
        done = bench_piped(server.url, 4, "-d", f"{LOAD_S}s", cwd=tmp_path)
        assert server.connections == CONNECTIONS
        assert server.requests == done.report["totals"]["started"]
    assert done.code == PASSED, done.told()
    assert all(second["users"] <= CONNECTIONS for second in done.report["seconds"])


def test_a_ramp_opens_whole_connections(tmp_path):
    with Hostile("good") as server:
        done = bench_piped(server.url, 8, "--ramp", "500ms", "-d", "1s", cwd=tmp_path)
        assert server.connections == CONNECTIONS
        assert server.requests == done.report["totals"]["started"]
    assert done.report["totals"]["outcomes"] == {"ok": server.requests}


def test_counts_equal_nginxs(nginx, tmp_path):
    requests = NGINX_REQUESTS_A_CONNECTION
    done = bench_piped(nginx.url + "/", 16, "-n", requests, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert done.report["totals"]["outcomes"] == {"ok": requests}
    assert nginx.count() == requests


def test_what_nginx_leaves_unanswered_it_has_not_counted(nginx, tmp_path):
    """It closes each connection with its 1000th answer, whatever was pipelined behind."""
    done = bench_piped(nginx.url + "/", 16, "-n", 20 * NGINX_REQUESTS_A_CONNECTION, cwd=tmp_path)
    totals = done.report["totals"]
    assert set(totals["outcomes"]) == {"ok", "stale_reuse"}, totals
    assert totals["sent"] == {"yes": totals["outcomes"]["ok"], "maybe": totals["outcomes"]["stale_reuse"], "no": 0}
    assert nginx.count() == totals["outcomes"]["ok"]
    assert totals["outcomes"]["stale_reuse"] <= 15 * 20
    assert "pipelined before it" in done.report["errors"][0]["sample"]
    outcomes_add_up(done.report)


def test_what_was_left_unanswered_is_called_again_by_choice(nginx, tmp_path):
    n = 6 * NGINX_REQUESTS_A_CONNECTION
    done = bench_piped(nginx.url + "/", 16, "-n", n, "--retry-stale", cwd=tmp_path)
    counted = done.report["totals"]["outcomes"]
    assert set(counted) == {"ok", "stale_reuse"} and counted["ok"] == n == nginx.count(), done.told()
    assert done.report["totals"]["started"] == n + counted["stale_reuse"]
    outcomes_add_up(done.report)


def test_a_response_waits_for_those_before_it_and_its_time_tells(target, tmp_path):
    """pelt-target answers the requests of one connection one after the other."""
    instance = target("--service-time", f"constant:{SERVICE_MS}ms")

    def check(_):
        done = bench(instance.url + PATH, "--pipeline", 4, "-c", 1, "-n", 60, cwd=tmp_path)
        assert done.code == PASSED, done.told()
        assert done.report["totals"]["outcomes"] == {"ok": 60}
        times = done.report["requests"][0]["response_ms"]
        assert times["min"] >= SERVICE_MS
        assert times["p50"] >= 4 * SERVICE_MS * 0.98
        if_quiet(times["min"] < 2 * SERVICE_MS, times)  # the very first one waits for nobody

    in_a_quiet_moment(check)


# mode: outcomes that may come of it; the first one must.
BEHIND_NONE, BEHIND_ONE = "reset", "stale_reuse"  # of requests behind the one that ended the connection
EXPECTED = {
    "good": ["ok"],
    "refuse": ["connect", "unfinished"],  # the end may come within a back-off
    "close_at_accept": ["reset"],
    "close_after_request": ["reset"],
    "reset_at_accept": ["reset", "connect"],
    "reset_after_request": ["reset"],
    "reset_in_head": ["bad_response", BEHIND_NONE],
    "reset_in_body": ["truncated", BEHIND_NONE],
    "reset_after_answer": ["ok", "stale_reuse", "reset"],
    "keepalive_closed": ["ok", "stale_reuse", "reset"],
    "half_close": ["ok", BEHIND_ONE],
    "early_413": ["http_status", BEHIND_ONE, "reset"],
    "silence": ["unfinished"],
    "unread": ["unfinished"],
    "slow_head": ["unfinished"],
    "rubbish": ["bad_response", BEHIND_NONE],
    "endless_head": ["head_too_large", BEHIND_NONE],
    "large_head": ["head_too_large", BEHIND_NONE],
    "endless_1xx": ["head_too_large", BEHIND_NONE],
    "forty_1xx": ["head_too_large", BEHIND_NONE],
    "http10": ["ok", BEHIND_ONE],
    "split_everywhere": ["ok"],
    "bad_chunk_size": ["bad_body", BEHIND_NONE],
    "chunk_overflow": ["bad_body", BEHIND_NONE],
    "short_body": ["truncated", BEHIND_NONE],
    "long_body": ["ok", "bad_response", BEHIND_ONE],
    "cl_and_te": ["bad_response", BEHIND_NONE],
    "two_content_lengths": ["bad_response", BEHIND_NONE],
    "no_content_with_body": ["ok", "bad_response", BEHIND_ONE],
    "no_content_with_length": ["bad_response", BEHIND_NONE],
    "cl_and_empty_te": ["bad_response", BEHIND_NONE],
    "chunked_twice": ["bad_response", BEHIND_NONE],
}


def test_every_behaviour_has_an_expectation():
    assert set(MODES) == set(EXPECTED)


@pytest.mark.one_thread
@pytest.mark.parametrize("mode", EXPECTED)
def test_a_hostile_server_gives_one_named_outcome_each(tmp_path, mode):
    def check(_):
        with Hostile(mode) as server:
            done = bench_piped(server.url, 4, "-X", "POST", "--body", "question", "-d", "500ms", "--grace", "1s",
                               "-n", 2_000, cwd=tmp_path)
            counted = server.connections if mode == "early_413" else server.requests
        assert done.report, done.told()
        outcomes = done.report["totals"]["outcomes"]
        must, *may = EXPECTED[mode]
        outcomes_add_up(done.report)
        server_count_fits(done.report, counted)
        assert set(outcomes) <= {must, *may, "unfinished"}, (outcomes, done.report["errors"])
        if_quiet(must in outcomes and set(outcomes) <= {must, *may}, (outcomes, done.report["errors"]))
        assert all(row["sample"] for row in done.report["errors"])
        if_quiet(done.seconds < 0.5 + 1 + (5 if SLOW else 1.5), done.told())

    in_a_quiet_moment(check)


@pytest.mark.one_thread
@pytest.mark.parametrize("options, said", [
    (("--pipeline", 4, "--rate", "10/s"), "--pipeline 4: with --rate"),
    (("--pipeline", 4, "-H", "Connection: close"), "Connection: close"),
    (("--pipeline", 0), "from 1 to 64"),
    (("--pipeline", 65), "from 1 to 64"),
    (("--pipeline", "4/s"), "from 1 to 64"),
])
def test_what_cannot_be_pipelined_is_one_clear_line(options, said, tmp_path):
    done = pelt("bench", "http://127.0.0.1:1/", *options, cwd=tmp_path)
    assert done.code == USAGE
    assert said in done.err and done.err.count("\n") == 1, done.err


def test_the_plan_says_how_many_are_in_flight(target, tmp_path):
    done = pelt("bench", target().url + PATH, "--pipeline", 4, "-c", 3, "-n", 100, "--no-run-file", "--quiet", "--allow-invalid", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert "3 users for 100 iterations, 4 in flight each" in " ".join(done.out.split()), done.out
