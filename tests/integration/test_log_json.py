"""--log-json: all that pelt says on stderr is JSON, a line each."""
import json
import re

import pytest

from program import PASSED, USAGE, pelt

pytestmark = pytest.mark.sanitize

SCENARIO = """local pelt = require "pelt"
local function talk(user, r) print("say " .. tostring(r.trace_id) .. "\\n\\27[2J") end
return { target = pelt.env("TARGET"), load = { users = 2, duration = "30s", iterations_per_user = 3 }, trace = true,
  setup = function() print("set up") end,
  alerts = { { alert = "Busy", metric = "users", stat = "max", max = 1 } },
  iteration = function(user)
    talk(user, pelt.http.get("/health"))
    if user.id == 1 and user.iteration == 2 then error("oops") end
    pelt.sleep("600ms")
  end }
"""


def lines_of(text):
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"]), line
        assert line["level"] in ("debug", "info", "warning", "error") and line["logger"] and isinstance(line["message"], str), line
        assert line["module"] and isinstance(line.get("line", 1), int), line
    return lines


def test_every_line_is_json_with_what_is_known_of_it(target, tmp_path):
    path = tmp_path / "talk.lua"
    path.write_text(SCENARIO)
    done = pelt("run", path, "--log-json", "--no-run-file", "--allow-script-errors", "--allow-invalid", "--set", f"TARGET={target().url}",
                "--out", "json=-", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    lines = lines_of(done.err)
    said = [line for line in lines if line["logger"] == "scenario" and line["message"].startswith("say ")]
    assert sorted((line["user"], line["iteration"]) for line in said) == [(u, i) for u in (0, 1) for i in range(3)], said
    for line in said:
        assert line["message"] == f"say {line['correlation_id']}\n\x1b[2J" and re.fullmatch("[0-9a-f]{32}", line["correlation_id"]), line
        assert (line["module"], line["function"], line["line"]) == ("talk.lua", "talk", 2), line
    assert len({line["correlation_id"] for line in said}) == 6
    setup = next(line for line in lines if line["message"] == "set up")
    assert setup["module"] == "talk.lua" and "user" not in setup and "correlation_id" not in setup
    error = next(line for line in lines if line["logger"] == "script")
    assert error["level"] == "error" and "oops" in error["message"] and (error["user"], error["iteration"]) == (1, 2), error
    assert error["correlation_id"] == next(line["correlation_id"] for line in said if (line["user"], line["iteration"]) == (1, 2))
    assert any(line["logger"] == "alert" and line["level"] == "warning" and "Busy" in line["message"] for line in lines)
    assert any(line["logger"] == "summary" and "talk" in line["message"] for line in lines), "stdout is the JSON report's"
    assert json.loads(done.out)["run"]["scenario"] == "talk"


def test_bad_usage_is_json_too_wherever_the_option_stands(tmp_path):
    for arguments in (["--usres", "3", "--log-json"], ["--log-json", "--usres", "3"], ["--log-json"]):
        done = pelt("run", "nowhere.lua", *arguments, cwd=tmp_path)
        assert done.code == USAGE and lines_of(done.err)[0]["level"] == "error", done.told()
