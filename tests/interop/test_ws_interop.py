"""pelt's WebSockets against npm's ws as a server, with and without permessage-deflate: each message comes back as it was,
and both sides count the same.

Needs `npm ci --prefix tests/interop`; pelt from PELT_BIN_DIR (default build/dev/bin).
"""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ.get("PELT_BIN_DIR") or HERE.parent.parent / "build/dev/bin").resolve()

# 20 users, 5 connections each, 100 round trips each: 10,000 exchanges.
SCENARIO = """
local pelt = require "pelt"
local WORDS = { "load", "späte", "token", "\\u{1F680}", "0123456789", "the quick brown fox" }
return {
    load = { users = 20, iterations_per_user = 5 },
    iteration = function(user)
        local c = pelt.ws.connect("/echo", { deflate = %s, name = "echo" })
        pelt.check("open", c.open)
        pelt.check("deflate as agreed", c.deflate == %s)
        for i = 1, 100 do
            local text = {}
            for k = 1, user.rng:int(0, 60) do text[k] = user.rng:choice(WORDS) end
            local sent = table.concat(text, " ")
            local got, binary = c:request(sent, { binary = i %% 10 == 0 })
            pelt.check("same", got == sent and binary == (i %% 10 == 0))
        end
        local big = ("abcdefgh"):rep(user.rng:int(1, 20000))
        pelt.check("big", i == 0 or c:request(big) == big)
        local code, clean = c:close(3000 + user.iteration, "done")
        pelt.check("clean", code == 3000 + user.iteration and clean)
    end,
}
""".replace("i == 0 or ", "")


@pytest.fixture
def server():
    if shutil.which("node") is None or not (HERE / "node_modules" / "ws").is_dir():
        pytest.skip("ws is not installed: npm ci --prefix tests/interop")
    started = []

    def start(*options):
        process = subprocess.Popen(["node", str(HERE / "ws_server.js"), *options], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def total(report, metric, **tags):
    return sum(row["stats"]["count"] for row in report["metrics"]
               if row["name"] == metric and all(row["tags"].get(key) == value for key, value in tags.items()))


@pytest.mark.parametrize("options, offered, agreed", [
    ((), False, False), ((), True, False), (("deflate",), False, False), (("deflate",), True, True),
    (("deflate", "1024"), True, True),
], ids=["plain", "refused", "not offered", "deflate", "long ones only"])
def test_ten_thousand_exchanges_are_counted_alike(options, offered, agreed, server, tmp_path):
    process, port = server(*options)
    scenario = tmp_path / "echo.lua"
    scenario.write_text(SCENARIO % (str(offered).lower(), str(agreed).lower()))
    done = subprocess.run([str(BIN / "pelt"), "run", str(scenario), "--target", f"http://127.0.0.1:{port}", "--quiet",
                           "--no-run-file", "--allow-invalid", "-o", "json=report.json"], cwd=tmp_path,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    said, _ = process.communicate(timeout=20)
    counted = json.loads(said)
    assert all(row["failed"] == 0 for row in report["checks"]), report["checks"]
    assert report["totals"]["outcomes"] == {"ok": 100} and counted["connections"] == 100
    assert counted["compressed"] == (100 if agreed else 0) and counted["errors"] == []
    assert counted["messages_in"] == counted["messages_out"] == 10_100
    for ours, theirs in (("sent", "in"), ("received", "out")):
        assert total(report, "ws_messages", direction=ours) == counted[f"messages_{theirs}"]
        assert total(report, "ws_bytes", direction=ours) == counted[f"bytes_{theirs}"]
    assert total(report, "ws_rtt") == 10_100 and total(report, "ws_errors") == 0
    assert counted["closes"] == {str(3000 + k): 20 for k in range(5)}
    assert total(report, "ws_closes", clean="true") == 100
