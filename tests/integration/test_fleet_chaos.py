"""A run of many hosts that meets one fault after the other, drawn by a seed: in the end all is counted, or lies in a gap that is named.

Takes PELT_CHAOS minutes, so it is no test without that (`ci/measure chaos`). PELT_CHAOS_SEED draws others.
"""
import json
import os
import random
import shutil
import signal
import time

import pytest

from field import WORKERS, Field
from fleet import REDIS
from lan import Unavailable
from program import outcomes_add_up

MINUTES = float(os.environ.get("PELT_CHAOS") or 0)
SEED = int(os.environ.get("PELT_CHAOS_SEED") or 1)
RATE_PER_S, EVERY_S, LOST = 2000, 15, 6


class Faults:
    """Each leaves all as it was, but for a worker that is killed."""

    def __init__(self, field, rng):
        self.field, self.rng, self.lead, self.killed = field, rng, field.lead, None

    def _stopped(self, running, seconds):
        os.killpg(running.process.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.killpg(running.process.pid, signal.SIGCONT)

    def _worker(self):
        return self.rng.choice([i for i in range(WORKERS) if i != self.killed])

    def worker_stopped(self):
        self._stopped(self.field.workers[self._worker()], self.rng.choice([1, 4, 8]))

    def worker_cut_off(self):
        self.field.bus_host.cut(self.field.hosts[self._worker()])
        time.sleep(self.rng.choice([2, 6, 10]))
        self.field.bus_host.heal()

    def all_cut_off(self):
        self.field.bus_host.cut()
        time.sleep(self.rng.choice([2, 6, 10]))
        self.field.bus_host.heal()

    def bad_way(self):
        self.field.bus_host.disturb(*self.field.hosts, lost_percent=30, bytes_per_s=10_000)
        time.sleep(8)
        self.field.bus_host.heal()

    def redis_flushed(self):
        self.field.redis.ask("FLUSHALL")

    def redis_restarted(self):
        self.field.redis.kill()
        time.sleep(self.rng.choice([0, 2, 5]))
        self.field.redis.start()

    def redis_emptied(self):
        self.field.redis.kill()
        shutil.rmtree(self.field.redis.folder / "appendonlydir", ignore_errors=True)
        self.field.redis.start()

    def coordinator_stopped(self):
        self._stopped(self.lead, self.rng.choice([2, 5]))

    def coordinator_killed(self):
        self.field.kill(self.lead)
        self.lead.process.communicate()
        time.sleep(self.rng.choice([0, 2]))
        self.lead = self.field.resume()

    def worker_killed(self):
        """Once: nobody takes its place."""
        self.killed = self.rng.randrange(WORKERS)
        self.field.kill(self.field.workers[self.killed])

    ALL = (worker_stopped, worker_cut_off, all_cut_off, bad_way, redis_flushed, redis_restarted, redis_emptied, coordinator_stopped,
           coordinator_killed)


def one_after_the_other(field, seconds):
    """The faults, and what was done: each once before any comes again, and a worker is killed near the end."""
    rng = random.Random(SEED)
    faults, done, left = Faults(field, rng), [], []
    kill_s = rng.uniform(0.6, 0.8) * seconds
    for n in range(1, int(seconds / EVERY_S)):
        field.at(n * EVERY_S)
        left = left or rng.sample(Faults.ALL, len(Faults.ALL))
        fault = Faults.worker_killed if n * EVERY_S >= kill_s and faults.killed is None else left.pop()
        done.append(fault.__name__)
        print(f"{n * EVERY_S} s: {fault.__name__}", flush=True)
        fault(faults)
    return faults, done


def test_32_one_fault_after_the_other(tmp_path, record_property):
    failed = []

    def say(what, wanted, measured, held):
        record_property("figure", json.dumps([what, wanted, str(measured), bool(held)]))
        failed.extend([] if held else [f"{what}: wanted {wanted}, measured {measured}"])
    if REDIS is None:
        pytest.skip("no redis-server here")
    try:
        field = Field(tmp_path, redis=("--appendonly", "yes", "--appendfsync", "everysec"))
    except Unavailable as why:
        pytest.skip(f"no hosts can be made here: {why}")
    try:
        seconds = int(MINUTES * 60)
        field.begin(RATE_PER_S, seconds)
        faults, done = one_after_the_other(field, seconds)
        field.end(lead=faults.lead)
        outcomes_add_up(field.report)
        say(f"faults, seed {SEED}", "", ", ".join(f"{done.count(name)} {name.replace('_', ' ')}" for name in sorted(set(done))), True)
        say("exit code", LOST, field.done.code, field.done.code == LOST)
        for slot in range(WORKERS):
            counted, row, worker = field.counted_of(slot), field.reported_of(slot), field.report["workers"][slot]
            if slot == faults.killed:
                unknown = row["outcomes"].get("unfinished", 0) + (worker["gap"]["started_most"] if worker["gap"] else 0)
                completed = row["started"] - row["outcomes"].get("unfinished", 0)
                say(f"worker {slot}, killed", "completed <= counted <= completed + unknown", f"{completed:,} <= {counted:,} <= {completed:,} + {unknown:,}",
                    completed <= counted <= completed + unknown)
            else:
                planned = RATE_PER_S * seconds // WORKERS
                say(f"worker {slot}: reported, counted, planned", "equal", f"{row['started']:,}, {counted:,}, {planned:,}",
                    row["started"] == counted == worker["started"] and counted + field.report["totals"]["dropped"] >= planned)
        assert not failed, "\n".join(failed) + field.told()
    finally:
        field.stop()


if not MINUTES:
    del test_32_one_fault_after_the_other
