"""The limit that is planted is the one that the report names; ci/measure attr has all of them, five times each."""
import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

import planted
from program import if_quiet, in_a_quiet_moment, report_of

CASES = "worker pool", "open files", "rate limiter"  # a pool with a queue, a limit of the kernel's, one that refuses


def renamed(run_file, to):
    """A copy in which no figure is called what it was; the order of names is another one, too."""
    shutil.copy(run_file, to)
    with sqlite3.connect(to) as db:
        db.execute("UPDATE server_figure SET name = 'x' || (1000 - i)")
    db.close()
    return to


@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.slow(20)
def test_the_planted_limit_is_named(tmp_path, record_property):
    def check(attempt):
        folders = {name: tmp_path / f"{attempt} {name}" for name in CASES}
        for folder in folders.values():
            folder.mkdir()
        with ThreadPoolExecutor() as pool:
            runs = {name: pool.submit(planted.ramp, name, folder) for name, folder in folders.items()}
        for name, run in runs.items():
            done = run.result()
            assert done.report, done.told()
            found = planted.bottleneck(done.report)
            told = f"{name}: {json.dumps(found, indent=1)}"
            record_property(name, f"{found['about']}, {found['confidence']}")
            if_quiet(planted.limit_of(found) in planted.CASES[name][1], told)
            assert 0.25 < found["confidence"] <= 1 and found["advice"], told
            assert name != "worker pool" or any("a consequence, after the break: api/pool_late from" in line for line in found["evidence"]), told
            assert any(line.startswith(found["about"]) for line in found["evidence"]), told
            again = planted.bottleneck(report_of(renamed(folders[name] / "run.pelt", folders[name] / "renamed.pelt"), folders[name]))
            assert again["about"].startswith("api/x"), again
            assert {key: again[key] for key in ("confidence", "points", "break_s", "onset_s")} == \
                   {key: found[key] for key in ("confidence", "points", "break_s", "onset_s")}, (again, told)

    in_a_quiet_moment(check)
