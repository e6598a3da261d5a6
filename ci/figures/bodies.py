"""bodies: CPU time a request with answers of 128 KB, read by nobody or kept for the script."""
import statistics

from clients import pelt, pelt_requests
from host import CLIENT_CORE, ROOT, pelt_target, run_on, table, values

SCENARIO = ROOT / "tests" / "bench" / "bodies.lua"
USERS = (8, 64)
ROUNDS = 7
SECONDS = 3


def _us_a_request(port, users, keep):
    ran = run_on(CLIENT_CORE, *pelt("run", SCENARIO, "--set", f"KEEP={keep}", "--target", f"http://127.0.0.1:{port}",
                                    "-u", users, "-d", f"{SECONDS}s"))
    return ran.cpu_s * 1e6 / pelt_requests(ran)


def figure():
    rows = []
    with pelt_target() as port:
        for users in USERS:
            us = {"yes": [], "no": []}
            for _ in range(ROUNDS):
                for keep in us:
                    us[keep].append(_us_a_request(port, users, keep))
            ratio = statistics.median(no / yes for yes, no in zip(us["yes"], us["no"]))
            rows.append((users, values(us["yes"], 1), values(us["no"], 1), f"{ratio:.2f}"))
    return (f"Client CPU, µs a request; {SECONDS} s a run, {ROUNDS} alternating rounds, pelt-target and pelt on a core each. The ratio is "
            "the median of those of the rounds.\n\n" +
            table(("users", "kept: median (each round)", "read by nobody", "nobody / kept"), rows))
