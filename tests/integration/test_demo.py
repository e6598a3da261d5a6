"""`pelt demo` as a user sees it first. Its 30 s of load are spent once, with the build that is for use."""
import json
import re

import pytest

from program import INVALID, PASSED, pelt


@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.slow(20)
def test_demo_runs_and_says_where_all_lies(tmp_path):
    done = pelt("demo", cwd=tmp_path, timeout=120)
    assert done.code in (PASSED, INVALID), done.told()  # a busy host can make it INVALID
    paths = re.findall(r"\S+\.pelt\b|\S+\.json\b", done.out)
    assert paths, done.out
    assert all((tmp_path / path).exists() for path in paths), (paths, done.out)
    page = re.search(r"the report to look at: file://(\S+\.html)", done.err)
    assert page and "<!doctype html>" in open(page[1]).read(16), done.told()
    assert "server limits, closest to full" in done.out and re.search(r"^agent\n  demo at http", done.out, re.M), done.told()
    report = json.loads(next((tmp_path / "pelt-runs").glob("*.json")).read_text())
    found = {finding["kind"]: finding for finding in report["findings"]}
    assert found["capacity"]["found"], done.told()  # four workers of 20 ms for 60% of the requests: 333/s
    named = "generator" if report["verdict"]["status"] == "INVALID" else "demo/pool_workers"
    assert found["bottleneck"]["limit"] == named, (found, done.told())
