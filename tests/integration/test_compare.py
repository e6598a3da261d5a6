"""`pelt compare` finds what is planted in the server, refuses what cannot be compared, and says it in each format; `pelt
history` finds the run with which it began."""
import json
import shutil
import sqlite3
import subprocess

import jsonschema
import pytest

from program import BIN, INVALID, PASSED, ROOT, USAGE, if_quiet, in_a_quiet_moment, pelt

# The programs that compare have one thread.
pytestmark = [pytest.mark.sanitize, pytest.mark.one_thread]

WORSE = 5
SCHEMA = json.loads((ROOT / "docs/compare.schema.json").read_text())


def validate(document):
    jsonschema.validators.validator_for(SCHEMA)(SCHEMA).validate(document)


def synthetic(path, seconds=40, series=1, per_second=50):
    subprocess.run([BIN / "synthetic_run", path, str(seconds), str(series), str(per_second)], check=True,
                   stdout=subprocess.DEVNULL)
    return path


def change(path, *statements):
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()


def compare(*arguments, cwd):
    """What is printed, and the JSON, which follows its schema."""
    path = cwd / "compare.json"
    path.unlink(missing_ok=True)
    done = pelt("compare", *arguments, "--out", f"json={path}", cwd=cwd)
    if path.exists():
        done.report = json.loads(path.read_text())
        validate(done.report)
        assert done.report["result"]["exit_code"] == done.code, done.told()
    return done


def verdict(done, figure):
    return next(f["verdict"] for f in done.report["figures"] if f["figure"] == figure)


@pytest.mark.slow
def test_a_slower_server_is_worse_and_a_faster_one_better(target, tmp_path):
    fast, slow = target("--service-time", "constant:20ms"), target("--service-time", "constant:80ms")

    def check(attempt):
        sides = {name: tmp_path / f"{name}-{attempt}" for name in ("fast", "slow")}
        for i in range(3):  # in turn, so that what the host does meanwhile falls on both
            for server, folder in zip((fast, slow), sides.values()):
                folder.mkdir(exist_ok=True)
                pelt("bench", server.url + "/work", "-c", 6, "-n", 60, "--quiet", "--allow-invalid", "--run-file",
                     folder / f"{i}.pelt", cwd=tmp_path)
        worse = compare(sides["fast"], sides["slow"], "--allow-invalid", cwd=tmp_path)
        better = compare("--base", *sides["slow"].iterdir(), "--new", *sides["fast"].iterdir(), "--allow-invalid", cwd=tmp_path)
        assert worse.report["method"]["between_runs"] and len(worse.report["base"]) == 3, worse.told()
        if_quiet(worse.code == WORSE and verdict(worse, "p50") == "worse", worse.told())
        if_quiet(better.code == PASSED and verdict(better, "p50") == "better", better.told())
        assert worse.out.startswith("WORSE: ") and better.out.startswith("BETTER: "), worse.told()

    in_a_quiet_moment(check)


def test_a_run_is_the_same_as_itself_in_all_formats(tmp_path):
    run = synthetic(tmp_path / "a.pelt")
    done = compare(run, run, "--out", "markdown=comment.md", "--out", "summary=compare.txt", cwd=tmp_path)
    assert done.code == PASSED and done.report["result"]["worse"] == 0, done.told()
    assert verdict(done, "p50") == verdict(done, "throughput") == "same", done.told()
    assert "differences between runs are not known" in done.out, done.told()
    first = done.out.splitlines()[0]
    assert " of 7 figures 0 worse, 0 better, " in first, done.told()
    assert (tmp_path / "comment.md").read_text().startswith(f"### pelt compare: {first}\n"), done.told()
    assert (tmp_path / "compare.txt").read_text().startswith(f"{first}\n")
    shown = pelt("compare", run, run, "--out", "markdown=-", cwd=tmp_path)
    assert shown.out == (tmp_path / "comment.md").read_text() and first in shown.err, shown.told()


def test_too_little_is_inconclusive_and_says_how_much_would_tell(tmp_path):
    few = synthetic(tmp_path / "few.pelt", seconds=12)
    done = compare(few, few, cwd=tmp_path)
    assert done.code == PASSED and verdict(done, "p50") == "inconclusive", done.told()
    assert "12 s are too few, it takes 20 and more; needs 20s a side" in " ".join(done.out.split()), done.told()


def test_different_plans_are_refused_unless_forced(tmp_path):
    a, b = synthetic(tmp_path / "a.pelt"), synthetic(tmp_path / "b.pelt")
    change(b, "UPDATE meta SET value = 'rate 70/s' WHERE key = 'plan'")
    done = compare(a, b, cwd=tmp_path)
    assert done.code == USAGE and 'plan "rate 60/s" and "rate 70/s"' in done.err and "--force" in done.err, done.told()
    done = compare(a, b, "--force", cwd=tmp_path)
    assert done.code == PASSED and done.report["plan_differences"] == [
        {"what": "plan", "base": "rate 60/s", "new": "rate 70/s"}], done.told()
    assert 'not the same plan: "rate 60/s" and "rate 70/s"' in done.out, done.told()


def test_an_invalid_run_proves_nothing(tmp_path):
    a, b = synthetic(tmp_path / "a.pelt"), synthetic(tmp_path / "b.pelt")
    change(b, "UPDATE verdict SET status = 'INVALID'", "INSERT INTO reason VALUES ('verdict', 0, 'starved')")
    done = compare(a, b, cwd=tmp_path)
    assert done.code == INVALID and "b.pelt is INVALID: starved" in done.err and "--allow-invalid" in done.err, done.told()
    done = compare(a, b, "--allow-invalid", cwd=tmp_path)
    assert done.code == PASSED and any("new b.pelt is INVALID: starved" in note for note in done.report["notes"]), done.told()


@pytest.mark.parametrize("arguments, said", [
    ([], "needs runs of two sides: pelt compare BASE NEW"),
    (["a.pelt"], "has none of new"),
    (["a.pelt", "a.pelt", "a.pelt"], '"a.pelt" is too many; several runs a side: --base'),
    (["--new", "a.pelt"], "has none of base"),
    (["a.pelt", "gone.pelt"], "gone.pelt: No such file or directory; name a run file, or a folder of them"),
    (["a.pelt", "empty"], "empty: no run files (*.pelt) are in that folder"),
    (["a.pelt", "junk.pelt"], "junk.pelt"),
    (["a.pelt", "a.pelt", "--effect", "5"], '"5": write a share, a time or both'),
    (["a.pelt", "a.pelt", "--effect", "0%"], "above 0"),
    (["a.pelt", "a.pelt", "--out", "html=x"], "there are markdown=PATH, json=PATH, summary=PATH"),
    (["a.pelt", "a.pelt", "--out", "json=a.pelt"], "is a run file, which would be lost"),
])
def test_bad_input_gets_one_line_that_helps(tmp_path, arguments, said):
    synthetic(tmp_path / "a.pelt", seconds=2)
    (tmp_path / "empty").mkdir()
    (tmp_path / "junk.pelt").write_text("junk")
    done = pelt("compare", *arguments, cwd=tmp_path)
    assert done.code == USAGE and said in done.err and done.err.count("\n") == 1 and done.out == "", done.told()


def test_a_change_over_many_runs_is_told_with_the_runs_around_it(tmp_path):
    """Twelve runs of a seed's data, the last five of which answered far more (and took in as much more) a second."""
    synthetic(tmp_path / "low.pelt", seconds=5, per_second=50)
    synthetic(tmp_path / "high.pelt", seconds=5, per_second=60)
    folder = tmp_path / "runs"
    folder.mkdir()
    for i in range(12):
        run = folder / f"{i:02}.pelt"
        shutil.copy(tmp_path / ("low.pelt" if i < 7 else "high.pelt"), run)
        change(run, f"UPDATE meta SET value = '{1795248000 + 86400 * i}000000000' WHERE key = 'start_wall_ns'")
    (folder / "junk.pelt").write_text("junk")
    done = pelt("history", folder, "--out", "json=history.json", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    said = [line for line in done.out.splitlines() if " throughput: " in line]
    assert len(said) == 1 and "better, between 06.pelt and 07.pelt (7 runs before, 5 from there on)" in said[0], done.told()
    assert "junk.pelt" in done.err, done.told()
    report = json.loads((tmp_path / "history.json").read_text())
    validate(report)
    found = next(c for c in report["plans"][0]["changes"] if c["figure"] == "throughput")
    assert found["first_after"].endswith("07.pelt") and found["verdict"] == "better", found
    assert abs(found["change"] - 0.2) < 0.02, found


def test_a_history_without_runs_says_where_they_would_be(tmp_path):
    (tmp_path / "none").mkdir()
    done = pelt("history", "none", cwd=tmp_path)
    assert done.code == PASSED and "no runs in none" in done.err and done.out == "", done.told()
    done = pelt("history", cwd=tmp_path)
    assert done.code == USAGE and "pelt-runs: No such file" in done.err, done.told()
