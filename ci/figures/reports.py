"""reports: time and memory of each report of a long run."""
import os
import subprocess
import time

from host import PELT, SCRATCH, table

MAKER = PELT.parent / "long_run"
HOUR = 3600
# what: (requests, names, limits that an agent reads)
RUNS = {"10,000,000 requests, 5 names": (10_000_000, 5, 0), "1,000,000 requests, 50 names, 50 limits of an agent": (1_000_000, 50, 50)}
FORMATS = ("summary", "json", "csv", "junit", "markdown", "hlog", "openmetrics")
PART = ("--from", "10m", "--to", "50m")
MOST_S, MOST_MB = 3, 100


def _taken(*arguments):
    """(seconds, seconds of CPU, MB) of pelt report."""
    began = time.monotonic()
    with subprocess.Popen([PELT, "report", *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
    assert status == 0, arguments
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def figure():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    rows, held = [], True
    for what, plan in RUNS.items():
        path = SCRATCH / "long.pelt"
        path.unlink(missing_ok=True)
        subprocess.run([MAKER, path, *map(str, (HOUR, *plan))], check=True)
        asked = {name: (path, "--out", f"{name}={SCRATCH / name}") for name in FORMATS} | {"summary of 40 minutes of it": (path, *PART)}
        for name, arguments in asked.items():
            seconds, cpu, megabytes = _taken(*arguments)
            held = held and seconds < MOST_S and megabytes < MOST_MB
            rows.append((what, name, f"{seconds:.2f}", f"{cpu:.2f}", f"{megabytes:.0f}"))
        size = path.stat().st_size / 2**20
        rows.append((what, "the run file itself", "", "", f"{size:.0f}"))
        path.unlink()
    intro = (f"An hour's run file (`tests/bench/long_run.c`), each report of it: less than {MOST_S} s and {MOST_MB} MB asked for: "
             f"{'held' if held else 'not held'}.\n\n")
    return intro + table(("run", "report", "s", "s of CPU", "MB"), rows)
