"""verdict: healthy open-loop runs, again and again, at half of what preflight says. None of them may be called INVALID, and
what is SUSPECT must be explained by what the kernel tells of the host.

Preflight measures users who keep the thread busy, so that one wake-up of it serves many; arrivals come one at a time, and a
request costs more. So the same is done at half of what one user at a time reaches.
"""
import json

from clients import ARRIVALS, REPORT, pelt
from host import CLIENT_CORE, floor_target, run_on, table
from preflight import forecast

RUNS = 20
VALID_WANTED = 15
RUN_S = 5
PROBE_S = 5


def _report(*command):
    run_on(CLIENT_CORE, *command)
    return json.loads(REPORT.read_text())


def _one_user(port):
    """Requests a second of one core, an exchange at a time."""
    return _report(*pelt("bench", f"http://127.0.0.1:{port}/health", "-c", 1, "-d", f"{PROBE_S}s"))["totals"]["started_per_s"]


def _arrivals(port, rate):
    return _report(*pelt("run", ARRIVALS, "--target", f"http://127.0.0.1:{port}", "--rate", f"{rate}/s", "-d", f"{RUN_S}s"))


def _ms(value, of_s=RUN_S):
    return "unreadable" if value is None else f"{value / (10 * of_s):.1f}%"


def _row(rate, number, report):
    generator, host = report["generator"], report["generator"]["host"]
    waits = [thread["run_wait_share"] for thread in generator["threads"]]
    wait = "unreadable" if None in waits else f"{max(waits):.1%}"
    tail = generator["tainted_tail_share"]
    return (rate, number, report["verdict"]["status"], f"{report['totals']['started_per_s']:.0f}",
            f"{max(t['cpu_share'] for t in generator['threads']):.0%}", wait,
            _ms(host["stolen_ms"]), _ms(host["others_cpu_ms"]), _ms(host["cpu_pressure_ms"]),
            generator["send_lag_ms"]["p99"], "n/a" if tail is None else f"{tail:.0%}",
            "; ".join(report["verdict"]["reasons"]))


def _held(half_of, capacity, reports):
    verdicts = [report["verdict"]["status"] for report in reports]
    valid, invalid = verdicts.count("VALID"), verdicts.count("INVALID")
    held = "yes" if invalid == 0 and valid >= VALID_WANTED * RUNS / 20 else "**no**"
    return f"- {int(capacity / 2)}/s, half of the {capacity:.0f}/s that {half_of}: {invalid} were INVALID, {valid} VALID: {held}.\n"


def figure():
    said, rows = "", []
    with floor_target() as port:
        capacities = {"preflight says one thread can send": forecast(ARRIVALS),
                      "one user at a time reaches": _one_user(port)}
        for half_of, capacity in capacities.items():
            rate = int(capacity / 2)
            reports = [_arrivals(port, rate) for _ in range(RUNS)]
            said += _held(half_of, capacity, reports)
            rows += [_row(rate, number, report) for number, report in enumerate(reports, 1)]
    intro = (f"{RUNS} runs of {RUN_S} s each, one thread, the bare epoll server on the other core. Wanted: none INVALID, "
             f"{VALID_WANTED} of 20 VALID.\n\n{said}\n")
    header = ("planned, requests/s", "run", "verdict", "reached", "CPU", "run queue wait", "stolen", "other programs, of one core",
              "CPU pressure", "send lag p99, ms", "tail tainted", "reasons")
    return intro + table(header, rows)
