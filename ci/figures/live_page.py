"""live: what a live page costs the generator: CPU time of pelt's threads that do not send (the control thread, the page's, and the log's)
with ten viewers of its events, one of whom asks for the metrics each second, against the same run without a page. A pelt-agent is asked meanwhile, so that
each second has its figures, too.
"""
import contextlib
import http.client
import json
import pathlib
import re
import statistics
import subprocess
import tempfile
import threading
import time

from host import BUILD, CLIENT_CORE, PELT, PELT_TARGET, SERVER_CORE, free_port, serving, table

AGENT = BUILD / "bin/pelt-agent"
VIEWERS, PAIRS, RUN_S, SETTLE_S, MEASURED_S = 10, 3, 26, 4, 20
WANTED = 2.0  # % of a core
SCENARIO = """local pelt = require "pelt"
local tasks = {}
for i = 1, 20 do tasks[i] = { name = "t" .. i, run = function() pelt.http.get("/health/live", { name = "request " .. i }) end } end
return { load = { rate = "400/s", duration = %d }, alerts = { { alert = "HighErrorRate", rule = "errors share < 5%% over 10s" } }, tasks = tasks }
"""


def _cpu_ns(pid):
    """Of the threads that do not send, as the scheduler counts."""
    return {task.name: int((task / "schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
            if not re.fullmatch(r"pelt-\d+", (task / "comm").read_text().strip())}


class Viewer(threading.Thread):
    """Reads events to their end, on the server's core; the first one asks for the metrics as well."""

    def __init__(self, address, scrapes):
        super().__init__(daemon=True)
        self.address, self.scrapes, self.seconds, self.bytes = address, scrapes, 0, 0

    def run(self):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        connection.request("GET", "/events")
        answer = connection.getresponse()
        with contextlib.suppress(OSError, http.client.HTTPException):
            while line := answer.readline():
                self.bytes += len(line)
                if line == b"event: second\n":
                    self.seconds += 1
                    if self.scrapes:
                        other = http.client.HTTPConnection(self.address, timeout=60)
                        other.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text"})
                        other.getresponse().read()
                        other.close()


def _address(errors):
    for _ in range(500):
        found = re.search(r"live page: http://(\S+)/\n", errors.read_text())
        if found:
            return found.group(1)
        time.sleep(0.02)
    raise SystemExit(f"pelt has no live page: {errors.read_text()}")


def _once(scenario, folder, target_port, agent_port, viewers):
    """% of a core that the threads that do not send took, and the viewers that watched."""
    errors = folder / "stderr"
    with open(errors, "w") as err:
        run = subprocess.Popen(
            ["taskset", "-c", str(CLIENT_CORE), str(PELT), "run", str(scenario), "-t", "1", "--no-run-file", "--allow-invalid", "--target", f"http://127.0.0.1:{target_port}",
             "--agent", f"api=http://127.0.0.1:{agent_port}", *(["--web", "0"] if viewers else [])], stdout=subprocess.DEVNULL, stderr=err)
    try:
        watching = [Viewer(_address(errors), i == 0) for i in range(viewers)]
        for viewer in watching:
            viewer.start()
        time.sleep(SETTLE_S)
        before, began = _cpu_ns(run.pid), time.monotonic()
        time.sleep(MEASURED_S)
        after, took = _cpu_ns(run.pid), time.monotonic() - began
        run.wait()
        for viewer in watching:
            viewer.join(5)
        return 100 * sum(after[t] - before.get(t, 0) for t in after) / (took * 1e9), watching
    finally:
        run.kill()
        run.wait()


def _agent(target_port, port):
    return serving(port, "taskset", "-c", SERVER_CORE, AGENT, "--listen", f"127.0.0.1:{port}", "--port", f"api={target_port}")


def figure():
    without, with_page, seconds, size = [], [], [], []
    target_port, agent_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as name, \
            serving(target_port, "taskset", "-c", SERVER_CORE, PELT_TARGET, "--listen", f"127.0.0.1:{target_port}"), _agent(target_port, agent_port):
        folder = pathlib.Path(name)
        scenario = folder / "live.lua"
        scenario.write_text(SCENARIO % RUN_S)
        for _ in range(PAIRS):
            without.append(_once(scenario, folder, target_port, agent_port, 0)[0])
            cpu, watching = _once(scenario, folder, target_port, agent_port, VIEWERS)
            with_page.append(cpu)
            seconds += [viewer.seconds for viewer in watching]
            size += [viewer.bytes / viewer.seconds for viewer in watching]
    cost = [b - a for a, b in zip(without, with_page)]
    if min(seconds) < RUN_S:
        raise SystemExit(f"a viewer saw {min(seconds)} of {RUN_S} seconds")
    met = "met" if max(cost) < WANTED else "**missed**"
    text = lambda numbers: ", ".join(f"{number:.2f}" for number in numbers)
    return (f"`pelt run --web` at 400/s with 20 request names and an agent, {VIEWERS} viewers of `/events`, one of them asking `/metrics` each second; "
            f"{MEASURED_S} s measured, {PAIRS} pairs. Threads that do not send, % of a core:\n\n" + table(
                ["", "each run", "median"],
                [["without a page", text(without), f"{statistics.median(without):.2f}"],
                 [f"with {VIEWERS} viewers", text(with_page), f"{statistics.median(with_page):.2f}"],
                 [f"the page costs (wanted: below {WANTED:g}, {met})", text(cost), f"**{statistics.median(cost):.2f}**"]])
            + f"\nEach viewer saw all {RUN_S} seconds; a second is {statistics.median(size) / 1024:.1f} KiB for each.\n")


if __name__ == "__main__":
    print(json.dumps(figure()))
