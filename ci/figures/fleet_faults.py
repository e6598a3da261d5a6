"""faults, chaos: runs of many hosts that meet faults, by tests of tests/integration, which say figures: what was wanted, what came, whether
that holds. Needs root, for network namespaces.
"""
import json
import os

from host import table
from repeated import run_tests

TOGETHER = 3  # fields at once: they wait most of their time
# Tests that are in each run of all tests, by the number of the fault.
BESIDE = {
    "31": ["test_fleet.py::test_the_users_that_the_document_names_can_do_what_they_need_and_no_more",
           "test_bus.py::test_certificates_are_checked_before_anything_is_said"],
}
HEADER = "no.", "what was done", "figure", "wanted", "measured", "held"


def _rows(found, number=None):
    """Of a test its name's words, and a row a figure; one that failed otherwise has a row for that."""
    rows = []
    for test, said, why in found:
        words = test.removeprefix("test_").split("_")
        no, words = (number, words) if number else (words[0], words[1:])
        figures = [json.loads(value) for name, value in said if name == "figure"]
        if why is not None and all(held for *_, held in figures):
            figures.append(["", "", why[:200].replace("|", "/"), False])
        if not figures:
            figures.append(["", "as its name says", "so", True])
        rows += [(no, " ".join(words), *figure[:3], "yes" if figure[3] else "**no**") for figure in figures]
    return rows


def _told(intro, rows):
    held = sum(row[-1] == "yes" for row in rows)
    return f"{intro} {held} of {len(rows)} figures held.\n\n" + table(HEADER, rows)


def faults():
    rows = _rows(run_tests(["test_fleet_faults.py"], {"PELT_FAULTS": "all", "PELT_ONCE": "1"}, "-n", str(TOGETHER)))
    for number, tests in BESIDE.items():
        rows += _rows(run_tests(tests, {"PELT_ONCE": "1"}), number)
    rows.sort(key=lambda row: int(row[0]))
    return _told("Redis, pelt-target, coordinator and 4 workers on a host (network namespace) each, 2,000 requests a second in all (1,000 where half a minute is waited for), "
                 f"{TOGETHER} such fields at once; the target counts.", rows)


def chaos():
    minutes = os.environ.get("PELT_CHAOS", "10")
    rows = _rows(run_tests(["test_fleet_chaos.py"], {"PELT_CHAOS": minutes, "PELT_ONCE": "1"}))
    return _told(f"The same field for {minutes} minutes; every 15 s one of the faults, drawn by a seed. PELT_CHAOS=MINUTES and PELT_CHAOS_SEED=N ask for others.", rows)
