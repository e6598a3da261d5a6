"""What seconds of workers cost whoever puts them together, in memory (tests/bench/wire_merge.c)."""
import re

from host import BUILD, CLIENT_CORE, run_on, table, values

ROUNDS = 5
WORKERS, SERIES, SAMPLES, SECONDS = 1000, 8, 1000, 2
WAYS = (("encode", "a worker writes it"), ("check", "a part is checked, each counter of it"),
        ("add", "it is checked and added to the sum"),
        ("library", "HdrHistogram's compressed form is decoded and added"))


def figure():
    rows, sizes = [], ""
    for way, what in WAYS:
        times = []
        for _ in range(ROUNDS):
            ran = run_on(CLIENT_CORE, BUILD / "bin/wire_merge", way, WORKERS, SERIES, SAMPLES, SECONDS)
            times.append(float(re.search(r"([\d.]+) us", ran.out).group(1)))
            sizes = ran.out
        rows.append((what, values(times), "22" if way == "add" else ""))
    whole, library = map(int, re.search(r"(\d+) bytes.*library (\d+)", sizes).groups())
    intro = (f"CPU time a histogram of {SAMPLES} log-normal samples, {WORKERS} workers with {SERIES} series each. A worker's second has {whole} bytes, "
             f"{whole // SERIES} a histogram; HdrHistogram's compressed form of one has {library}.\n\n")
    return intro + table(("what", "us a histogram: median (each round)", "at most"), rows)
