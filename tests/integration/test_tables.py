"""Odd names survive the way from the run file into CSV and JSON, and a killed run has every table, too."""
import csv
import json
import sqlite3
import subprocess

import jsonschema
import pytest

from program import BIN, PASSED, ROOT, pelt

NAMES = ['GET /a,b', 'say "hi"', 'two\nlines\rhere', "=1+1", "ä ☃ 名", " blanks "]
SECONDS, PER_SECOND = 5, 400


@pytest.fixture
def odd_run(tmp_path):
    """A finished run file of seeded data whose requests have the names above."""
    path = tmp_path / "odd.pelt"
    subprocess.run([BIN / "synthetic_run", path, str(SECONDS), str(len(NAMES)), str(PER_SECOND)], check=True, timeout=60,
                   stdout=subprocess.DEVNULL)
    with sqlite3.connect(path) as db:
        for number, name in enumerate(NAMES, start=1):
            db.execute("UPDATE name SET name = ? WHERE kind = 'request' AND id = ?", (name, number))
            db.execute("UPDATE error SET sample = ? WHERE series = ?", (name, number))
    return path


def report(path, tmp_path):
    """(JSON, {name of the CSV file: its rows})."""
    done = pelt("report", path, "--out", f"json={tmp_path / 'r.json'}", "--out", f"csv={tmp_path / 'r'}", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    tables = {}
    for file in (tmp_path / "r").iterdir():
        with open(file, newline="", encoding="utf-8") as lines:
            tables[file.name] = list(csv.DictReader(lines, strict=True))
        assert all(None not in row and None not in row.values() for row in tables[file.name]), file.name
    return json.loads((tmp_path / "r.json").read_text(encoding="utf-8")), tables


def follows_schema(document):
    schema = json.loads((ROOT / "docs/report.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(document)


def test_odd_names_and_samples_round_trip(odd_run, tmp_path):
    document, tables = report(odd_run, tmp_path)
    follows_schema(document)
    # Control characters cannot be in a name; the registry shows them as "?".
    wanted = [name.replace("\n", "?").replace("\r", "?") for name in NAMES]
    assert [row["name"] for row in document["requests"]] == wanted
    assert [row["name"] for row in tables["stats.csv"] if row["outcome"] == "all"] == wanted
    samples = {row["sample"] for row in tables["failures.csv"]}
    assert samples == set(NAMES) == {row["sample"] for row in document["errors"]}


def test_csv_and_json_tell_the_same(odd_run, tmp_path):
    document, tables = report(odd_run, tmp_path)
    by_name = {row["name"]: row for row in tables["stats.csv"] if row["outcome"] == "all"}
    for request in document["requests"]:
        row = by_name[request["name"]]
        assert int(row["count"]) == request["started"]
        for key in ("min", "mean", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "max"):
            shown, figure = row[f"response_{key}_ms"], request["response_ms"][key]
            assert (float(shown) if shown else None) == figure, key
        outcomes = {r["outcome"]: int(r["count"]) for r in tables["stats.csv"]
                    if r["name"] == request["name"] and r["outcome"] != "all"}
        assert outcomes == request["outcomes"]
        history = [r for r in tables["stats_history.csv"] if r["name"] == request["name"]]
        assert [int(r["t"]) for r in history] == list(range(SECONDS))
        assert sum(int(r["started"]) for r in history) == request["started"]
        assert sum(int(r["response_count"]) for r in history) == request["response_ms"]["count"]
    assert [row["metric"] for row in tables["thresholds.csv"]] == ["http_response"]
    assert tables["server_history.csv"] == []


def test_a_run_without_its_end_has_every_table(odd_run, tmp_path):
    with sqlite3.connect(odd_run) as db:
        for table in ("verdict", "reason", "hist_sum"):
            db.execute(f"DELETE FROM {table}")  # what finish() writes
    whole = report(odd_run, tmp_path)
    document, tables = whole
    follows_schema(document)
    assert document["verdict"]["status"] == "SUSPECT"
    assert document["verdict"]["reasons"] == [f"this run was killed: data up to second {SECONDS - 1}"]
    assert document["totals"]["started"] == SECONDS * PER_SECOND * len(NAMES)
    assert len(tables["stats_history.csv"]) == SECONDS * len(NAMES)
