"""The JSON report follows its published schema, whatever the run was like."""
import json

import jsonschema
import pytest

from agents import AGENT
from program import PASSED, ROOT, bench, outcomes_add_up

SCHEMA = ROOT / "docs/report.schema.json"


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(SCHEMA.read_text())
    jsonschema.validators.validator_for(schema).check_schema(schema)
    return jsonschema.validators.validator_for(schema)(schema)


@pytest.mark.parametrize("options", [
    pytest.param(["--rate", "50/s", "-d", "1s"], id="few samples"),
    pytest.param(["-c", 4, "-d", "1s", "--threshold", "http_response p99 < 1s", "--threshold", "errors share <= 0%"],
                 id="thresholds"),
])
def test_the_report_follows_its_schema(target, tmp_path, validator, options):
    done = bench(target().url + "/api/status", *options, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    validator.validate(done.report)
    outcomes_add_up(done.report)
    assert "NaN" not in (tmp_path / "report.json").read_text()


@pytest.mark.skipif(not AGENT.exists(), reason="no pelt-agent in this build")
def test_the_report_of_a_run_with_an_agent_follows_its_schema(target, agent, tmp_path, validator):
    server = target()
    api = agent("--port", server.port, "--name", "api")
    done = bench(server.url + "/api/status", "--rate", "50/s", "-d", "1s", "--agent", api.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    validator.validate(done.report)
    assert done.report["agents"][0]["limits"] and done.report["seconds"][0]["server"]["api"], done.report["agents"]
    assert "NaN" not in (tmp_path / "report.json").read_text()


def test_the_report_of_a_run_in_which_all_failed_follows_its_schema(tmp_path, validator):
    done = bench("http://127.0.0.1:9/", "-c", 2, "-d", "1s", cwd=tmp_path)
    assert done.report, done.told()
    validator.validate(done.report)
    assert set(done.report["totals"]["outcomes"]) == {"connect"}
