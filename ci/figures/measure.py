#!/usr/bin/env python3
"""Rewrites tables of docs/BENCHMARKS.md: each stands between `<!-- NAME -->` and `<!-- /NAME -->` and is
what the figure NAME returns as Markdown. Called by ci/measure, which builds first.
"""
import argparse
import datetime
import pathlib
import re
import sys

import agent
import attribution
import bodies
import compare
import cost
import fleet
import fleet_faults
import fleet_workers
import http2
import live_page
import preflight
import profile_of
import repeated
import reports
import series
import slices
import steady
import stream
import target
import tls
import tutorial
import verdict
import websocket
import wire
from host import CLIENT_CORE, SERVER_CORE, machine

BENCHMARKS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "BENCHMARKS.md"

FIGURES = {
    "cost": (cost.figure, "client CPU a request against a bare epoll client, wrk, ab and h2load"),
    "instructions": (profile_of.instructions, "user-space instructions a request (callgrind)"),
    "syscalls": (profile_of.syscalls, "system calls a request (strace)"),
    "memory": (profile_of.memory, "resident memory a connection"),
    "bodies": (bodies.figure, "client CPU a request with bodies of 128 KB that nobody reads"),
    "slices": (slices.figure, "how long 10,000 scripted users hold their loop"),
    "tls": (tls.figure, "requests and handshakes of a core over https, beside wrk and h2load"),
    "http2": (http2.figure, "requests of a core over HTTP/2 with 1 and 10 streams, beside h2load"),
    "steady": (steady.figure, "resident memory during 10,000,000 requests and more"),
    "series": (series.figure, "resident memory of a thousand series on four threads"),
    "reports": (reports.figure, "time and memory of each report of an hour with ten million requests"),
    "stream": (stream.figure, "streamed tokens: what receive stamps add, and events a core, beside a bare reader and aiohttp"),
    "preflight": (preflight.figure, "what preflight says against what a run reaches"),
    "counts": (repeated.counts, "100,000 exchanges counted on both sides, twenty times"),
    "truth": (repeated.truth, "percentiles under stalls against a replay, repeated"),
    "verdict": (verdict.figure, "what healthy open-loop runs say of themselves, twenty times"),
    "sustained": (repeated.sustained, "leaks named and not named by a sustained load, three times each way"),
    "burst": (repeated.burst, "recovery from spikes against the target's own log, three bursts"),
    "stress": (repeated.stress, "capacities found by a stress load, five drawn by seed"),
    "websocket": (websocket.figure, "client CPU a message over WebSockets against a bare epoll client and npm's ws"),
    "fleet": (fleet.figure, "a coordinator of a thousand workers: how late, how costly, exact"),
    "workers": (fleet_workers.figure, "CPU a request of one worker alone and of two, each on its core"),
    "faults": (fleet_faults.faults, "runs of many hosts that meet faults: kills, stops, cuts, an empty Redis, broken frames, wrong clocks"),
    "chaos": (fleet_faults.chaos, "the same faults at random, every 15 s for 10 minutes (PELT_CHAOS=MINUTES)"),
    "wire": (wire.figure, "seconds of a thousand workers put together"),
    "agent": (agent.figure, "CPU and memory of pelt-agent, and what a server on its core loses by it, five pairs"),
    "compare": (compare.figure, "runs of a server and of a slower one compared, five times each way"),
    "live": (live_page.figure, "what a live page with ten viewers costs the generator, three pairs"),
    "tutorial": (tutorial.figure, "what the tutorial says of each scenario of scenarios/systems, held against a run"),
    "attr": (attribution.figure, "limits planted in the target and its host, and which the report names, five ramps each"),
    "target": (target.figure, "what systems of the reference service do in runs: sizes, traces, queue, processing types, 5,000 WebSockets, failover"),
    "scale": (target.scale, "capacity of one to three instances behind a balancer, by stress loads"),
    "kill": (repeated.kill, "what a run file keeps after kill -9, twenty moments"),
}


def put(document, name, table):
    """The document with what stands between the markers of `name` replaced."""
    section = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not section.search(document):
        raise SystemExit(f"{BENCHMARKS} has no section between <!-- {name} --> and <!-- /{name} -->")
    return section.sub(lambda m: m.group(1) + table + m.group(2), document)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--list", action="store_true", help="names of the figures")
    options.add_argument("--check", action="store_true", help="only whether there are such figures")
    options.add_argument("names", nargs="*", metavar="NAME")
    options = options.parse_args()
    if options.list:
        print("\n".join(f"  {name:13} {what}" for name, (_, what) in FIGURES.items()))
        return 0
    unknown = [name for name in options.names if name not in FIGURES]
    if unknown:
        raise SystemExit(f"ci/measure: no figure \"{unknown[0]}\"; there are: {' '.join(FIGURES)}")
    if options.check:
        return 0
    if SERVER_CORE == CLIENT_CORE:
        raise SystemExit("ci/measure: client and server need a core each, and this process may use one only (see taskset -p)")

    for name in options.names or FIGURES:
        print(f"measuring {name}: {FIGURES[name][1]}", flush=True)
        table = FIGURES[name][0]()
        stamp = f"Measured {datetime.date.today()} on {machine()}.\n\n"
        BENCHMARKS.write_text(put(BENCHMARKS.read_text(), name, f"\n{stamp}{table}\n"))
        print(table, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
