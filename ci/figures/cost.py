"""cost: CPU time (user + system) a request of each client, one core for it and one for the server."""
import statistics

from clients import CLIENTS
from host import CLIENT_CORE, allow_files, floor_target_judging, run_on, table, values

CONNECTIONS = (64, 1_000, 10_000)
ROUNDS = 7
SECONDS = 3


def _us_a_request(name, connections):
    """Against a server, and so a port, of its own: where thousands of connections to one port were closed a second ago, the
    kernel searches long for a free one of ours."""
    command, requests = CLIENTS[name]
    with floor_target_judging(connections) as (port, claimed):
        ran = run_on(CLIENT_CORE, *command(port, connections, SECONDS))
        claimed.append(requests(ran))
    return ran.cpu_s * 1e6 / claimed[0]


def _ratio(of, to):
    """Of two clients: the median of the rounds' ratios, as both sides of a round met the same machine."""
    return f"{statistics.median(a / b for a, b in zip(of, to)):.2f}"


def _level(connections):
    """Rounds go through all clients in turn, so that a drift of the machine meets all alike."""
    us = {name: [] for name in CLIENTS}
    for _ in range(ROUNDS):
        for name in CLIENTS:
            us[name].append(_us_a_request(name, connections))
    rows = [(name, values(us[name]), *(_ratio(us[name], us[other]) for other in ("floor", "wrk", "wrk, item"))) for name in CLIENTS]
    found = f"{connections:,} connections:\n\n" + table(
        ("client", "µs a request: median (each round)", "x floor", "x wrk", "x wrk, item"), rows)
    print(found, flush=True)  # minutes lie between the levels
    return found


def figure():
    allow_files(20_000)
    intro = (f"CPU time of the client by wait4, start, connecting and report included, over the requests it says it made, which the "
             f"server's count confirms; {SECONDS} s a run, {ROUNDS} rounds of all "
             "clients in turn, client and a fresh server on a core each (taskset), one "
             "thread, keep-alive; pelt with `--quiet --allow-invalid --no-run-file --out json=`. A ratio is the median of those of the "
             "rounds. With 10,000 connections about a tenth of the floor's own cost is connecting.\n\n")
    return intro + "\n".join(_level(n) for n in CONNECTIONS)
