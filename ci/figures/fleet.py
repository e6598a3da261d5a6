"""A thousand workers that send no load but say what so much of it would have been: how long their coordinator takes, and what it costs."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from host import BUILD, CLIENT_CORE, PELT, SERVER_CORE, free_port, serving, table

WORKERS, SERIES, SAMPLES, SECONDS = 1000, 8, 1000, 20
SECRET = {"PELT_BUS_SECRET": "a secret of measurements only"}
SCENARIO = """local pelt = require "pelt"
return { load = { users = %d, duration = "%ds" }, iteration = function() pelt.http.get("/") end }
"""


def figure():
    """Coordinator on one core; Redis and the uploaders on the other."""
    redis = shutil.which("redis-server")
    if not redis:
        raise SystemExit("ci/measure: fleet needs redis-server")
    port = free_port()
    bus = f"redis://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as name, \
            serving(port, "taskset", "-c", SERVER_CORE, redis, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", name):
        folder = pathlib.Path(name)
        (folder / "fleet.lua").write_text(SCENARIO % (WORKERS, SECONDS))
        environment = {**os.environ, **SECRET}
        lead = subprocess.Popen([*map(str, ("taskset", "-c", CLIENT_CORE, PELT, "run", "fleet.lua", "--bus", bus, "--workers", WORKERS, "--target",
                                            "http://127.0.0.1:1", "--allow-invalid", "--quiet", "--run-file", "run.pelt", "--out", "json=report.json"))],
                                cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        said = subprocess.run([*map(str, ("taskset", "-c", SERVER_CORE, BUILD / "bin/fleet_uploaders", "-s", SERIES, "-n", SAMPLES, bus, WORKERS,
                                          SECONDS))], env=environment, capture_output=True, text=True, check=True)
        _, status, usage = os.wait4(lead.pid, 0)
        lead.returncode = os.waitstatus_to_exitcode(status)
        told = json.loads((folder / "report.json").read_text())
    said = json.loads(said.stdout)
    assert told["totals"]["started"] == said["started"], "not exact"
    cpu_s = usage.ru_utime + usage.ru_stime
    rows = [("acknowledged after a second's end, p50", f"{said['lag_ms']['p50']:.0f} ms", ""),
            ("the same, p99", f"{said['lag_ms']['p99']:.0f} ms", "1000 ms"),
            ("all said after a second's end, at the latest", f"{said['said_ms_max']:.0f} ms", ""),
            ("coordinator's CPU time, its start and report included", f"{cpu_s / SECONDS:.1%} of a core", "25%"),
            ("its resident memory, the most", f"{usage.ru_maxrss / 1024:.0f} MB", "300 MB"),
            ("exchanges told, of those said", f"{told['totals']['started']:,} of {said['started']:,}", "all")]
    return (f"{WORKERS} workers with {SERIES} series of {SAMPLES} log-normal samples a second, {SECONDS} s, over Redis; the coordinator on one core, "
            "Redis and the uploaders (`tests/bench/fleet_uploaders.c`) on the other.\n\n" + table(("what", "measured", "at most"), rows))
