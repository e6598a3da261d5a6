"""verdict: healthy open-loop runs, again and again, at half of what preflight says. None of them may be called INVALID, and
what is SUSPECT must be explained by what the kernel tells of the host.

Both have all cores of this host, as a user's would: a thread that has one for itself polls for what is due next.
"""
import json

from clients import ARRIVALS, REPORT, pelt
from host import CLIENT_CORE, PELT, SCRATCH, SERVER_CORE, floor_target, run_on, table

RUNS = 20
VALID_WANTED = 15
RUN_S = 5
CORES = f"{SERVER_CORE},{CLIENT_CORE}"
FORECAST = SCRATCH / "preflight.json"


def _on_time():
    """Arrivals a second that preflight says one thread sends on time."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    run_on(CORES, PELT, "preflight", ARRIVALS, "--rate", "1000/s", "-d", "10s", "-t", 1, "--quiet",
           "--target", "http://127.0.0.1:9", "--out", f"json={FORECAST}")
    return json.loads(FORECAST.read_text())["forecast"]["on_time_per_s"]


def _arrivals(port, rate):
    run_on(CORES, *pelt("run", ARRIVALS, "--target", f"http://127.0.0.1:{port}", "--rate", f"{rate}/s", "-d", f"{RUN_S}s"))
    return json.loads(REPORT.read_text())


def _ms(value, of_s=RUN_S):
    return "unreadable" if value is None else f"{value / (10 * of_s):.1f}%"


def _row(number, report):
    generator, host = report["generator"], report["generator"]["host"]
    waits = [thread["run_wait_share"] for thread in generator["threads"]]
    wait = "unreadable" if None in waits else f"{max(waits):.1%}"
    tail = generator["tainted_tail_share"]
    return (number, report["verdict"]["status"], f"{report['totals']['started_per_s']:.0f}",
            f"{max(t['cpu_share'] for t in generator['threads']):.0%}", wait,
            _ms(host["stolen_ms"]), _ms(host["others_cpu_ms"]), _ms(host["cpu_pressure_ms"]),
            generator["send_lag_ms"]["p99"], "n/a" if tail is None else f"{tail:.0%}",
            "; ".join(report["verdict"]["reasons"]))


def figure():
    capacity = _on_time()
    rate = int(capacity / 2)
    with floor_target() as port:
        reports = [_arrivals(port, rate) for _ in range(RUNS)]
    verdicts = [report["verdict"]["status"] for report in reports]
    valid, invalid = verdicts.count("VALID"), verdicts.count("INVALID")
    held = "yes" if invalid == 0 and valid >= VALID_WANTED * RUNS / 20 else "**no**"
    intro = (f"{RUNS} runs of {RUN_S} s each at {rate}/s, half of the {capacity:.0f}/s that preflight says one thread sends on time; the bare "
             f"epoll server has core {SERVER_CORE}. Wanted: none INVALID, {VALID_WANTED} of 20 VALID. {invalid} were INVALID, {valid} VALID: {held}.\n\n")
    header = ("run", "verdict", "reached, requests/s", "CPU", "run queue wait", "stolen", "other programs, of one core",
              "CPU pressure", "send lag p99, ms", "tail tainted", "reasons")
    return intro + table(header, [_row(number, report) for number, report in enumerate(reports, 1)])
