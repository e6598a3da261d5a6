"""The histograms in a run file are the standard ones: hdr-histogram-js reads them to the figures that pelt reports."""
import base64
import json
import shutil
import sqlite3
import subprocess

import pytest

from program import PASSED, ROOT, pelt, report_of

INTEROP = ROOT / "tests/interop"
PERCENTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99}

# Adds up the payloads of all seconds (base64, one a line) and prints count and percentiles in microseconds.
READER = """
const hdr = require("hdr-histogram-js");
const sum = hdr.build({ lowestDiscernibleValue: 1, highestTrackableValue: 3600000000, numberOfSignificantValueDigits: 3 });
for (const line of require("fs").readFileSync(0, "utf8").split("\\n").filter(Boolean))
  sum.add(hdr.decodeFromCompressedBase64(line));
const at = {};
for (const p of %s) at[p] = sum.getValueAtPercentile(p);
console.log(JSON.stringify({ count: sum.totalCount, at }));
""" % json.dumps(list(PERCENTILES.values()))


@pytest.fixture
def reader():
    """Feeds payloads to hdr-histogram-js."""
    if shutil.which("node") is None:
        pytest.skip("no node on this host: install nodejs")
    if not (INTEROP / "node_modules/hdr-histogram-js").exists():
        pytest.skip("hdr-histogram-js is not installed: npm ci --prefix tests/interop")

    def read(payloads):
        lines = "\n".join(base64.b64encode(payload).decode() for payload in payloads)
        done = subprocess.run(["node", "-e", READER], input=lines, capture_output=True, text=True, timeout=60, cwd=INTEROP,
                              check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return read


@pytest.mark.parametrize("kind, key", [("http_response", "response_ms"), ("http_service", "service_ms")])
def test_other_tools_read_the_run_files_histograms(target, tmp_path, reader, kind, key):
    path = tmp_path / "run.pelt"
    done = pelt("bench", target("--service-time", "exponential:5ms").url + "/api/status", "--rate", "400/s", "-d", "3s", "--quiet", "--allow-invalid",
                "--run-file", path, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    with sqlite3.connect(path) as db:
        payloads = [row[0] for row in db.execute("SELECT payload FROM hist WHERE kind = ?", (kind,))]
    assert len(payloads) >= 3
    read = reader(payloads)
    figures = report_of(path, tmp_path)["requests"][0][key]
    assert read["count"] == figures["count"] == 1_200
    assert {name: read["at"][str(p)] / 1e3 for name, p in PERCENTILES.items()} == \
        {name: pytest.approx(figures[name], abs=0.0006) for name in PERCENTILES}
