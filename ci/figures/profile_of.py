"""instructions, syscalls, memory: what a request and a connection cost, apart from time. Each is a slope between
two runs, so that start and end of the program do not count.
"""
import re
import subprocess
import time

from clients import CLIENTS
from host import CLIENT_CORE, SCRATCH, allow_files, floor_target, run_on, table

CONNECTIONS = 64
SHORT_S, LONG_S = 2, 6
CALLGRIND_ROUNDS = 5
MEMORY_CONNECTIONS = (1_000, 10_000)
MEMORY_S = 10
OFTEN = 0.005  # calls a request from which a system call has a row of its own


def _slope(name, under, count):
    """(count(long) - count(short)) / (requests(long) - requests(short)) of a client run under a tool."""
    command, requests = CLIENTS[name]
    counts, made = [], []
    with floor_target() as port:
        for seconds in (SHORT_S, LONG_S):
            ran = run_on(CLIENT_CORE, *under, *command(port, CONNECTIONS, seconds))
            counts.append(count(ran))
            made.append(requests(ran))
    return {key: (counts[1][key] - counts[0].get(key, 0)) / (made[1] - made[0]) for key in counts[1]}


def _inclusive(profile, function):
    """What that function cost in a profile of callgrind's, with all that it called; 0: it was never called."""
    listed = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", profile], capture_output=True, text=True, check=True).stdout
    found = re.search(rf"^\s*([\d,]+) [^\n]*:{function}\b", listed, re.MULTILINE)
    return int(found.group(1).replace(",", "")) if found else 0


def _collected(_ran):
    """By whom: the first thread (of pelt the one that adds seconds up) and all others, or what the only thread did; of these for stalls."""
    profiles = sorted(SCRATCH.glob("callgrind-*"))
    totals = [int(re.search(r"^(?:summary|totals): (\d+)", profile.read_text(), re.MULTILINE).group(1)) for profile in profiles]
    tainted = sum(_inclusive(profile, "record_if_tainted") for profile in profiles)
    for profile in profiles:
        profile.unlink()
    first = totals[0] if len(totals) > 1 else 0
    return {"all": sum(totals), "seconds": first, "tainted": tainted}


def _without(slope):
    return slope["all"] - slope["seconds"] - slope["tainted"]


def instructions():
    tool = ["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={SCRATCH / 'callgrind'}"]
    rows = []
    for name in ("floor", "pelt bench", "pelt run", "pelt run, item", "wrk", "wrk, item"):
        rounds = [_slope(name, tool, _collected) for _ in range(CALLGRIND_ROUNDS)]
        slope = min(rounds, key=lambda of: of["all"])
        rows.append((name, f"{slope['all']:,.0f}", f"{slope['seconds']:,.0f}", f"{slope['tainted']:,.0f}",
                     f"{_without(slope):,.0f} ({' '.join(f'{_without(of):,.0f}' for of in rounds)})"))
    intro = (f"callgrind, {CONNECTIONS} connections, slope between runs of {SHORT_S} s and {LONG_S} s. Callgrind slows a client some fifty times, so that what "
             "is done once a second (the first thread adds seconds up) falls on a fiftieth of the requests, and nearly each response is looked at, and recorded "
             "again, for what stalls may have added to it; at full speed both are next to nothing. The slower the host is meanwhile, the more of that there is "
             f"for each request, in the last column as well: of {CALLGRIND_ROUNDS} rounds the one with the fewest instructions is shown.\n\n")
    return intro + table(("client", "user-space instructions a request", "of these the first thread's", "for stalls", "without (each round)"), rows)


def _strace_counts(_ran):
    counts = {}
    for line in (SCRATCH / "strace").read_text().splitlines():
        fields = line.split()
        if len(fields) >= 5 and fields[3].isdigit() and fields[-1] != "total":
            counts[fields[-1]] = int(fields[3])
    return counts


def syscalls():
    tool = ["strace", "-f", "-c", "-o", SCRATCH / "strace"]
    rows = []
    for name in ("floor", "pelt bench", "pelt run", "wrk"):
        a_request = _slope(name, tool, _strace_counts)
        often = sorted(((n, call) for call, n in a_request.items() if n >= OFTEN), reverse=True)
        rows.append((name, f"{sum(a_request.values()):.2f}", ", ".join(f"{call} {n:.2f}" for n, call in often)))
    intro = f"strace -f -c, {CONNECTIONS} connections, slope between runs of {SHORT_S} s and {LONG_S} s.\n\n"
    return intro + table(("client", "system calls a request", "of these"), rows)


def _resident_kb(name, connections):
    """VmRSS a second before the end of the run."""
    command, _ = CLIENTS[name]
    with floor_target() as port:
        arguments = list(map(str, command(port, connections, MEMORY_S)))
        client = subprocess.Popen(["taskset", "-c", str(CLIENT_CORE), *arguments], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, cwd=SCRATCH)
        time.sleep(MEMORY_S - 1)
        status = open(f"/proc/{client.pid}/status").read()
        client.wait()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))


def memory():
    allow_files(20_000)
    SCRATCH.mkdir(parents=True, exist_ok=True)
    few, many = MEMORY_CONNECTIONS
    rows = []
    for name in ("pelt bench", "pelt run", "pelt run, item", "wrk"):
        low, high = _resident_kb(name, few), _resident_kb(name, many)
        rows.append((name, f"{low:,}", f"{high:,}", f"{(high - low) / (many - few):.2f}"))
    intro = f"Resident memory (VmRSS) a second before the end of a run of {MEMORY_S} s, one thread.\n\n"
    return intro + table(("client", f"KB at {few:,}", f"KB at {many:,}", "KB a connection between them"), rows)
