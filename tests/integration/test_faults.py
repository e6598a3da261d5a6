"""Servers that refuse, close early, reset, send rubbish or nothing: each exchange ends in one named outcome, what the
server read lies between what was surely and what was perhaps sent, and nothing hangs.
"""
import pytest

from hostile import MODES, Hostile
from program import SLOW, if_quiet, in_a_quiet_moment, outcomes_add_up, run, server_count_fits

pytestmark = pytest.mark.sanitize

USERS, LOAD_S, TIMEOUT_MS, GRACE_S = 4, 0.6, 400, 2
SLACK_S = 5.0 if SLOW else 1.0
SCENARIO = f"""
local pelt = require "pelt"
local api = pelt.http.client {{ timeout = "{TIMEOUT_MS}ms" }}
return {{
  name = "hostile",
  load = {{ users = {USERS}, duration = "{LOAD_S}s" }},
  iteration = function()
    api:post("/", {{ body = "question" }})
    pelt.sleep("5ms")
  end,
}}
"""

# mode: outcomes that may come of it; the first one must.
EXPECTED = {
    "good": ["ok"],
    "refuse": ["connect"],
    "close_at_accept": ["reset"],
    "close_after_request": ["reset"],
    "reset_at_accept": ["reset", "connect"],
    "reset_after_request": ["reset"],
    "reset_in_head": ["bad_response"],
    "reset_in_body": ["truncated"],
    "reset_after_answer": ["ok", "stale_reuse"],
    "keepalive_closed": ["ok", "stale_reuse"],
    "half_close": ["ok"],
    "early_413": ["http_status"],
    "silence": ["timeout"],
    "unread": ["timeout"],
    "slow_head": ["timeout"],
    "rubbish": ["bad_response"],
    "endless_head": ["head_too_large"],
    "large_head": ["head_too_large"],
    "endless_1xx": ["head_too_large"],
    "forty_1xx": ["head_too_large"],
    "http10": ["ok"],
    "split_everywhere": ["ok"],
    "bad_chunk_size": ["bad_body"],
    "chunk_overflow": ["bad_body"],
    "short_body": ["truncated"],
    "long_body": ["ok", "stale_reuse"],
    "cl_and_te": ["bad_response"],
    "two_content_lengths": ["bad_response"],
    "no_content_with_body": ["ok", "stale_reuse"],
    "no_content_with_length": ["bad_response"],
    "cl_and_empty_te": ["bad_response"],
    "chunked_twice": ["bad_response"],
}


def test_every_behaviour_has_an_expectation():
    assert set(MODES) == set(EXPECTED)


@pytest.mark.one_thread
@pytest.mark.parametrize("mode", EXPECTED)
def test_a_hostile_server_gives_one_named_outcome_each(tmp_path, mode):
    def check(_):
        scenario = tmp_path / "hostile.lua"
        scenario.write_text(SCENARIO)
        with Hostile(mode) as server:
            done = run(scenario, "--target", server.url, "--grace", f"{GRACE_S}s", cwd=tmp_path)
            # early_413 answers without reading a request to its end, so there only connections can be counted.
            counted = server.connections if mode == "early_413" else server.requests
        assert done.report, done.told()
        report = done.report
        outcomes = report["totals"]["outcomes"]
        must, *may = EXPECTED[mode]
        outcomes_add_up(report)
        server_count_fits(report, counted)
        assert set(outcomes) <= {must, *may, "timeout"}, (outcomes, report["errors"])
        # A host that holds back an answer for 400 ms makes it a timeout.
        if_quiet(must in outcomes and set(outcomes) <= {must, *may}, (outcomes, report["errors"]))
        assert {row["class"] for row in report["errors"]} == set(outcomes) - {"ok"}
        assert all(row["sample"] for row in report["errors"])
        if_quiet(done.seconds < LOAD_S + GRACE_S + SLACK_S, "the load ends, then what is in flight ends or times out")

    in_a_quiet_moment(check)
