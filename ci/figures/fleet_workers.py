"""What a request costs a worker that is alone, one of two that share a run, each on a core of its own, and, to tell what the machine
adds, one of two that have a run each: CPU time by wait4."""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile

from host import CLIENT_CORE, PELT, PELT_TARGET, SERVER_CORE, free_port, serving, table, values

ROUNDS, SECONDS, USERS = 5, 8, 50
SERVICE_TIME = "constant:5ms"  # it sets the pace, so that no core is full and no worker has to wait for a moment
SECRET = {"PELT_BUS_SECRET": "a secret of measurements only"}
SCENARIO = """local pelt = require "pelt"
return { load = %s, iteration = function() pelt.http.get("/work") end }
"""


class Site:
    """A Redis and a target, both on the server's core."""

    def __init__(self, folder, bus, target):
        self.folder, self.bus, self.target = folder, bus, target

    def _start(self, core, *words):
        return subprocess.Popen([*map(str, ("taskset", "-c", core, PELT, *words, "--bus", self.bus))], cwd=self.folder, env={**os.environ, **SECRET},
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _lead(self, run, workers):
        (self.folder / f"{run}.pelt").unlink(missing_ok=True)
        return self._start(SERVER_CORE, "run", "load.lua", "--run", run, "--workers", workers, "--target", self.target, "--threads", 1,
                           "--allow-invalid", "--quiet", "--run-file", f"{run}.pelt", "--out", f"json={run}.json")

    def run(self, load, *runs):
        """Runs at once, of each a worker on each of its cores: [(CPU time, requests)] of the workers."""
        (self.folder / "load.lua").write_text(SCENARIO % load)
        names = [f"run{i}" for i in range(len(runs))]
        workers = [self._start(core, "worker", "--run", name, "--slot", i) for name, cores in zip(names, runs) for i, core in enumerate(cores)]
        leads = [self._lead(name, len(cores)) for name, cores in zip(names, runs)]
        spent = [_cpu_s(worker) for worker in workers]
        ends = [lead.wait() for lead in leads]
        if any(ends):
            raise SystemExit(f"ci/measure: workers: the coordinators ended with {ends}")
        started = [w["started"] for name in names for w in json.loads((self.folder / f"{name}.json").read_text())["workers"]]
        return list(zip(spent, started))


def _cpu_s(process):
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def _cost_us(site, idle_s, *runs):
    """CPU time a request, the mean of the workers, without what it is to start and to end."""
    load = f'{{ users = {USERS * len(runs[0])}, duration = "{SECONDS}s" }}'
    return statistics.mean((cpu_s - idle_s) * 1e6 / started for cpu_s, started in site.run(load, *runs))


def figure():
    redis = shutil.which("redis-server")
    if not redis:
        raise SystemExit("ci/measure: workers needs redis-server")
    bus, target = free_port(), free_port()
    with tempfile.TemporaryDirectory() as name, \
            serving(bus, "taskset", "-c", SERVER_CORE, redis, "--port", bus, "--bind", "127.0.0.1", "--save", "", "--dir", name), \
            serving(target, "taskset", "-c", SERVER_CORE, PELT_TARGET, "--listen", f"127.0.0.1:{target}", "--service-time", SERVICE_TIME):
        site = Site(pathlib.Path(name), f"redis://127.0.0.1:{bus}", f"http://127.0.0.1:{target}")
        cores = CLIENT_CORE, SERVER_CORE
        idle_s = statistics.median(site.run("{ users = 1, iterations = 1 }", cores[:1])[0][0] for _ in range(3))
        alone, both, apart = [], [], []
        for _ in range(ROUNDS):
            alone.append(statistics.mean(_cost_us(site, idle_s, (core,)) for core in cores))
            both.append(_cost_us(site, idle_s, cores))
            apart.append(_cost_us(site, idle_s, *((core,) for core in cores)))
    one, two, each = map(statistics.median, (alone, both, apart))
    intro = (f"{USERS} users a worker in a closed loop on pelt-target ({SERVICE_TIME}), {SECONDS} s a run, {ROUNDS} rounds in turn. One worker runs alone, on one core and "
             f"then on the other; then two share a run, one on each core; then two at once have a run each: what a request costs more than alone there is the "
             f"machine's, whose cores and caches all share. Target, Redis and coordinators share core {SERVER_CORE}. CPU time (user + system) of the "
             f"workers, the mean of both cores, less the {idle_s * 1000:.0f} ms of a worker that sends one request.\n\n")
    return intro + table(("workers", "us a request: median (each round)", "ratio", "at most"),
                         [("one alone", values(alone), "1.000", ""), ("two of a run, each on its core", values(both), f"{two / one:.3f}", "1.03"),
                          ("two at once, of a run each", values(apart), f"{each / one:.3f}", ""), ("of a run, over those of a run each", "", f"{two / each:.3f}", "1.03")])
