"""steady: resident memory of a long run, second by second: it must not depend on how many requests were made."""
import json
import re
import subprocess
import time

from clients import ITEM
from host import CLIENT_CORE, PELT, SCRATCH, floor_target, table

USERS = 64
SECONDS = 240
WARM_S = 120  # from then on nothing may grow
REQUESTS = 10_000_000  # at least, in all
ALLOWED_KB = 256
EVERY_S = 30  # a row of the table


def _resident_kb(pid):
    return int(re.search(r"VmRSS:\s+(\d+) kB", open(f"/proc/{pid}/status").read()).group(1))


def _watched(*command):
    """VmRSS at each whole second of the load, of a program that is started now."""
    child = subprocess.Popen(["taskset", "-c", str(CLIENT_CORE), *map(str, command)], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, cwd=SCRATCH)
    begin = time.monotonic()
    resident = {}
    for second in range(1, SECONDS):
        time.sleep(max(0, begin + second - time.monotonic()))
        if child.poll() is not None:
            raise SystemExit(f"{' '.join(map(str, command))} ended in its second {second} with {child.returncode}")
        resident[second] = _resident_kb(child.pid)
    child.wait()
    return resident


def figure():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    report, run_file = SCRATCH / "report.json", SCRATCH / "steady.pelt"
    run_file.unlink(missing_ok=True)
    with floor_target() as port:
        resident = _watched(PELT, "run", ITEM, "--target", f"http://127.0.0.1:{port}", "-u", USERS, "-d", f"{SECONDS}s", "-t", 1,
                            "--quiet", "--allow-invalid", "--run-file", run_file, "--out", f"json={report}")
    started = json.loads(report.read_text())["totals"]["started"]
    run_file.unlink()
    if started < REQUESTS:
        raise SystemExit(f"{started:,} requests in {SECONDS} s: this machine needs longer for {REQUESTS:,}")

    last_s = max(resident)
    grown = max(resident[s] for s in resident if s >= WARM_S) - resident[WARM_S]
    moments = [1, 10, *range(EVERY_S, last_s, EVERY_S), last_s]
    intro = (f"Resident memory (VmRSS) of `pelt run tests/bench/item.lua -u {USERS} -d {SECONDS}s -t 1`, which wrote its run file: "
             f"{started:,} requests. Most after second {WARM_S}: {grown:+,} KB against that second; at the end "
             f"{resident[last_s] - resident[WARM_S]:+,} KB; at most {ALLOWED_KB} KB are allowed: "
             f"{'held' if grown <= ALLOWED_KB else '**not held**'}.\n\n")
    return intro + table(("second", *map(str, moments)), [("KB", *(f"{resident[s]:,}" for s in moments))])
