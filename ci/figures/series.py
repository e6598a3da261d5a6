"""series: resident memory of a thousand series on four threads, against what pelt says before the run."""
import json
import math
import re
import subprocess
import time

from host import PELT, ROOT, SCRATCH, floor_target, table

WIDE = ROOT / "tests" / "bench" / "wide.lua"
NAMES = ROOT / "tests" / "bench" / "names.lua"
REPORT = SCRATCH / "report.json"
THREADS = 4
HOUR = math.log10(3600)

# what: (scenario, series, settings)
KINDS = {
    "trends, 1 µs to 100 ms": (WIDE, 1000, {"LOW": -6, "HIGH": -1}),
    "trends, 1 ms to 1 h": (WIDE, 1000, {"LOW": -3, "HIGH": HOUR}),
    "the same, as fast as it goes": (WIDE, 1000, {"LOW": -3, "HIGH": HOUR, "PACING": "1ms"}),
    "request names, each with its phases": (NAMES, 999, {}),
}


def _peak_kb(process):
    """VmHWM as last seen before the end; the report, which comes last, takes longer than a look."""
    peak = 0
    while process.poll() is None:
        found = re.search(r"VmHWM:\s+(\d+) kB", open(f"/proc/{process.pid}/status").read())
        peak = int(found[1]) if found else peak
        time.sleep(0.01)
    return peak


def _run(scenario, series, settings, port):
    """Peak memory, the limit said, values recorded a second, series in the report."""
    given = [f"--set={key}={value}" for key, value in {**settings, "SERIES": series}.items()]
    with open(SCRATCH / "err", "w") as err:
        pelt = subprocess.Popen([PELT, "run", scenario, "-t", str(THREADS), "--target", f"http://127.0.0.1:{port}", "--no-run-file",
                                 "--allow-invalid", "--out", f"json={REPORT}", *given], stdout=subprocess.DEVNULL, stderr=err, cwd=SCRATCH)
        peak = _peak_kb(pelt)
    told = (SCRATCH / "err").read_text()
    assert pelt.returncode == 0, told
    assert "are spent" not in told, told
    limit = re.search(r"memory for series: up to ([0-9.]+) MiB", told)[1]
    report = json.loads(REPORT.read_text())
    trends = [row["stats"]["count"] for row in report["metrics"] if row["tags"]]
    names = [sum(t["count"] for t in [row["response_ms"], row["service_ms"], *row["phases_ms"].values()]) for row in report["requests"]]
    return peak, limit, sum(trends + names) / report["run"]["duration_s"], len(trends + names)


def figure():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    rows = []
    with floor_target() as port:
        for what, (scenario, series, settings) in KINDS.items():
            one, *_ = _run(scenario, 1, settings, port)
            all_, limit, per_s, found = _run(scenario, series, settings, port)
            assert found == series, found
            rows.append((what, f"{series:,}", f"{per_s:,.0f}", f"{all_ / 1024:.1f}", f"{one / 1024:.1f}", f"{(all_ - one) / 1024:.1f}", limit))
    intro = (f"Largest resident memory (VmHWM) of `pelt run` from start to end, report included: {THREADS} threads, 10 s, values log-uniform "
             "over the range (`tests/bench/wide.lua`), or requests as fast as they go (`tests/bench/names.lua`).\n\n")
    return intro + table(("series", "how many", "values a second", "MiB", "MiB with one series", "the series' own", "MiB said before the run"), rows)
