"""stream: streamed tokens. What the receive stamps of pelt add to those of a bare reader, and events a second of a core, beside
aiohttp. Delays: all read pelt-target's streamed chat, whose events carry the moment they were sent. Events a core: a bare server
sends such events, each a chunk of its own, which no client decodes as JSON.
"""
import json
import statistics
import sys

from clients import REPORT, pelt
from host import BUILD, CLIENT_CORE, PELT_TARGET, ROOT, SERVER_CORE, allow_files, free_port, run_on, serving, stream_source, table, values

READER = BUILD / "bin/stream_reader"
PACED = ROOT / "tests" / "bench" / "stream_paced.lua"
FAST = ROOT / "tests" / "bench" / "stream_fast.lua"
AIOHTTP = ROOT / "tests" / "bench" / "stream_aiohttp.py"
ROUNDS = 5
SECONDS = 4
GAP, PACED_STREAMS, PACED_WORDS = "10ms", 100, 300  # 10,000 tokens/s, each in a receive of its own
P99_ADDED_US = 50  # at most
FAST_STREAMS, FAST_EVENTS = 64, 5_000
EVENTS_A_SEND = (1, 4)
EVENTS_WANTED, SHARE_WANTED = 300_000, 0.5


def _target(*options):
    port = free_port()
    return serving(port, "taskset", "-c", SERVER_CORE, PELT_TARGET, "--listen", f"127.0.0.1:{port}", *options)


def _stats(name):
    report = json.loads(REPORT.read_text())
    return next(row["stats"] for row in report["metrics"] if row["name"] == name)


def _reader(port, streams, words):
    ran = run_on(CLIENT_CORE, READER, port, streams, words, SECONDS)
    told = json.loads(ran.out.splitlines()[-1])
    return {"per_cpu_s": told["events"] / told["cpu_s"], "p50": told["p50_us"], "p99": told["p99_us"]}


def _pelt(scenario, port, streams, words):
    ran = run_on(CLIENT_CORE, *pelt("run", scenario, "--target", f"http://127.0.0.1:{port}", "-u", streams, "-d", f"{SECONDS}s",
                                    "--set", f"WORDS={words}", "--grace", "100ms"))
    found = {"per_cpu_s": _stats("stream_events")["count"] / ran.cpu_s}
    if scenario == PACED:
        found |= {name: _stats("delay")[name] * 1000 for name in ("p50", "p99")}
    return found


def _aiohttp(port, streams, words):
    ran = run_on(CLIENT_CORE, sys.executable, AIOHTTP, port, streams, words, SECONDS)
    told = json.loads(ran.out.splitlines()[-1])
    return {"per_cpu_s": told["events"] / told["cpu_s"], "p50": told["p50_us"], "p99": told["p99_us"]}


def _rounds(clients, server):
    """Each client against a server of its own, in turn."""
    found = {name: [] for name in clients}
    for _ in range(ROUNDS):
        for name, client in clients.items():
            with server() as port:
                found[name].append(client(port))
    return found


def _column(rounds, key):
    return [round_[key] for round_ in rounds]


def _delays():
    of = (PACED_STREAMS, PACED_WORDS)
    found = _rounds({"bare epoll reader": lambda port: _reader(port, *of), "pelt": lambda port: _pelt(PACED, port, *of),
                     "aiohttp": lambda port: _aiohttp(port, *of)}, lambda: _target("--chat-gap", f"constant:{GAP}"))
    floor = _column(found["bare epoll reader"], "p99")
    rows = [(name, values(_column(rounds, "p50"), 0), values(_column(rounds, "p99"), 0),
             f"{statistics.median(a - b for a, b in zip(_column(rounds, 'p99'), floor)):+.0f}",
             f"+{P99_ADDED_US}" if name == "pelt" else "") for name, rounds in found.items()]
    return (f"{PACED_STREAMS} streams of pelt-target's, a token each {GAP}: receive stamp less the target's send stamp.\n\n"
            + table(("client", "p50, µs", "p99, µs", "p99 above the bare reader's, µs", "at most"), rows))


def _events(a_send):
    of = (FAST_STREAMS, 1)
    found = _rounds({"bare epoll reader": lambda port: _reader(port, *of), "pelt": lambda port: _pelt(FAST, port, *of),
                     "aiohttp": lambda port: _aiohttp(port, *of)}, lambda: stream_source(FAST_EVENTS, a_send))
    floor = _column(found["bare epoll reader"], "per_cpu_s")
    ratio = {name: statistics.median(a / b for a, b in zip(_column(rounds, "per_cpu_s"), floor)) for name, rounds in found.items()}
    return [(a_send, name, values(_column(rounds, "per_cpu_s"), 0), f"{ratio[name]:.2f}",
             f"{EVENTS_WANTED:,}, {SHARE_WANTED:.2f}" if name == "pelt" else "") for name, rounds in found.items()]


def _all_events():
    rows = [row for a_send in EVENTS_A_SEND for row in _events(a_send)]
    return (f"{FAST_STREAMS} streams of {FAST_EVENTS:,} events from `tests/bench/stream_source.c`, as fast as it sends them: events a second of the "
            "client's CPU time. pelt's script takes each event and looks at its data; the reader and aiohttp find its stamp. With one "
            "event a send the server is the slower one and each event a receive of its own, most of whose cost is the kernel's; a client that is "
            "slower than that finds several in a receive.\n\n"
            + table(("events a send", "client", "events/s a core", "of the bare reader's", "at least"), rows))


def figure():
    allow_files(2_000)
    intro = (f"{SECONDS} s a run, {ROUNDS} rounds of all clients in turn, client and a fresh server on a core each (taskset). "
             "Values are medians (each round). pelt's script takes every event; where delays are measured all read the stamp out of each event.\n\n")
    return intro + _delays() + "\n" + _all_events()
