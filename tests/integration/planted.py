"""Limits planted in pelt-target and its host, one a case: a ramp goes over each at about the half, and what of it agents read says which it was.
Beside each there is a decoy: a pool that fills up some seconds after the break, and one that was full all along."""
import contextlib
import http.server
import itertools
import json
import os
import pathlib
import resource
import subprocess
import threading
import time
import urllib.request

import cache_servers
from agents import Agent
from program import pelt
from targets import Target

RAMP_S = 16
HALF_S = RAMP_S / 2      # the planted limit is reached
DECOY_S = HALF_S + 5     # the decoy fills up
GENERATOR, NONE = "generator", "none"


# ---- the host ----

CGROUPS = pathlib.Path("/sys/fs/cgroup")
NUMBERS = itertools.count(1)  # of cgroups


class Unavailable(Exception):
    """This host cannot plant it; the text says why."""


def cgroup_folder(controller, name):
    """An empty cgroup of its own."""
    folder = CGROUPS / controller / name if (CGROUPS / controller).is_dir() else CGROUPS / name
    try:
        folder.mkdir()
    except OSError as e:
        raise Unavailable(f"no cgroup {folder}: {e.strerror} (root is needed)") from None
    return folder


@contextlib.contextmanager
def cgroup(controller, v1, v2):
    """A cgroup with the settings of its version, {file: text}; gives what puts a process into it."""
    folder = cgroup_folder(controller, f"pelt-planted-{os.getpid()}-{next(NUMBERS)}")
    try:
        wanted = v1 if next(iter(v1)) in os.listdir(folder) else v2
        for file, text in wanted.items():
            try:
                (folder / file).write_text(text)
            except OSError as e:
                raise Unavailable(f"{folder / file}: {e.strerror}") from None
        yield lambda: (folder / "cgroup.procs").write_text(str(os.getpid()))
    finally:
        for _ in range(100):  # until its processes are gone
            with contextlib.suppress(OSError):
                folder.rmdir()
                break
            time.sleep(0.05)


@contextlib.contextmanager
def tmpfs(folder, size):
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "pelt-planted", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"no tmpfs at {folder}: {done.stderr.strip()} (root is needed)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def put_into_cgroup(quota_share):
    period = 100000
    return cgroup("cpu", {"cpu.cfs_period_us": str(period), "cpu.cfs_quota_us": str(int(period * quota_share))},
                  {"cpu.max": f"{int(period * quota_share)} {period}"})


# ---- decoys ----

class Decoys:
    """Pools of nobody, on a page of metrics: `late` fills up DECOY_S after the first request came, `static` is full all along."""

    def __init__(self):
        self.begun = None
        decoys = self

        class Page(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                page = decoys.page().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(page)))
                with contextlib.suppress(OSError):
                    self.end_headers()
                    self.wfile.write(page)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/metrics"

    def page(self):
        over = self.begun is not None and time.monotonic() - self.begun > DECOY_S
        since = time.monotonic() - self.begun - DECOY_S if over else 0
        return (f"late_used {10 if over else 2}\nlate_limit 10\nlate_waiters {int(50 * since)}\nlate_events_total {int(300 * since)}\n"
                "static_used 10\nstatic_limit 10\n")

    def options(self):
        return ("--pool", f"late={self.url}#used=late_used,limit=late_limit,waiters=late_waiters,timeouts=late_events_total",
                "--pool", f"static={self.url}#used=static_used,limit=static_limit")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


# ---- the service and who watches it ----

def pool(name, target, limit, events=True):
    """The option that makes a limit of pelt-target's a pool of the agent's."""
    labels = f'{{limit="{limit}"}}'
    return ("--pool", f"{name}={target.url}/metrics#used=pelt_target_limit_used{labels},limit=pelt_target_limit_limit{labels},"
                      f"waiters=pelt_target_limit_waiters{labels}"
                      + (f",timeouts=pelt_target_limit_events_total{labels}" if events else ""))


def cache(name, target, of):
    labels = f'{{cache="{of}"}}'
    return ("--cache", f"{name}=prometheus={target.url}/metrics#hit=pelt_target_cache_hits_total{labels},"
                       f"miss=pelt_target_cache_misses_total{labels},evictions=pelt_target_cache_evictions_total{labels}")


def turn(target, **knobs):
    body = json.dumps({name.replace("_", "-"): value for name, value in knobs.items()}).encode()
    request = urllib.request.Request(target.url + "/admin/knobs", data=body, method="PUT")
    urllib.request.urlopen(request, timeout=5).close()


class Plant:
    """What a case builds: its target, options of the agent, what happens meanwhile."""

    def __init__(self, folder, seed, stack):
        self.folder, self.seed, self.stack = folder, seed, stack
        self.watched = []    # options of the agent
        self.later = []      # (seconds after the first request, function)
        self.pelt = {}       # of the generator's process
        self.to, self.path, self.users, self.more = "400/s", "/work", 400, ""

    def target(self, *options, name="target", before=None):
        folder = self.folder / name
        folder.mkdir()
        target = Target(folder, "--seed", self.seed, *options, before=before)
        self.stack.callback(target.stop)
        return target

    def scenario(self):
        path = self.folder / "planted.lua"
        path.write_text(f"""
local pelt = require "pelt"
local http = pelt.http.client {{ timeout = "2s" }}
{self.more}
return {{
    name = "planted", target = pelt.env("TARGET"),
    load = pelt.load.ramp {{ from = "20/s", to = "{self.to}", duration = "{RAMP_S}s", arrivals = "poisson", users = {self.users}, grace = "3s" }},
    setup = function() return {{ begun = pelt.now() }} end,
    iteration = {self.iteration()},
}}
""")
        return path

    def iteration(self):
        return self.path if self.path.startswith("function") else f'function() http:get("{self.path}") end'


def cpu_quota(p):
    join = p.stack.enter_context(put_into_cgroup(0.05))
    p.path, p.to, p.users = "/bytes/400000", "900/s", 1500
    return p.target("--threads", 1, before=join)


def memory(p):
    size = 48 << 20
    join = p.stack.enter_context(cgroup("memory", {"memory.limit_in_bytes": str(size)}, {"memory.max": str(size), "memory.swap.max": "0"}))
    p.to = "200/s"
    target = p.target("--service-time", "2ms", before=join)
    p.later.append((0, lambda: turn(target, leak_memory="5m")))
    return target


def app_memory(p):
    p.to = "200/s"
    target = p.target("--service-time", "2ms", "--memory-limit", "48m")
    p.later.append((0, lambda: turn(target, leak_memory="5m")))
    p.watched += pool("memory", target, "memory")
    return target


def nofile(p):
    limit = 80
    p.to, p.users = "500/s", 400
    return p.target("--service-time", "200ms", "--connections", 10000, "--threads", 1,
                    before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))


def accept_queue(p):
    p.to, p.users = "800/s", 600
    p.path = 'function() http:get("/work", { headers = { Connection = "close" } }) end'
    return p.target("--service-time", "40ms", "--connections", 16, "--threads", 1, "--backlog", 8)


def workers(p):
    target = p.target("--workers", 4, "--service-time", "exponential:20ms")
    p.watched += pool("workers", target, "workers")
    return target


def db_pool(p):
    p.to = "300/s"
    target = p.target("--database", p.folder / "items.db", "--database-max", 6, "--database-query", "slow", "--database-slow", "40ms")
    p.watched += pool("db", target, "database")
    return target


def upstream_pool(p):
    dependency = p.target("--service-time", "exponential:20ms", name="dependency")
    target = p.target("--upstream", dependency.url + "/work", "--upstream-max", 4)
    p.watched += pool("upstream", target, "upstream")
    return target


def rate_limiter(p):
    target = p.target("--service-time", "5ms", "--rate-limit", "200/s", "--rate-burst", 20)
    p.watched += pool("rate", target, "rate_limit")
    return target


def model_memory(p):
    names = "abcdefgh"
    p.to, p.users = "100/s", 300
    # Four fit; from the half on one more is asked for each second.
    p.path = """function(user, data)
        local known = math.min(#models, 4 + math.max(0, math.floor(pelt.now() - data.begun - %d)))
        http:get("/work?model=" .. models[user.rng:int(1, known)], { name = "work" })
    end""" % (HALF_S - 1)
    p.more = "local models = { %s }" % ", ".join(f'"{n}"' for n in names)
    target = p.target("--service-time", "5ms", "--models", ",".join(f"{n}:1g:400ms" for n in names), "--model-memory", "4g")
    p.watched += pool("models", target, "model_memory") + cache("models", target, "models")
    return target


def cache_disabled(p):
    p.to = "300/s"
    p.path = 'function(user) http:get("/work?q=" .. user.rng:int(1, 40), { name = "work" }) end'
    target = p.target("--workers", 2, "--service-time", "exponential:20ms", "--cache", "10m")
    p.later.append((HALF_S, lambda: turn(target, cache=0)))
    p.watched += pool("workers", target, "workers") + cache("response", target, "response_cache")
    return target


def disk_full(p):
    mount = p.stack.enter_context(tmpfs(p.folder / "disk", "24m"))
    p.to = "200/s"
    target = p.target("--database", mount / "items.db", "--database-rows", 1000, "--database-query", "write", "--database-max", 4)
    with_file = open(mount / "grows", "ab")
    p.stack.callback(with_file.close)

    def fill(share):
        def step():
            with contextlib.suppress(OSError):
                size = int(24 * 2**20 * share) - os.fstat(with_file.fileno()).st_size
                with_file.write(b"x" * max(size, 0))
                with_file.flush()
        return step

    for i in range(1, 33):
        p.later.append((i * HALF_S / 16, fill(i / 16)))
    p.watched += ("--disk", str(mount)) + pool("db", target, "database")
    return target


def breaker(p):
    dependency = p.target("--service-time", "exponential:5ms", name="dependency")
    target = p.target("--upstream", dependency.url + "/work", "--upstream-max", 64, "--upstream-timeout", "150ms", "--upstream-failures", 5,
                      "--upstream-cooldown", "2s")
    p.to = "200/s"
    p.later.append((HALF_S, lambda: turn(dependency, service_time="600ms")))
    p.watched += pool("breaker", target, "upstream_breaker") + pool("upstream", target, "upstream")
    return target


def tasks(p):
    p.to = "300/s"
    p.path = 'function() http:post("/tasks", { json = { wait = true } }) end'
    target = p.target("--tasks", 8, "--tasks-time", "exponential:50ms", "--tasks-queue", 10000)
    p.watched += pool("tasks", target, "tasks")
    return target


def batches(p):
    p.to = "280/s"
    target = p.target("--batch", 4, "--batch-wait", "5ms", "--batch-time", "20ms", "--batch-item", "2ms", "--threads", 1)
    p.watched += pool("batch", target, "batch", events=False)  # its events are all requests
    return target


def queue_consumers(p):
    folder = p.folder / "redis"
    folder.mkdir()
    redis = cache_servers.redis(folder)
    p.stack.callback(redis.stop)
    p.to = "300/s"
    p.path = 'function() http:post("/queue", { body = "a message" }) end'
    target = p.target("--queue", redis.address, "--queue-consumers", 3, "--queue-time", "20ms", "--queue-max", 20)
    p.watched += pool("consumers", target, "queue_consumers", events=False) + pool("queue", target, "queue")
    return target


def back_ends(p):
    target = p.target("--lb", "least-connections", "--lb-scale", "on", "--lb-start", "--service-time 40ms --workers 4", "--lb-min", 2,
                      "--lb-max", 2, "--lb-capacity", 4, "--lb-check", "200ms", "--lb-check-failures", 20)
    p.watched += pool("back_ends", target, "lb_capacity", events=False)
    deadline = time.monotonic() + 20
    while target.get("/metrics").count("pelt_target_backend_up{") < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    return target


def sessions(p):
    p.to = "200/s"
    p.path = 'function() http:post("/sessions") end'
    target = p.target("--service-time", "2ms", "--sessions", 520)
    p.watched += pool("sessions", target, "sessions")
    return target


def threads(p):
    join = p.stack.enter_context(cgroup("pids", {"pids.max": "24"}, {"pids.max": "24"}))
    dependency = p.target("--service-time", "exponential:50ms", name="dependency")
    target = p.target("--upstream", dependency.url + "/work", "--upstream-max", 200, "--threads", 1, before=join)
    p.watched += pool("upstream", target, "upstream")
    return target


def search_cache_small(p):
    p.to = "300/s"
    p.path = 'function(user) http:get("/search?q=question+" .. user.rng:int(1, 40), { name = "search" }) end'
    target = p.target("--workers", 2, "--service-time", "exponential:20ms", "--search", "10m", "--search-ttl", "1h")
    p.later.append((HALF_S, lambda: turn(target, search_entries=10)))
    p.watched += pool("workers", target, "workers") + cache("search", target, "search")
    return target


def generator(p):
    p.pelt["preexec_fn"] = p.stack.enter_context(put_into_cgroup(0.03))
    p.to = "2000/s"
    target = p.target("--workers", 64, "--service-time", "5ms")
    p.watched += pool("workers", target, "workers")
    return target


def nothing(p):
    target = p.target("--workers", 8, "--service-time", "exponential:5ms")
    p.watched += pool("workers", target, "workers")
    return target


# name: (what plants it, what may be named: the limit's own figure, or one that is the same thing)
CASES = {
    "CPU quota": (cpu_quota, {"cgroup_cpu"}),
    "memory of the cgroup": (memory, {"cgroup_memory"}),
    "memory of the service": (app_memory, {"pool_memory"}),
    "open files": (nofile, {"nofile"}),
    "accept queue": (accept_queue, {"listen_backlog"}),
    "worker pool": (workers, {"pool_workers"}),
    "database pool": (db_pool, {"pool_db"}),
    "upstream pool": (upstream_pool, {"pool_upstream"}),
    "rate limiter": (rate_limiter, {"pool_rate"}),
    "model memory": (model_memory, {"pool_models", "models"}),
    "cache disabled": (cache_disabled, {"response"}),
    "disk full": (disk_full, {"disk_space"}),
    "slow dependency, breaker": (breaker, {"pool_breaker"}),
    "task workers": (tasks, {"pool_tasks"}),
    "batch": (batches, {"pool_batch"}),
    "queue's consumers": (queue_consumers, {"pool_consumers", "pool_queue"}),
    "back ends": (back_ends, {"pool_back_ends"}),
    "sessions": (sessions, {"pool_sessions"}),
    "threads of the cgroup": (threads, {"cgroup_pids"}),
    "search cache small": (search_cache_small, {"search"}),
    "generator": (generator, {GENERATOR}),
    "none": (nothing, {NONE}),
}


def limit_of(finding):
    """Of `api/nofile web` nofile."""
    return finding["about"].split("/", 1)[-1].split(" ", 1)[0]


def _meanwhile(target, decoys, later, ended):
    """Waits for the first request, and does then what is planned for later."""
    with contextlib.suppress(OSError):
        while not ended.is_set() and target.count()["total"] == 0:
            time.sleep(0.05)
    decoys.begun = time.monotonic()
    for at_s, act in sorted(later, key=lambda each: each[0]):
        if ended.wait(max(decoys.begun + at_s - time.monotonic(), 0)):
            return
        with contextlib.suppress(OSError):  # it may be dead, as planned
            act()


def ramp(name, folder, seed=1, *options):
    """One ramp over what the case plants: how pelt ended, with its report. The run file is `run.pelt` in the folder."""
    with contextlib.ExitStack() as stack:
        plant = Plant(folder, seed, stack)
        target = CASES[name][0](plant)
        decoys = Decoys()
        stack.callback(decoys.close)
        (folder / "agent").mkdir()
        agent = Agent(folder / "agent", "--name", "api", "--port", f"web={target.port}", *plant.watched, *decoys.options())
        stack.callback(agent.stop)
        ended = threading.Event()
        acts = threading.Thread(target=_meanwhile, args=(target, decoys, plant.later, ended))
        stack.callback(acts.join)
        stack.callback(ended.set)
        acts.start()
        report = folder / "report.json"
        done = pelt("run", plant.scenario(), "--quiet", "--run-file", folder / "run.pelt", "--out", f"json={report}", "--set", f"TARGET={target.url}",
                    "--agent", f"api={agent.url}", "--seed", seed, "-t", 1, *options, cwd=folder, timeout=90, **plant.pelt)
        if report.exists():
            done.report = json.loads(report.read_text())
        return done


def bottleneck(report):
    return next(f for f in report["findings"] if f["kind"] == "bottleneck")
