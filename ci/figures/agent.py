"""agent: what pelt-agent costs the host that it watches. Its CPU time and memory at ten samples a second of all it has, and what
that does to a server of known service time on the same core: the same load with the agent and without, in alternating pairs.
"""
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import threading
import time

from clients import REPORT, pelt
from host import BUILD, CLIENT_CORE, PELT_TARGET, SCRATCH, SERVER_CORE, allow_files, free_port, run_on, serving, table, values

AGENT = BUILD / "bin/pelt-agent"
PAIRS = 5
RUN_S, WARM_S = 10, 5
# With the agent or without: what drifts steadily cancels out, and of four runs the median leaves out a hiccup of the host.
ORDERS = tuple(tuple(on == first for on in (True, False, False, True, False, True, True, False)) for first in (False, True))
USERS = 50
SERVICE = "constant:10ms"
TICK_NS = 100_000_000
RESAMPLES = 10_000
CPU_WANTED, RSS_WANTED_MB, P99_WANTED, LOSS_WANTED = 1.0, 10.0, 5.0, 1.0  # %, MB, %, %


class Stream(threading.Thread):
    """Takes a frame each tick, as the engine does, on the load's core; they are looked at once the load is over."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.lines = []

    def run(self):
        os.sched_setaffinity(0, {CLIENT_CORE})
        self.connection.request("GET", f"/v1/stream?epoch_ns={time.monotonic_ns()}&tick_ns={TICK_NS}")
        answer = self.connection.getresponse()
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            while line := answer.readline():
                self.lines.append(line)


def _cpu_ns(pid):
    """Of all its threads, as the scheduler counts."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


def _highest_rss_mb(pid):
    line = next(line for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _once_answering(port):
    for _ in range(200):
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/v1/info")
            return json.loads(connection.getresponse().read())
        time.sleep(0.02)
    raise SystemExit("pelt-agent does not answer")


@contextlib.contextmanager
def _watching(target_port, caches):
    """An agent on the server's core, asked for a stream; gives what it took while the block ran, once that has ended."""
    port, cost = free_port(), {}
    agent = subprocess.Popen(
        ["taskset", "-c", str(SERVER_CORE), str(AGENT), "--listen", f"127.0.0.1:{port}", "--port", f"target={target_port}",
         "--pool", f"in_flight=http://127.0.0.1:{target_port}/metrics#used=pelt_target_in_flight,limit={USERS}",
         *(word for cache in caches for word in ("--cache", cache))], stdout=subprocess.DEVNULL)
    try:
        info, stream = _once_answering(port), Stream(port)
        stream.start()
        time.sleep(1)
        began, cpu_ns = time.monotonic_ns(), _cpu_ns(agent.pid)
        yield cost
        spent, passed = _cpu_ns(agent.pid) - cpu_ns, time.monotonic_ns() - began
        frames = [json.loads(line) for line in list(stream.lines)]
        first, last = frames[0], frames[-1]
        told = (last["self"]["cpu_ns"] - first["self"]["cpu_ns"]) / (last["at_ns"] - first["at_ns"])
        cost.update({"cpu": 100 * spent / passed, "told": 100 * told, "rss": _highest_rss_mb(agent.pid), "ticks": len(frames),
                     "late": sum(frame["late"] for frame in frames), "worst": last["self"]["worst_ns"] / 1e6, "figures": len(info["figures"]),
                     "unreadable": len(first["unreadable"]), "degraded": last["self"]["degraded"]})
    finally:
        agent.terminate()
        agent.wait()


def _run(port, seconds=RUN_S):
    run_on(CLIENT_CORE, *pelt("bench", f"http://127.0.0.1:{port}/work", "-c", USERS, "-d", f"{seconds}s"))
    report = json.loads(REPORT.read_text())
    assert report["totals"]["outcomes"] == {"ok": report["totals"]["started"]}, report["totals"]
    return {"p99": report["requests"][0]["response_ms"]["p99"], "per_s": report["totals"]["ok_per_s"]}


@contextlib.contextmanager
def _caches():
    """Those that are installed, on the load's core: what --cache is told of them."""
    commands = {"redis": ("redis-server", lambda port: ["--port", port, "--save", "", "--dir", SCRATCH]),
                "memcached": ("memcached", lambda port: ["-l", "127.0.0.1", "-p", port, "-u", "nobody"])}
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as servers:
        told = []
        for kind, (program, arguments) in commands.items():
            if shutil.which(program):
                port = free_port()
                servers.enter_context(serving(port, "taskset", "-c", CLIENT_CORE, program, *arguments(port)))
                told.append(f"{kind}={kind}://127.0.0.1:{port}")
        yield told


def _pair(number, caches):
    """The same load of one target with the agent and without, four times each; medians of both."""
    port, found, costs = free_port(), {True: [], False: []}, []
    with serving(port, "taskset", "-c", SERVER_CORE, PELT_TARGET, "--listen", f"127.0.0.1:{port}",
                 "--service-time", SERVICE, "--connections", USERS + 50):
        _run(port, WARM_S)
        for on in ORDERS[number % 2]:
            with _watching(port, caches) if on else contextlib.nullcontext() as cost:
                found[on].append(_run(port))
            if on:
                costs.append(cost)
    medians = {on: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for on, runs in found.items()}
    return {"on": medians[True], "off": medians[False], "cost": {key: max(cost[key] for cost in costs) for key in costs[0]}}


def interval(changes):
    """The mean of the pairs' changes with its 95% bootstrap interval (percentiles of resampled means)."""
    draw = random.Random(1)
    means = sorted(statistics.fmean(draw.choices(changes, k=len(changes))) for _ in range(RESAMPLES))
    return statistics.fmean(changes), means[round(0.025 * RESAMPLES)], means[round(0.975 * RESAMPLES) - 1]


def _held(value, limit):
    return "yes" if value < limit else "**no**"


def _cost(pairs):
    def of(key):
        return [pair["cost"][key] for pair in pairs]

    late, ticks = sum(of("late")), sum(of("ticks"))
    rows = [("CPU, of one core (scheduler)", f"{values(of('cpu'))}%", f"below {CPU_WANTED:.0f}%", _held(max(of("cpu")), CPU_WANTED)),
            ("CPU as its frames say", f"{values(of('told'))}%", "", ""),
            ("RSS at most", f"{values(of('rss'), 1)} MB", f"below {RSS_WANTED_MB:.0f} MB", _held(max(of("rss")), RSS_WANTED_MB)),
            ("samples, of these late", f"{ticks}, {late}", "", ""),
            ("had slowed itself down", "no" if not any(of("degraded")) else "yes", "no", _held(sum(of("degraded")), 1)),
            ("longest sample, ms", values(of("worst")), "", "")]
    return table(("own cost", "median (each pair)", "wanted", "held"), rows)


def _harm(pairs):
    p99 = [100 * (pair["on"]["p99"] / pair["off"]["p99"] - 1) for pair in pairs]
    loss = [100 * (1 - pair["on"]["per_s"] / pair["off"]["per_s"]) for pair in pairs]
    rows = []
    for name, changes, limit in (("p99, increase", p99, P99_WANTED), ("throughput, loss", loss, LOSS_WANTED)):
        mean, low, high = interval(changes)
        rows.append((name, f"{mean:+.2f}% [{low:+.2f}%, {high:+.2f}%]", " ".join(f"{change:+.2f}" for change in changes),
                     f"below {limit:.0f}%", _held(high, limit)))
    raw = table(("pair", "p99 without, ms", "p99 with, ms", "requests/s without", "requests/s with"),
                [(number, f"{pair['off']['p99']:.3f}", f"{pair['on']['p99']:.3f}", f"{pair['off']['per_s']:.1f}", f"{pair['on']['per_s']:.1f}")
                 for number, pair in enumerate(pairs, 1)])
    return table(("what the server loses", "mean [95% interval]", "each pair, %", "wanted of the upper end", "held"), rows) + "\n" + raw


def figure():
    allow_files(2_000)
    with _caches() as caches:
        pairs = [_pair(number, caches) for number in range(PAIRS)]
    cost = pairs[0]["cost"]
    intro = (f"{PAIRS} pairs, each of four runs of {RUN_S} s with the agent and four without (in turns, as ABBABAAB and BAABABBA; their medians, of the cost the highest); {USERS} connections in a closed "
             f"loop on a pelt-target of {SERVICE.replace(':', ' ')} service time. Target and agent share core {SERVER_CORE} (taskset), the load "
             f"and the stream's reader have core {CLIENT_CORE}. The agent samples {cost['figures']} figures ({cost['unreadable']} unreadable "
             f"here) of {', '.join(['host, process, cgroup, network', 'a pool from /metrics', *(c.split('=')[0] for c in caches)])}, each at its "
             f"tier, the fast ones ten times a second. The interval is a bootstrap of {RESAMPLES:,} resamples of the pairs.\n\n")
    return intro + _cost(pairs) + "\n" + _harm(pairs)
