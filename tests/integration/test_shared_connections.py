"""Users of a thread that share connections: as many as said, nobody is lost, and the wait for one is part of the response."""
import re
import resource

import pytest

from hostile import Hostile
from program import PASSED, USAGE, if_quiet, in_a_quiet_moment, outcomes_add_up, pelt, run, server_count_fits

pytestmark = pytest.mark.sanitize

USERS, THREADS, ITERATIONS = 24, 2, 1_200
SERVICE_MS = 20
SCENARIO = """
local http = require("pelt").http
return {
    %s
    load = { users = %d, iterations = %d },
    iteration = function() http.get("/api/status") end,
}
"""


@pytest.fixture
def scenario(tmp_path):
    """scenario(key, users, iterations): the file's path."""
    def write(key="", users=USERS, iterations=ITERATIONS):
        path = tmp_path / "shared.lua"
        path.write_text(SCENARIO % (key, users, iterations))
        return path
    return write


@pytest.mark.parametrize("options, most", [((), USERS), (("-c", 2), 2 * THREADS), (("-c", 1), THREADS)])
def test_connections_are_as_many_as_said(scenario, options, most, tmp_path):
    with Hostile("good") as server:
        done = run(scenario('connections = "shared",'), "--target", server.url, "-t", THREADS, *options, cwd=tmp_path)
        assert done.code == PASSED, done.told()
        assert done.report["totals"]["outcomes"] == {"ok": ITERATIONS}
        assert server.requests == ITERATIONS
        assert server.connections <= most


def test_the_option_alone_shares_them(scenario, tmp_path):
    with Hostile("good") as server:
        done = run(scenario(), "--target", server.url, "-t", 1, "-c", 3, cwd=tmp_path)
        assert done.code == PASSED, done.told()
        assert server.connections == 3


def test_counts_equal_the_servers(scenario, target, nginx, tmp_path):
    instance = target()
    done = run(scenario(), "--target", instance.url, "-t", THREADS, "-c", 3, cwd=tmp_path)
    assert done.report["totals"]["outcomes"] == {"ok": ITERATIONS}, done.told()
    assert instance.count()["paths"] == {"/api/status": ITERATIONS}
    done = run(scenario(), "--target", nginx.url, "-t", THREADS, "-c", 3, cwd=tmp_path)
    assert done.report["totals"]["outcomes"] == {"ok": ITERATIONS}, done.told()
    assert nginx.count() == ITERATIONS


def test_the_wait_for_a_connection_is_blocked_time(scenario, target, tmp_path):
    instance = target("--service-time", f"constant:{SERVICE_MS}ms")

    def check(_):
        done = run(scenario(users=5, iterations=100), "--target", instance.url, "-t", 1, "-c", 1, cwd=tmp_path)
        assert done.report["totals"]["outcomes"] == {"ok": 100}, done.told()
        row = done.report["requests"][0]
        assert row["response_ms"]["p50"] >= 5 * SERVICE_MS * 0.98
        assert row["phases_ms"]["blocked"]["p50"] >= 4 * SERVICE_MS * 0.98
        assert row["service_ms"]["min"] >= SERVICE_MS
        if_quiet(row["service_ms"]["p50"] < 2 * SERVICE_MS, row)

    in_a_quiet_moment(check)


def test_arrivals_share_them_too(tmp_path, target):
    """Each arrival may be a fresh user; connections stay."""
    path = tmp_path / "open.lua"
    path.write_text("""
        local http = require("pelt").http
        return { connections = "shared", load = { rate = "500/s", duration = "1s", iterations_per_user = 1 },
                 iteration = function() http.get("/api/status") end }""")

    def check(_):
        instance = target()
        done = run(path, "--target", instance.url, "-t", THREADS, cwd=tmp_path)
        assert done.report["totals"]["outcomes"] == {"ok": 500}, done.told()
        assert instance.count()["total"] == 500
        connected = done.report["requests"][0]["phases_ms"]["connect"]["count"]
        if_quiet(connected < 400, connected)

    in_a_quiet_moment(check)


def test_batches_wait_for_connections(tmp_path, target):
    path = tmp_path / "batch.lua"
    path.write_text("""
        local http = require("pelt").http
        return { load = { users = 4, iterations = 100 }, iteration = function()
            http.batch { "/api/status", "/api/status", "/health", "/health", "/health" }
        end }""")
    instance = target()
    done = run(path, "--target", instance.url, "-t", 1, "-c", 2, cwd=tmp_path)
    assert done.report["totals"]["outcomes"] == {"ok": 500}, done.told()
    assert instance.count()["paths"] == {"/api/status": 200, "/health": 300}


@pytest.mark.one_thread
@pytest.mark.parametrize("mode, outcomes", [
    ("refuse", {"connect"}),
    ("close_after_request", {"reset"}),
    ("reset_in_body", {"truncated", "reset", "bad_response"}),
    ("keepalive_closed", {"ok", "stale_reuse"}),
    ("http10", {"ok"}),
    ("long_body", {"ok", "stale_reuse"}),
    ("rubbish", {"bad_response"}),
    ("silence", {"unfinished"}),
])
def test_a_hostile_server_gives_one_named_outcome_each(scenario, mode, outcomes, tmp_path):
    with Hostile(mode) as server:
        done = run(scenario(), "--target", server.url, "-t", THREADS, "-c", 3, "-d", "500ms", "--grace", "300ms", cwd=tmp_path)
        counted = server.requests
    assert done.report, done.told()
    outcomes_add_up(done.report)
    server_count_fits(done.report, counted)
    assert done.report["totals"]["started"] >= USERS
    assert set(done.report["totals"]["outcomes"]) <= outcomes | {"unfinished"}, done.report["errors"]


@pytest.mark.one_thread
@pytest.mark.parametrize("value, said", [('"share"', '"share"'), ("20", "20"), ("true", "true")])
def test_another_value_is_one_clear_line(scenario, value, said, tmp_path):
    done = pelt("check", scenario(f"connections = {value},"), cwd=tmp_path)
    assert done.code == USAGE
    assert done.err.count("\n") == 1
    assert said in done.err and 'connections = "shared"' in done.err, done.err


def test_shared_connections_count_for_the_limit_of_descriptors(scenario, target, tmp_path):
    """Many users on few connections need few descriptors."""
    few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))  # noqa: E731
    many = scenario(users=400, iterations=800)
    url = target().url
    refused = pelt("run", many, "--target", url, "--no-run-file", cwd=tmp_path, preexec_fn=few)
    assert refused.code == USAGE and "400 users need" in refused.err, refused.told()
    refused = pelt("run", many, "--target", url, "-t", 2, "-c", 150, "--no-run-file", cwd=tmp_path, preexec_fn=few)
    assert refused.code == USAGE and "300 connections need" in refused.err, refused.told()
    done = run(many, "--target", url, "-t", 2, "-c", 10, cwd=tmp_path, preexec_fn=few)
    assert done.report["totals"]["outcomes"] == {"ok": 800}, done.told()


@pytest.mark.one_thread
def test_waiting_and_connecting_together_take_no_longer_than_the_timeout(tmp_path):
    """A refused port: with one connection, most of a call's time goes by in line before its own connecting begins."""
    path = tmp_path / "refused.lua"
    path.write_text("""
return {
    target = "http://127.0.0.1:9", connections = "shared",
    load = { users = 10, duration = "1500ms", grace = "1s" },
    iteration = function()
        local pelt = require "pelt"
        local before = pelt.now()
        pelt.http.get("/", { timeout = "400ms" })
        pelt.log("warning", ("took %d ms"):format((pelt.now() - before) * 1000 // 1))
    end,
}
""")

    def check(_):
        done = run(path, "-t", 1, "-c", 1, cwd=tmp_path)
        outcomes_add_up(done.report)
        assert set(done.report["totals"]["outcomes"]) <= {"connect", "timeout"}, done.told()
        took = max(float(ms) for ms in re.findall(r"took (\d+) ms", done.err))
        if_quiet(took < 600, took)

    in_a_quiet_moment(check)
