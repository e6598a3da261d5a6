"""attr: limits planted in pelt-target and its host, five ramps each with other seeds, and which of them the report names.

The cases are those of tests/integration/planted.py. Two run side by side, but for those that take a core.
"""
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

from host import BUILD, ROOT, SCRATCH, table

os.environ["PELT_BIN_DIR"] = str(BUILD / "bin")  # of the programs that the cases start
sys.path.append(str(ROOT / "tests/integration"))

import planted  # noqa: E402

RAMPS = 5
WANTED = 4
ALONE = "CPU quota", "accept queue", "generator"
OTHERS = "decoy", "unknown", "other"


def _column(limit):
    """The case whose limit it is."""
    return next((name for name, (_, limits) in planted.CASES.items() if limit in limits),
                "decoy" if limit in ("pool_late", "pool_static") else limit if limit == "unknown" else "other")


def _ramp(case, seed):
    """What the report names (None: this host cannot plant it), with what it says of it."""
    folder = SCRATCH / f"attr-{case.replace(' ', '-').replace(',', '')}-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        done = planted.ramp(case, folder, seed)
    except planted.Unavailable as why:
        return None, str(why)
    if not done.report:
        raise SystemExit(f"{case}, seed {seed}: {done.told()}")
    found = planted.bottleneck(done.report)
    said = f"{case}, seed {seed}: {done.report['verdict']['status']}, {found['text']}"
    print(said, *found.get("evidence", []), sep="\n    ", flush=True)
    return planted.limit_of(found), said


def _all(cases):
    """{(case, seed): what _ramp() gives}"""
    jobs = [(case, seed) for seed in range(1, RAMPS + 1) for case in cases]
    together = [job for job in jobs if job[0] not in ALONE]
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(together, pool.map(lambda job: _ramp(*job), together)))
    return {**found, **{job: _ramp(*job) for job in jobs if job[0] in ALONE}}


def figure():
    cases = os.environ.get("PELT_ATTR", "").split(";") if os.environ.get("PELT_ATTR") else list(planted.CASES)
    found = _all(cases)
    numbers = {case: str(i) for i, case in enumerate(planted.CASES, 1)}
    rows, missed, right, skipped = [], [], 0, []
    for case in cases:
        said = [found[case, seed] for seed in range(1, RAMPS + 1)]
        if said[0][0] is None:
            skipped.append(f"{case}: {said[0][1]}")
            continue
        columns = [_column(limit) for limit, _ in said]
        named = columns.count(case)
        right += named >= WANTED
        missed += [text for (_, text), column in zip(said, columns) if column != case]
        cells = [columns.count(name) or "" for name in (*planted.CASES, *OTHERS)]
        rows.append((f"{numbers[case]} {case}", *(f"**{cell}**" if name == case and cell else cell
                                                  for name, cell in zip((*planted.CASES, *OTHERS), cells))))
    header = ("planted", *numbers.values(), *OTHERS)
    intro = (f"A ramp of {planted.RAMP_S} s goes over each planted limit at about its half, {RAMPS} times with other seeds; beside it a pool that fills up "
             f"{planted.DECOY_S - planted.HALF_S:g} s after the break, and one that is full all along. A row is what was planted, a column what the report names "
             f"(by its number; {numbers['generator']}: the run is INVALID and no limit of the server is named; {numbers['none']}: nothing broke). "
             f"Wanted: {WANTED} of {RAMPS} in each row. "
             f"{right} of {len(rows)} rows hold.\n\n")
    notes = "".join(f"\nNot named: {text}\n" for text in missed) + "".join(f"\nSkipped: {text}\n" for text in skipped)
    return intro + table(header, rows) + notes
