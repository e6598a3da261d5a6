"""Histogram payloads cross over to npm's hdr-histogram-js and back with the same figures.

Needs `npm ci --prefix tests/interop`; hist_tool from PELT_BIN_DIR (default build/dev/bin).
"""
import math
import os
import pathlib
import random
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = pathlib.Path(os.environ.get("PELT_BIN_DIR") or ROOT / "build/dev/bin").resolve()
OURS = [str(BIN / "hist_tool")]
THEIRS = ["node", str(HERE / "hdr.js")]

SAMPLES = 1_000_000
LEAST_US, MOST_US = 1, 3_500_000_000  # the counter of the largest ends below 1 h
FIGURES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "p99.9": 99.9, "p99.99": 99.99, "max": 100}


def run(command, verb, data):
    done = subprocess.run([*command, verb], input=data, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def figures(command, payload):
    lines = run(command, "percentiles", payload).decode().split("\n")
    return {name: int(value) for name, value in (line.split() for line in lines if line)}


@pytest.fixture(scope="module")
def values():
    """Log-normal over the whole range: the middle at 60 ms, 3.7 standard deviations to each end."""
    if not pathlib.Path(OURS[0]).exists():
        pytest.skip(f"{OURS[0]} is not built")
    if shutil.which("node") is None or not (HERE / "node_modules" / "hdr-histogram-js").is_dir():
        pytest.skip("hdr-histogram-js is not installed: npm ci --prefix tests/interop")
    rng = random.Random(20261121)
    middle, spread = math.log(60_000), 3.0
    return [min(max(round(rng.lognormvariate(middle, spread)), LEAST_US), MOST_US) for _ in range(SAMPLES)]


@pytest.fixture(scope="module")
def payloads(values):
    text = "\n".join(map(str, values)).encode()
    return {"ours": run(OURS, "encode", text), "theirs": run(THEIRS, "encode", text)}


@pytest.mark.parametrize("writer", ["ours", "theirs"])
def test_both_readers_give_the_same_figures_for(writer, payloads):
    ours, theirs = figures(OURS, payloads[writer]), figures(THEIRS, payloads[writer])
    assert ours == theirs
    assert ours["count"] == SAMPLES
    assert set(ours) == {"count", *FIGURES}


def test_both_writers_count_the_same_values_alike(payloads):
    assert figures(OURS, payloads["ours"]) == figures(OURS, payloads["theirs"])


def test_the_figures_are_those_of_the_values_to_three_digits(values, payloads):
    ordered = sorted(values)
    got = figures(THEIRS, payloads["ours"])
    for name, percentile in FIGURES.items():
        exact = ordered[math.ceil(round(percentile * SAMPLES / 100, 6)) - 1]
        assert exact <= got[name] <= exact * 1.001, name
