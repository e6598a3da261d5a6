"""preflight: what it says one thread can send, against what a run with one thread then reaches."""
import json
import statistics

from clients import HELLO, ITEM, REPORT, pelt
from host import CLIENT_CORE, PELT, SCRATCH, SERVER_CORE, floor_target, pelt_target, run_on, stolen_ms, table, values

ROUNDS = 5
USERS = 64
SECONDS = 4
ALLOWED = 0.15
SCENARIOS = {"hello": HELLO, "item": ITEM}
FORECAST = SCRATCH / "preflight.json"


def forecast(scenario):
    """Requests a second of one thread. The null server has the other core, as the servers of the runs have."""
    run_on(f"{SERVER_CORE},{CLIENT_CORE}", PELT, "preflight", scenario, "-u", USERS, "-d", "10s", "-t", 1, "--quiet",
           "--target", "http://127.0.0.1:9", "--out", f"json={FORECAST}")
    return json.loads(FORECAST.read_text())["forecast"]["requests_per_s"]


def _run(scenario, port):
    """Requests a second of a run, the share of the core that its thread took, and requests for a second of its CPU."""
    run_on(CLIENT_CORE, *pelt("run", scenario, "--target", f"http://127.0.0.1:{port}", "-u", USERS, "-d", f"{SECONDS}s"))
    report = json.loads(REPORT.read_text())
    thread = report["generator"]["threads"][0]
    reached = report["totals"]["started"] / SECONDS
    return reached, thread["cpu_share"], reached / thread["cpu_share"]


SERVERS = {"floor_target": floor_target, "pelt-target": pelt_target}


def _row(name, scenario, server):
    said, reached, shares, by_cpu = [], [], [], []
    with SERVERS[server]() as port:
        for _ in range(ROUNDS):
            said.append(forecast(scenario))
            for column, value in zip((reached, shares, by_cpu), _run(scenario, port)):
                column.append(value)
    return [name, server, values(said, 0), values(reached, 0), *_off(said, reached), values(shares), values(by_cpu, 0), *_off(said, by_cpu)]


def _off(said, run):
    """How far what was said is off, by medians, and whether that is allowed."""
    off = statistics.median(said) / statistics.median(run) - 1
    return f"{off:+.1%}", "yes" if abs(off) <= ALLOWED else "**no**"


def figure():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    stolen = stolen_ms(CLIENT_CORE)
    rows = [_row(name, scenario, server) for name, scenario in SCENARIOS.items() for server in SERVERS]
    stolen = stolen_ms(CLIENT_CORE) - stolen
    intro = (f"`pelt preflight SCENARIO -t 1 -u {USERS}` and then `pelt run SCENARIO -t 1 -u {USERS} -d {SECONDS}s`, the server on the "
             f"other core, {ROUNDS} rounds in turn: median (all values). Preflight may be {ALLOWED:.0%} off what a run reaches. A server "
             f"that is slower than pelt leaves its thread waiting (of its core: below 1), and no run reaches what the thread could "
             f"send: so it is compared with what the run made of a second of its thread's CPU, too. The hypervisor took {stolen} ms "
             f"from pelt's core meanwhile.\n\n")
    return intro + table(("scenario", "server", "preflight, requests/s", "run, requests/s", "off", "held", "of its core",
                          "run, requests a CPU second", "off", "held"), rows)
