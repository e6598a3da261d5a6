"""cost: CPU time (user + system) a request of each client, one core for it and one for the server."""
import statistics

from clients import CLIENTS
from host import CLIENT_CORE, allow_files, floor_target, run_on, table, values

CONNECTIONS = (64, 1_000, 10_000)
ROUNDS = 7
SECONDS = 3


def _us_a_request(name, connections):
    """Against a server, and so a port, of its own: where thousands of connections to one port were closed a second ago, the
    kernel searches long for a free one of ours."""
    command, requests = CLIENTS[name]
    with floor_target() as port:
        ran = run_on(CLIENT_CORE, *command(port, connections, SECONDS))
    return ran.cpu_s * 1e6 / requests(ran)


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
    intro = (f"CPU time of the client by wait4, over the requests it says it made; {SECONDS} s a run, {ROUNDS} rounds of all "
             "clients in turn, client and a fresh server on a core each (taskset), one "
             "thread, keep-alive. A ratio is the median of those of the rounds.\n\n")
    return intro + "\n".join(_level(n) for n in CONNECTIONS)
