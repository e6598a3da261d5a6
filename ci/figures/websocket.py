"""websocket: CPU time a message of echo round trips, one in flight a connection, one core for the client."""
import json
import re
import shutil
import statistics
import subprocess

from clients import REPORT, pelt
from host import BUILD, CLIENT_CORE, FLOOR_CLIENT, ROOT, echo_target, run_on, table, values

CONNECTIONS = 64
SIZES = {32: 1.20, 1024: 1.25}  # bytes of a message, and what pelt may cost of the floor
ROUNDS = 7
SECONDS = 4
ECHO = ROOT / "tests" / "bench" / "ws_echo.lua"
NPM_CLIENT = ROOT / "tests" / "bench" / "ws_client.js"


def _of_its_own(key):
    """What the program itself measured between its first message and its last."""
    return lambda ran: json.loads(ran.out.splitlines()[-1])[key]


def _of_pelt(ran):
    """All of its CPU time, its start, handshakes and report included."""
    report = json.loads(REPORT.read_text())
    assert report["totals"]["outcomes"] == {"ok": CONNECTIONS}, report["totals"]
    counts = {row["name"]: row["stats"]["count"] for row in report["metrics"]}
    assert counts["ws_errors"] == 0, counts
    return ran.cpu_s * 1e6 / counts["ws_rtt"]


def _clients():
    found = {
        "floor": (lambda port, n: [FLOOR_CLIENT, "-w", n, port, CONNECTIONS, SECONDS], _of_its_own("cpu_us_per_request")),
        "pelt run": (lambda port, n: pelt("run", ECHO, "--target", f"http://127.0.0.1:{port}", "-u", CONNECTIONS,
                                          "-d", f"{SECONDS}s", "--set", f"BYTES={n}"), _of_pelt),
    }
    if shutil.which("node") and (ROOT / "tests/interop/node_modules/ws").is_dir():
        found["npm ws, bare"] = (lambda port, n: ["node", NPM_CLIENT, port, CONNECTIONS, n, SECONDS],
                                  _of_its_own("cpu_us_per_message"))
    return found


def _size(clients, size):
    us = {name: [] for name in clients}
    for _ in range(ROUNDS):
        for name, (command, cost) in clients.items():
            with echo_target() as port:
                us[name].append(cost(run_on(CLIENT_CORE, *command(port, size))))
    rows = []
    for name in clients:
        ratio = statistics.median(a / b for a, b in zip(us[name], us["floor"]))
        limit = f"{SIZES[size]:.2f}" if name == "pelt run" else ""
        rows.append((name, values(us[name]), f"{ratio:.2f}", limit))
    found = f"Messages of {size:,} bytes:\n\n" + table(
        ("client", "µs a message: median (each round)", "x floor", "at most"), rows)
    print(found, flush=True)
    return found


def _in_memory():
    """Reading and writing of 1 MB messages without a socket: GB/s."""
    rows = []
    for way in ("read", "write"):
        rates = []
        for _ in range(ROUNDS):
            ran = run_on(CLIENT_CORE, BUILD / "bin/ws_codec", way, "text", 1 << 20, 3000)
            rates.append(float(re.search(r"([\d.]+) GB/s", ran.out).group(1)))
        rows.append((way, values(rates), "2"))
    return "Messages of 1 MB in memory (`tests/bench/ws_codec.c`):\n\n" + table(
        ("way", "GB/s: median (each round)", "at least"), rows)


def figure():
    intro = (f"Echo over {CONNECTIONS} connections, one message in flight each: a round trip is a message. CPU time (user + system) "
             f"of the client; {SECONDS} s a run, {ROUNDS} rounds of all clients in turn, client and a fresh server "
             "(`tests/bench/ws_floor_target.c`) on a core each. The floor (`tests/bench/floor_client.c -w`) writes one frame masked "
             "beforehand and parses nothing; pelt's is a Lua scenario (`tests/bench/ws_echo.lua`) with all that it records. "
             "A ratio is the median of those of the rounds.\n\n")
    clients = _clients()
    return intro + "\n".join([*(_size(clients, size) for size in SIZES), _in_memory()])
