"""cost: CPU time (user + system) a request of each client, one core for it and one for the server."""
import statistics

from clients import CLIENTS
from host import CLIENT_CORE, allow_files, floor_target, run_on, table, values

CONNECTIONS = (64, 1_000, 10_000)
ROUNDS = 5
SECONDS = 4


def _us_a_request(name, port, connections):
    command, requests = CLIENTS[name]
    ran = run_on(CLIENT_CORE, *command(port, connections, SECONDS))
    return ran.cpu_s * 1e6 / requests(ran)


def _level(connections):
    """Rounds go through all clients in turn, so that a drift of the machine meets all alike."""
    us = {name: [] for name in CLIENTS}
    with floor_target() as port:
        for _ in range(ROUNDS):
            for name in CLIENTS:
                us[name].append(_us_a_request(name, port, connections))
    floor = statistics.median(us["floor"])
    wrk = statistics.median(us["wrk"])
    rows = [(name, values(us[name]), f"{statistics.median(us[name]) / floor:.2f}",
             f"{statistics.median(us[name]) / wrk:.2f}") for name in CLIENTS]
    found = f"{connections:,} connections:\n\n" + table(("client", "µs a request: median (each round)", "x floor", "x wrk"), rows)
    print(found, flush=True)  # minutes lie between the levels
    return found


def figure():
    allow_files(20_000)
    intro = (f"CPU time of the client by wait4, over the requests it says it made; {SECONDS} s a run, {ROUNDS} rounds of all "
             "clients in turn, client and server on a core each (taskset), one thread, keep-alive.\n\n")
    return intro + "\n".join(_level(n) for n in CONNECTIONS)
