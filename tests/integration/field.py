"""Where runs of many hosts meet faults: a Redis, a pelt-target, a coordinator and four workers, each on a host of its own (lan.py)."""
import json
import os
import pathlib
import signal
import time

from fleet import Fleet, Redis, patience
from lan import Lan
from program import report_of
from targets import Target

# A path for each slot, so that the target's count and log say whose a request was.
PATHS = "/health", "/health/live", "/health/ready", "/api/status"
WORKERS = len(PATHS)
SECOND_NS = 1_000_000_000

SCENARIO = """
local pelt = require "pelt"
local slots = pelt.data.json("slots.json") -- arrival k is of slot k mod 4, and takes row k mod 4
return { load = { rate = "%d/s", duration = "%ds" },
  iteration = function()
    local path = slots:next().path
    pelt.http.get(path, { name = path })
  end,
  teardown = function() pelt.http.get("/api/models", { name = "teardown" }) end }
"""


def sender(running):
    """The process of a worker that sends, behind those that put it on its host; its keeper is its child."""
    pid = running.process.pid
    while children := [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]:
        if pathlib.Path(f"/proc/{children[-1]}/comm").read_text().strip() == "pelt-keeper":
            break
        pid = children[-1]
    return pid


class Field:
    """All of it; a run is begun once. Files lie in `folder`."""

    def __init__(self, folder, redis=(), target=()):
        self.folder, self.lan = folder, Lan()
        self.bus_host, self.target_host, self.lead_host = (self.lan.host() for _ in range(3))
        self.hosts = [self.lan.host() for _ in range(WORKERS)]
        (folder / "target").mkdir()
        self.redis = Redis(folder / "redis", *redis, host=self.bus_host)
        self.target = Target(folder / "target", *target, host=self.target_host)
        self.fleet = Fleet(folder, self.redis)
        self.report_path, self.run_file = folder / "report.json", folder / "run.pelt"
        self.workers, self.lead, self.began, self.done, self.ends = [], None, None, None, []

    # ---- what goes on ----

    def worker(self, slot, *options, before=(), **popen):
        """`before`: words that become it, inside its host."""
        return self.fleet.worker("--bus-plaintext", "--slot", slot, *options, prefix=[*self.hosts[slot].prefix, *before], **popen)

    def coordinator(self, scenario, *options):
        return self.fleet.run(scenario, WORKERS, "--bus-plaintext", "--target", self.target.url, "--threads", 1, "--allow-invalid", "--out",
                              f"json={self.report_path}", "--run-file", self.run_file, *options, prefix=self.lead_host.prefix)

    def resume(self, run_file=None):
        return self.fleet.resume(run_file or self.run_file, prefix=self.lead_host.prefix)

    def begin(self, rate_per_s, seconds, *options, before=((),) * WORKERS):
        """Until the target has heard of it. `before`: of each worker."""
        self.rate_per_s, self.seconds = rate_per_s, seconds
        (self.folder / "slots.json").write_text(json.dumps([{"path": path} for path in PATHS]))
        scenario = self.folder / "faults.lua"
        scenario.write_text(SCENARIO % (rate_per_s, seconds))
        self.workers = [self.worker(slot, before=words) for slot, words in enumerate(before)]
        self.lead = self.coordinator(scenario, *options)
        deadline = time.monotonic() + patience(60)
        while self.target.count()["total"] == 0:
            assert time.monotonic() < deadline and self.lead.process.poll() is None, self.lead.wait(1).told()
            time.sleep(0.05)
        self.began = time.monotonic()

    def at(self, second):
        """Waits for that moment of the load, about. What it gives is on the clock of the target's log."""
        time.sleep(max(0, self.began + second - time.monotonic()))
        return time.monotonic_ns()

    def kill(self, running):
        """kill -9 of what sends, or leads; of nothing else on its host."""
        os.kill(sender(running), signal.SIGKILL)

    # ---- what came of it ----

    def end(self, lead=None, workers=None):
        """Coordinator and workers, ended; then the target's log is whole."""
        self.done = (lead or self.lead).wait(patience(150))
        self.ends = [w.wait(patience(60)) for w in (self.workers if workers is None else workers)]
        self.counted = self.target.settled_count()
        assert self.target.stop() == 0
        self.report = json.loads(self.report_path.read_text()) if self.report_path.exists() else report_of(self.run_file, self.folder)
        return self.report

    def told(self):
        return "".join(end.told() for end in [self.done, *self.ends] if end is not None)

    def events(self, kind):
        return [e for e in self.report["events"] if e["kind"] == kind]

    def reported_of(self, slot):
        return next((row for row in self.report["requests"] if row["name"] == PATHS[slot]), {"started": 0, "outcomes": {}})

    def counted_of(self, slot):
        return self.counted["paths"].get(PATHS[slot], 0)

    def seen_ns(self, slot=None):
        """When the target saw each request, of a worker or of all."""
        return [r["begin_ns"] for r in self.target.requests() if slot is None or r["path"] == PATHS[slot]]

    def stop(self):
        self.fleet.stop()
        self.target.stop()
        self.redis.stop()
        self.lan.close()
