"""compare: runs of a server and of one whose service times are planted to be 10% longer, in turn; `pelt compare` must call the
p95 worse one way and better the other way, and nothing worse between runs of the same server.
"""
import json
import shutil
import subprocess

from host import PELT, PELT_TARGET, SCRATCH, free_port, serving, table

ROUNDS, RUNS, RUN_S, RATE = 5, 5, 2, 600
BASE_MS, SLOWER_MS = 20, 22
FOLDER = SCRATCH / "compare"


def _target(service_ms):
    port = free_port()
    return serving(port, PELT_TARGET, "--listen", f"127.0.0.1:{port}", "--service-time", f"lognormal:{service_ms}ms,0.3")


def _bench(port, path):
    subprocess.run([str(PELT), "bench", f"http://127.0.0.1:{port}/work", "--rate", f"{RATE}/s", "-d", f"{RUN_S}s", "--quiet",
                    "--allow-invalid", "--run-file", str(path)], check=False, stdout=subprocess.DEVNULL)


def _compare(base, new):
    """Verdict and change of each figure."""
    report = FOLDER / "compare.json"
    subprocess.run([str(PELT), "compare", str(FOLDER / base), str(FOLDER / new), "--allow-invalid", "--out", f"json={report}"],
                   check=False, stdout=subprocess.DEVNULL)
    figures = json.loads(report.read_text())["figures"]
    return {f["figure"]: (f["verdict"], f["change"]) for f in figures}


def _said(figures, figure="p95"):
    verdict, change = figures[figure]
    return f"{verdict}, {change:+.1%}"


def _round(number):
    shutil.rmtree(FOLDER, ignore_errors=True)
    for side in ("base", "again", "slower"):
        (FOLDER / side).mkdir(parents=True)
    with _target(BASE_MS) as base, _target(SLOWER_MS) as slower:
        for i in range(RUNS):
            for side, port in (("base", base), ("slower", slower), ("again", base)):
                _bench(port, FOLDER / side / f"{i}.pelt")
    there, back, same = _compare("base", "slower"), _compare("slower", "base"), _compare("base", "again")
    worse = [figure for figure, (verdict, _) in same.items() if verdict == "worse"]
    held = there["p95"][0] == "worse" and back["p95"][0] == "better" and not worse
    return (number, _said(there), _said(back), _said(same), ", ".join(worse) or "none", "yes" if held else "**no**")


def figure():
    rows = [_round(number) for number in range(1, ROUNDS + 1)]
    held = sum(row[-1] == "yes" for row in rows)
    intro = (f"{RUNS} runs a side in turn, {RUN_S} s each at {RATE}/s, service time log-normal (sigma 0.3) around {BASE_MS} ms, and "
             f"{SLOWER_MS / BASE_MS - 1:.0%} longer: what `pelt compare` says of the p95 each way, and of runs of the same server. {held} of "
             f"{ROUNDS} held.\n\n")
    header = ("round", "base to slower", "slower to base", "base to base", "called worse of the last", "held")
    return intro + table(header, rows)
