"""`pelt demo` as a user sees it first. Its 20 s of load are spent once, with the build that is for use."""
import re

import pytest

from program import INVALID, PASSED, ROOT, pelt

STARTED = re.compile(r"^  (started|chat|GET /\S+) +([\d,]+) ", re.M)


@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.slow(20)
def test_demo_runs_and_says_where_all_lies(tmp_path):
    done = pelt("demo", cwd=tmp_path, timeout=90)
    assert done.code in (PASSED, INVALID), done.told()  # a busy host can make it INVALID
    paths = re.findall(r"\S+\.pelt\b|\S+\.json\b", done.out)
    assert paths, done.out
    assert all((tmp_path / path).exists() for path in paths), (paths, done.out)
    page = re.search(r"the report to look at: file://(\S+\.html)", done.err)
    assert page and "<!doctype html>" in open(page[1]).read(16), done.told()
    assert "server limits, closest to full" in done.out and re.search(r"^agent\n  demo at http", done.out, re.M), done.told()
    # The same seed gives the same plan, and README shows it.
    shown, told = STARTED.findall((ROOT / "README.md").read_text()), dict(STARTED.findall(done.out.split("\ntimes")[0]))
    assert len(shown) == 4 and all(told[name] == count for name, count in shown), (shown, told)
