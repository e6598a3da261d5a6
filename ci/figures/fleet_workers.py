"""What a request costs a worker that is alone, and one of two that share a run, each on a core of its own: CPU time by wait4."""
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

    def run(self, load, cores):
        """A worker on each of these cores: [(its CPU time, its requests)]."""
        (self.folder / "load.lua").write_text(SCENARIO % load)
        (self.folder / "run.pelt").unlink(missing_ok=True)
        workers = [self._start(core, "worker", "--slot", i) for i, core in enumerate(cores)]
        lead = self._start(SERVER_CORE, "run", "load.lua", "--workers", len(cores), "--target", self.target, "--threads", 1, "--allow-invalid", "--quiet",
                           "--run-file", "run.pelt", "--out", "json=report.json")
        spent = [_cpu_s(worker) for worker in workers]
        if lead.wait() != 0:
            raise SystemExit(f"ci/measure: workers: the coordinator ended with {lead.returncode}")
        started = [w["started"] for w in json.loads((self.folder / "report.json").read_text())["workers"]]
        return list(zip(spent, started))


def _cpu_s(process):
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def _costs_us(site, cores, idle_s):
    """CPU time a request of each worker, without what it is to start and to end."""
    load = f'{{ users = {USERS * len(cores)}, duration = "{SECONDS}s" }}'
    return [(cpu_s - idle_s) * 1e6 / started for cpu_s, started in site.run(load, cores)]


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
        alone, both = [], []
        for _ in range(ROUNDS):
            alone.append(statistics.mean(_costs_us(site, (core,), idle_s)[0] for core in cores))
            both.append(statistics.mean(_costs_us(site, cores, idle_s)))
    ratio = statistics.median(both) / statistics.median(alone)
    intro = (f"{USERS} users a worker in a closed loop on pelt-target ({SERVICE_TIME}), {SECONDS} s a run, {ROUNDS} rounds in turn. One worker runs alone, on one core and "
             f"then on the other; then two run at once, one on each. Target, Redis and coordinator share core {SERVER_CORE}. CPU time (user + system) of the "
             f"workers, the mean of both cores, less the {idle_s * 1000:.0f} ms of a worker that sends one request.\n\n")
    return intro + table(("workers", "us a request: median (each round)", "ratio", "at most"),
                         [("one alone", values(alone), "1.00", ""), ("two, each on its core", values(both), f"{ratio:.3f}", "1.03")])
