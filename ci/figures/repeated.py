"""counts, truth, sustained, burst, stress, kill: measurement tests of tests/integration run again and again; a test says its values by pytest's
record_property, and fails where they are outside its tolerance.
"""
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from host import BUILD, ROOT, SCRATCH, table


def run_tests(tests, more_env=None, *options):
    """[(test, [(property, value)], why it failed or None)] of one run of the named tests; `options` are pytest's."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    results = SCRATCH / "repeated.xml"
    results.unlink(missing_ok=True)
    env = {**os.environ, "PELT_BIN_DIR": str(BUILD / "bin"), **(more_env or {})}
    subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={results}", *options,
                    *(str(ROOT / "tests/integration" / test) for test in tests)],
                   env=env, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    found = []
    for case in ElementTree.parse(results).getroot().iter("testcase"):
        said = [(p.get("name"), p.get("value")) for p in case.iter("property")]
        whys = [case.find(tag) for tag in ("failure", "error", "skipped")]
        why = next((" ".join(why.get("message", "").split()) for why in whys if why is not None), None)
        found.append((case.get("name"), said, why))
    return found


def figure(intro, tests, times, more_env=None):
    rows = []
    for i in range(times):
        for test, said, why in run_tests(tests, more_env):
            rows.append((i + 1, test, ", ".join(f"{k} {v}" for k, v in said), "yes" if why is None else f"**no**: {why[:300]}"))
    held = sum(row[-1] == "yes" for row in rows)
    return f"{intro} {held} of {len(rows)} held.\n\n" + table(("round", "test", "values", "held"), rows)


def counts():
    return figure("100,000 exchanges on 4 threads: pelt's started, its ok and the server's own count must be equal.",
                   ["test_counts.py"], times=20, more_env={"PELT_ONCE": "1"})


def truth():
    return figure("Open loop at 2,000/s for 20 s on a server that stalls: percentiles against a replay of plan and stalls.",
                   ["test_truth.py"], times=5, more_env={"PELT_TRUTH_SECONDS": "20", "PELT_ONCE": "1"})


def sustained():
    return figure("Service that sleeps and takes twice as long after a minute, and one that stays as it is, for arrivals and for users, side by "
                   "side: a leak must be named in p50, p99 (and the users' throughput) of the first, and nothing in the other. Drift over 64 s, with its "
                   "interval; the first's is 67%.",
                   ["test_sustained.py"], times=3, more_env={"PELT_ONCE": "1"})


def burst():
    return figure("Spikes beyond what the target serves: the recovery that pelt tells against when the target's own log says that its queue was empty "
                   "again. Allowed: 10% or 100 ms, the larger.",
                   ["test_burst.py::test_recovery_is_that_of_the_target_s_queue"], times=3, more_env={"PELT_ONCE": "1"})


def stress():
    return figure("The largest level that `pelt.load.stress` says holds, against capacities drawn by seed (workers / service time).",
                   ["test_stress.py::test_stress_finds_a_planted_capacity"], times=1, more_env={"PELT_CAPACITIES": "5", "PELT_ONCE": "1"})


def kill():
    return figure("kill -9 at seeded moments: the seconds that `pelt report` still gives.",
                   ["test_kill.py::test_a_killed_run_keeps_all_but_its_last_second"], times=1,
                   more_env={"PELT_KILLS": "20", "PELT_ONCE": "1"})
