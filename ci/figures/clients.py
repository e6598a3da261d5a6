"""The load generators that figures compare: how each is told to keep N connections busy for S seconds on
one thread, and how many requests it says it made.
"""
import json
import re

from host import FLOOR_CLIENT, PELT, ROOT, SCRATCH

REPORT = SCRATCH / "report.json"
HELLO = ROOT / "scenarios" / "hello.lua"
ITEM = ROOT / "tests" / "bench" / "item.lua"  # a path a request, a header, a name, a check
ARRIVALS = ROOT / "tests" / "bench" / "arrivals.lua"  # a request each, in open loop
ITEM_WRK = ROOT / "tests" / "bench" / "item_wrk.lua"
AB_REQUESTS_MAX = 5_000_000  # more than it makes in the time; ab keeps 32 bytes for each from the start


def _first_number(pattern):
    return lambda ran: int(re.search(pattern, ran.out).group(1))


def pelt_requests(_ran):
    report = json.loads(REPORT.read_text())
    assert report["totals"]["outcomes"] == {"ok": report["totals"]["started"]}, report["totals"]
    return report["totals"]["started"]


def pelt(*arguments):
    # Under callgrind or strace pelt finds itself starved, and says so.
    return [PELT, *arguments, "-t", 1, "--quiet", "--allow-invalid", "--no-run-file", "--out", f"json={REPORT}"]


# name: (command for (port, connections, seconds), requests made)
CLIENTS = {
    "floor": (lambda port, n, s: [FLOOR_CLIENT, port, n, s],
              lambda ran: json.loads(ran.out.splitlines()[-1])["requests"]),
    "pelt bench": (lambda port, n, s: pelt("bench", f"http://127.0.0.1:{port}/", "-c", n, "-d", f"{s}s"),
                   pelt_requests),
    "pelt run": (lambda port, n, s: pelt("run", HELLO, "--target", f"http://127.0.0.1:{port}", "-u", n, "-d", f"{s}s"),
                 pelt_requests),
    "pelt run, item": (lambda port, n, s: pelt("run", ITEM, "--target", f"http://127.0.0.1:{port}", "-u", n, "-d", f"{s}s"),
                       pelt_requests),
    "wrk": (lambda port, n, s: ["wrk", "-t1", f"-c{n}", f"-d{s}s", f"http://127.0.0.1:{port}/"],
            _first_number(r"(\d+) requests in")),
    "wrk, item": (lambda port, n, s: ["wrk", "-t1", f"-c{n}", f"-d{s}s", "-s", ITEM_WRK, f"http://127.0.0.1:{port}/"],
                  _first_number(r"(\d+) requests in")),
    "ab": (lambda port, n, s: ["ab", "-q", "-k", "-c", n, "-t", s, "-n", AB_REQUESTS_MAX, f"http://127.0.0.1:{port}/"],
           _first_number(r"Complete requests:\s+(\d+)")),
    "h2load": (lambda port, n, s: ["h2load", "--h1", "-t1", "-c", n, "-D", s, f"http://127.0.0.1:{port}/"],
               _first_number(r"requests: (\d+) total")),
}
