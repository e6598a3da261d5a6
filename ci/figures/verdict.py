"""verdict: healthy open-loop runs, again and again. None of them may be called INVALID, and what is SUSPECT must be explained
by what the kernel tells of the host.
"""
import json

from clients import REPORT, pelt
from host import CLIENT_CORE, pelt_target, run_on, table

RUNS = 20
VALID_WANTED = 15
RUN_S = 5
PROBE_S = 5


def _report(*command):
    run_on(CLIENT_CORE, *command)
    return json.loads(REPORT.read_text())


def _capacity(url):
    """Of one core, an exchange at a time, as arrivals come in open loop: more users at once would share wake-ups."""
    return _report(*pelt("bench", url, "-c", 1, "-d", f"{PROBE_S}s"))["totals"]["started_per_s"]


def _ms(value, of_s=RUN_S):
    return "unreadable" if value is None else f"{value / (10 * of_s):.1f}%"


def _row(number, report):
    generator, host = report["generator"], report["generator"]["host"]
    waits = [thread["run_wait_share"] for thread in generator["threads"]]
    wait = "unreadable" if None in waits else f"{max(waits):.1%}"
    tail = generator["tainted_tail_share"]
    return (number, report["verdict"]["status"], f"{max(t['cpu_share'] for t in generator['threads']):.0%}", wait,
            _ms(host["stolen_ms"]), _ms(host["others_cpu_ms"]), _ms(host["cpu_pressure_ms"]),
            generator["send_lag_ms"]["p99"], "n/a" if tail is None else f"{tail:.0%}",
            "; ".join(report["verdict"]["reasons"]))


def figure():
    with pelt_target() as port:
        url = f"http://127.0.0.1:{port}/health"
        rate = int(_capacity(url) / 2)
        reports = [_report(*pelt("bench", url, "--rate", f"{rate}/s", "-d", f"{RUN_S}s")) for _ in range(RUNS)]
    verdicts = [report["verdict"]["status"] for report in reports]
    valid, invalid = verdicts.count("VALID"), verdicts.count("INVALID")
    held = "yes" if invalid == 0 and valid >= VALID_WANTED else "**no**"
    intro = (f"{RUNS} runs of {RUN_S} s at {rate}/s, half of what one core reaches with an exchange at a time; the server has the other "
             f"core. Wanted: none INVALID, {VALID_WANTED} VALID. {invalid} were INVALID, {valid} VALID: {held}.\n\n")
    header = ("run", "verdict", "CPU", "run queue wait", "stolen", "other programs, of one core", "CPU pressure", "send lag p99, ms",
              "tail tainted", "reasons")
    return intro + table(header, [_row(i + 1, report) for i, report in enumerate(reports)])
