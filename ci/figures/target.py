"""target, scale: what the systems of pelt-target do in runs of their scenarios (scenarios/systems), and how much one to three back ends hold."""
import base64
import contextlib
import json
import math
import struct
import subprocess
import tempfile
import time
import urllib.request
import zlib
from concurrent.futures import ThreadPoolExecutor

from host import CLIENT_CORE, PELT, PELT_TARGET, ROOT, SCRATCH, SERVER_CORE, free_port, serving, table
from repeated import figure as repeated

SCENARIOS = ROOT / "scenarios/systems"
ROUNDS = 3  # of what is held against the target's own clock


@contextlib.contextmanager
def _target(*options):
    """A pelt-target on the server's core; gives its URL."""
    port = free_port()
    with serving(port, "taskset", "-c", SERVER_CORE, PELT_TARGET, "--listen", f"127.0.0.1:{port}", *options):
        yield f"http://127.0.0.1:{port}"


def _pelt(*arguments, folder=SCRATCH):
    """The JSON report of `pelt run` or `pelt bench`, on the client's core."""
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    command = [str(PELT), *map(str, arguments), "--quiet", "--no-run-file", "-t", "1", "--out", f"json={report}"]
    done = subprocess.run(["taskset", "-c", str(CLIENT_CORE), *command], cwd=folder, capture_output=True, text=True, check=False)
    if not report.exists():
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return json.loads(report.read_text())


def _run(scenario, url, *options, **more):
    return _pelt("run", SCENARIOS / scenario, "--set", f"TARGET={url}", *options, **more)


def _row(report, name):
    return next(row for row in report["requests"] if row["name"] == name)


def _finding(report, kind):
    return next((f for f in report["findings"] if f["kind"] == kind), {})


# ---- scenarios ----

def _ms(value):
    return "-" if value is None else f"{value:.1f} ms"  # too few samples


def _times(row):
    return [_ms(row["response_ms"][p]) for p in ("p50", "p95", "p99")]


def _size(size):
    with _target("--size", size, "--service-time", "exponential:20ms", "--service-for", "work") as url:
        report = _run("sizes.lua", url, "--rate", "250/s")
    work = _row(report, "work")
    return size, f"{work['ok_per_s']:.0f}/s", f"{1 - work['outcomes'].get('ok', 0) / work['started']:.1%}", *_times(work)


def _trace():
    """How long the steps of the traced requests took."""
    with _target("--workers", 4, "--service-time", "lognormal:10ms,1", "--trace", 5000) as back:
        with _target("--lb", "round-robin", "--lb-backends", back.removeprefix("http://"), "--trace", 5000) as url:
            report = _run("trace.lua", url)
    steps = {row["tags"]["step"]: row["stats"] for row in report["metrics"] if row["name"] == "step" and row.get("tags")}
    return [(name, stats["count"], *(_ms(stats[p]) for p in ("p50", "mean", "max"))) for name, stats in sorted(steps.items())]


def _queue():
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, \
            serving(port, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder), \
            _target("--queue", f"127.0.0.1:{port}", "--queue-consumers", 3, "--queue-time", "20ms", "--queue-max", 300) as url:
        report = _run("queue.lua", url)
    row, depth = _row(report, "leave a message"), next(m for m in report["metrics"] if m["name"] == "queue_depth")["stats"]
    failed = row["started"] - row["outcomes"].get("ok", 0)
    spans = ", ".join(f"{e['first_s']:.1f} to {e['last_s']:.1f} s" for e in report["errors"])
    return [(row["started"], failed, spans, f"{depth['max']:.0f}", f"{row['response_ms']['p50']:.2f} ms")]


# ---- processing types ----

LAWS = {  # share of the service times that are at most so many ms, by the defaults of the knobs
    "memory": lambda ms: _lognormal(ms, 4, 0.3),
    "grammar": lambda ms: min(1, max(0, (ms - 3) / 6)),
    "agent": lambda ms: 1 - math.exp(-ms / 40),
    "reasoning": lambda ms: _lognormal(ms, 60, 0.8),
    "multimodal": lambda ms: 1 - math.exp(-(ms / 80 * math.gamma(1 + 1 / 0.7)) ** 0.7),
}
ECHO_MS = 1  # the type `echo` takes as long each time
KS = 1.628  # distance that one sample in a hundred exceeds by chance, over the square root of its size


def _lognormal(ms, mean, sigma):
    return 0.5 * math.erfc(-(math.log(ms / mean) + sigma * sigma / 2) / sigma / math.sqrt(2))


def _varints(data):
    """ZigZag LEB128 with nine bytes at most, as HdrHistogram writes counts."""
    at = 0
    while at < len(data):
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte if shift == 56 else byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift == 63:
                break
        yield value >> 1 ^ -(value & 1)


def _counts(text):
    """{microseconds: count} of one histogram of HdrHistogram's V2 encoding, compressed; a value is the middle of its bucket."""
    data = zlib.decompress(base64.b64decode(text)[8:])
    length, _, digits, least = struct.unpack(">iiiq", data[4:24])
    half = 1 << math.ceil(math.log2(2 * 10 ** digits)) - 1
    unit = int(math.log2(least))
    counts, index = {}, 0
    for count in _varints(data[40:40 + length]):
        if count < 0:
            index -= count
            continue
        if count > 0:
            bucket, sub = (0, index) if index < 2 * half else (index // half - 1, index % half + half)
            width = 1 << bucket + unit
            counts[(sub << bucket + unit) + (width - 1) / 2] = count
        index += 1
    return counts


def _times_of(hlog):
    """{request: {microseconds: count}} of a histogram log."""
    found = {}
    for line in hlog.read_text().splitlines():
        if line.startswith("Tag="):
            tag, _, _, _, encoded = line.split(",")
            counts = found.setdefault(tag.removeprefix("Tag="), {})
            for value, count in _counts(encoded).items():
                counts[value] = counts.get(value, 0) + count
    return found


def _distance(law, counts, way_ms):
    """Of Kolmogorov and Smirnov, of what is left of the response times without the way."""
    total, below, far = sum(counts.values()), 0, 0
    for us in sorted(counts):
        here = law(max(us / 1000 - way_ms, 1e-9))
        far = max(far, abs(here - below / total), abs(here - (below + counts[us]) / total))
        below += counts[us]
    return far


def _processing():
    hlog = SCRATCH / "processing.hlog"
    with _target("--cognitive", "on") as url:
        way_ms = _pelt("bench", url + "/cognitive/echo", "--rate", "100/s", "-d", "4s")["totals"]["response_ms"]["p50"] - ECHO_MS
        report = _run("cognitive.lua", url, "--out", f"hlog={hlog}")
    times, rows = _times_of(hlog), []
    for name, law in LAWS.items():
        count = sum(times[name].values())
        if count != _row(report, name)["response_ms"]["count"]:
            raise SystemExit(f"the histogram log has {count} response times of {name}, the report another number")
        far, bound = _distance(law, times[name], way_ms), KS / math.sqrt(count)
        rows.append((name, count, *_times(_row(report, name)), f"{far:.3f}", f"{bound:.3f}", "yes" if far < bound else "**no**"))
    return way_ms, rows


def figure():
    way_ms, processing = _processing()
    parts = [
        "`scenarios/systems/sizes.lua`: 250 requests a second offered to each size, 20 ms of work each (exponential).\n",
        table(("size", "served", "failed", "p50", "p95", "p99"), [_size(size) for size in ("small", "medium", "large")]),
        "`scenarios/systems/trace.lua`: the steps of each tenth request, by the service's own trace.\n",
        table(("step", "traced", "p50", "mean", "max"), _trace()),
        "`scenarios/systems/queue.lua`: 200 messages a second for consumers that do 150; the queue holds 300.\n",
        table(("messages", "refused", "from, to", "deepest", "response p50"), _queue()),
        f"`scenarios/systems/cognitive.lua`: response times, and their distance (Kolmogorov, Smirnov) from the law of the type, less {way_ms:.2f} ms for the way "
        "(which a request of the type `echo` takes beside its constant time, as many a second); it exceeds the bound by chance in one of a hundred.\n",
        table(("type", "requests", "p50", "p95", "p99", "distance", "bound", "held"), processing),
        repeated("5,000 WebSockets of the dashboard (gaps between pushes against 2 s; p99 within 50 ms), one of three back ends killed, back ends started "
                 "and stopped by load.", ["test_target_telling.py::test_five_thousand_clients_are_pushed_to_each_two_seconds",
                                          "test_target_balancer.py::test_a_killed_back_end_costs_errors_for_one_check_interval_at_most",
                                          "test_target_balancer.py::test_back_ends_are_started_when_busy_and_stopped_when_idle"],
                 times=ROUNDS, more_env={"PELT_ONCE": "1"}),
    ]
    return "\n".join(parts)


# ---- scale ----

SHARED_PER_S = 150  # of the one upstream that all back ends call in the last row


def _back_ends_are_up(url, count):
    for _ in range(200):
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(url + "/metrics", timeout=5) as page:
                if sum(line.startswith(b"pelt_target_backend_up{") and line.endswith(b" 1\n") for line in page) == count:
                    return
        time.sleep(0.05)
    raise SystemExit(f"no {count} back ends come up behind {url}")


def _scaled(count, upstream=None):
    start = "--workers 2 --service-time 20ms" + (f" --upstream {upstream}/work --upstream-max 64" if upstream else "")
    with _target("--lb", "round-robin", "--lb-scale", "on", "--lb-start", start, "--lb-min", count, "--lb-max", count, "--lb-check-failures", 20) as url:
        _back_ends_are_up(url, count)
        return _run("scaling.lua", url, folder=SCRATCH / f"scale-{count}{'-shared' if upstream else ''}")


def scale():
    """Four stress loads side by side: all that is behind them sleeps."""
    with _target("--workers", 3, "--service-time", f"{3000 / SHARED_PER_S:g}ms") as upstream, ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(_scaled, 1), pool.submit(_scaled, 2), pool.submit(_scaled, 3), pool.submit(_scaled, 3, upstream)]
        reports = [run.result() for run in runs]
    one = _finding(reports[0], "capacity")["level"]
    rows = []
    for name, report in zip(("1", "2", "3", f"3, which all call one upstream that does {SHARED_PER_S}/s"), reports):
        capacity, usl = _finding(report, "capacity")["level"], _finding(report, "usl")
        rows.append((name, f"{capacity:.1f}/s", f"{capacity / one:.2f}", usl.get("text", "-").removeprefix("USL: "), report["verdict"]["status"]))
    return ("Stress loads (`scenarios/systems/scaling.lua`) on a balancer with one to three back ends of two workers and 20 ms each (100/s): the largest level that "
            "holds, and the Universal Scalability Law through throughput and requests in flight of each run's levels.\n\n"
            + table(("back ends", "capacity", "of that of one", "USL of the run", "run"), rows))
