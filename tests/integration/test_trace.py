"""The slowest exchanges of a run: which they are, and what pelt trace says of one of them by its id."""
import re

import pytest

from program import PASSED, USAGE, pelt, report_of

pytestmark = pytest.mark.sanitize

SCENARIO = """
local pelt = require "pelt"
return {
    name = "traced",
    trace = { correlation = "X-Correlation-ID" },
    load = { users = 4, iterations_per_user = 100 },
    iteration = function(user)
        pelt.http.get("/api/status", { name = "status" })
        pelt.http.batch { { "GET", "/nothing", { name = "nothing" } } }
    end,
}
"""


@pytest.fixture
def traced(target, tmp_path):
    """(folder, the run's end) of a run of 800 exchanges, each with an id, on two threads."""
    server = target("--service-time", "exponential:2ms", "--json-log", str(tmp_path / "server.log"))
    (tmp_path / "traced.lua").write_text(SCENARIO)
    done = pelt("run", tmp_path / "traced.lua", "--target", server.url, "-t", 2, "--quiet", "--allow-invalid", "--run-file",
                tmp_path / "run.pelt", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert server.stop() == 0  # its log is whole
    return tmp_path, done


def test_the_slowest_are_those_of_the_histograms_and_are_found_in_the_servers_log(traced):
    folder, done = traced
    report = report_of(folder / "run.pelt", folder)
    slowest = report["slowest"]
    of_run, of_names = slowest[:10], slowest[10:]
    assert [row["response_ms"] for row in of_run] == sorted((row["response_ms"] for row in of_run), reverse=True)
    assert all(row["response_ms"] <= of_run[-1]["response_ms"] for row in of_names)
    for request in report["requests"]:
        own = [row for row in slowest if row["name"] == request["name"]]
        assert len(own) >= 3
        assert own[0]["response_ms"] == request["response_ms"]["max"]
    for row in slowest:
        phases = row["phases_ms"]
        assert row["service_ms"] <= row["response_ms"]
        assert phases["wait"] + phases["receive"] == pytest.approx(row["service_ms"] - (phases["send"] or 0), abs=0.003)
        assert row["due_s"] <= row["sent_s"] <= row["first_byte_s"] <= row["done_s"]
        assert row["status"] == {"status": 200, "nothing": 404}[row["name"]]
        assert 0 <= row["user"] < 4 and 0 <= row["iteration"] < 100
    assert len({row["trace_id"] for row in slowest}) == len(slowest)
    log = (folder / "server.log").read_text()
    assert all(row["trace_id"] in log for row in slowest)
    error, = report["errors"]
    assert error["first"]["trace_id"] in error["sample"] and error["first"]["status"] == 404
    assert of_run[0]["trace_id"] in done.out


def test_trace_tells_all_that_is_known_of_one(traced):
    folder, _ = traced
    row = report_of(folder / "run.pelt", folder)["slowest"][0]
    for asked in (row["trace_id"], row["trace_id"][:12].upper(), f"00-{row['trace_id']}-00f067aa0ba902b7-01"):
        done = pelt("trace", folder / "run.pelt", asked, cwd=folder)
        assert done.code == PASSED, done.told()
    told = done.out
    assert told.startswith(f"{row['outcome']}  {row['name']}")
    assert re.search(rf"user {row['user']}, iteration {row['iteration']}, thread {row['thread']}\b", told)
    assert f"grep {row['trace_id']}" in told
    for moment, key in (("due", "due_s"), ("sent", "sent_s"), ("first byte", "first_byte_s"), ("done", "done_s")):
        found = re.search(rf"^  {moment} +([0-9.]+) s", told, re.MULTILINE)
        assert float(found[1]) == pytest.approx(row[key], abs=0.0006), moment
    assert re.search(r"second \d+ of the load\n  \d+ started", told)


def test_an_id_that_is_not_known_is_answered_plainly(traced):
    folder, _ = traced
    row = report_of(folder / "run.pelt", folder)["slowest"][0]
    for asked, says in (("deadbeef" * 4, "keeps only its slowest exchanges"), ("abc", "is no trace id"),
                        (row["trace_id"][:7], "is no trace id"), ("; DROP TABLE", "is no trace id")):
        done = pelt("trace", folder / "run.pelt", asked, cwd=folder)
        assert done.code == USAGE and says in done.err and not done.out, done.told()
        assert len(done.err.splitlines()) == 1
    done = pelt("trace", folder / "run.pelt", cwd=folder)
    assert done.code == USAGE and "needs an id" in done.err, done.told()


def test_without_ids_trace_says_how_to_get_them(target, tmp_path):
    done = pelt("bench", target().url + "/", "-n", 10, "--quiet", "--allow-invalid", "--run-file", tmp_path / "run.pelt", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert "slowest" not in done.out
    done = pelt("trace", tmp_path / "run.pelt", "deadbeef" * 4, cwd=tmp_path)
    assert done.code == USAGE and "trace = true" in done.err, done.told()
