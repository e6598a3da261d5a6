"""bodies: CPU time a request with answers of 128 KB, read by nobody or kept for the script."""
import statistics

from clients import pelt, pelt_requests
from host import CLIENT_CORE, ROOT, SCRATCH, nginx_of, pelt_target, run_on, table, values

SCENARIO = ROOT / "tests" / "bench" / "bodies.lua"  # asks for /bytes/131072
BYTES = 131_072
USERS = (8, 64)
ROUNDS = 7
SECONDS = 3


def _nginx():
    """Sends by sendfile, so that the client is what is slow; pelt-target copies, and pelt waits for it in between."""
    prefix = SCRATCH / "nginx"
    (prefix / "bytes").mkdir(parents=True, exist_ok=True)
    (prefix / "bytes" / str(BYTES)).write_bytes(b"x" * BYTES)
    return nginx_of(prefix)


SERVERS = {"nginx": _nginx, "pelt-target": pelt_target}


def _us_a_request(port, users, keep):
    ran = run_on(CLIENT_CORE, *pelt("run", SCENARIO, "--set", f"KEEP={keep}", "--target", f"http://127.0.0.1:{port}",
                                    "-u", users, "-d", f"{SECONDS}s"))
    return ran.cpu_s * 1e6 / pelt_requests(ran)


def _row(server, port, users):
    us = {"yes": [], "no": []}
    for _ in range(ROUNDS):
        for keep in us:
            us[keep].append(_us_a_request(port, users, keep))
    ratio = statistics.median(no / yes for yes, no in zip(us["yes"], us["no"]))
    return server, users, values(us["yes"], 1), values(us["no"], 1), f"{ratio:.2f}"


def figure():
    rows = []
    for server, serving in SERVERS.items():
        with serving() as port:
            rows += [_row(server, port, users) for users in USERS]
    return (f"Client CPU, µs a request; {SECONDS} s a run, {ROUNDS} alternating rounds, server and pelt on a core each. The ratio is "
            "the median of those of the rounds. nginx sends from a file (sendfile) and is not what limits either; pelt-target is, where "
            "nobody reads, so pelt falls asleep and wakes more often there.\n\n" +
            table(("server", "users", "kept: median (each round)", "read by nobody", "nobody / kept"), rows))
