#!/usr/bin/env python3
"""Judges a folder of JUnit files: what failed, what was skipped and why, the ten slowest tests, those that were tried most
often until the host was quiet, and as the last line `N passed, N failed, N skipped`. Exit 1 if something failed, or with --no-skips was
skipped, or if a suite left no results.

A cmocka program is one test to ctest; its own lines in the output are what counts here.
"""
import argparse
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

SUITES = ("unit-release", "unit-asan", "unit-tsan", "fuzz", "interop-release", "integration-alone", "integration-idle",
          "integration-release", "integration-asan", "integration-tsan")
CMOCKA_LINE = re.compile(r"^\[\s*(OK|FAILED|SKIPPED|ERROR)\s*\] (\w+)$", re.MULTILINE)
CMOCKA_STATUS = {"OK": "passed", "FAILED": "failed", "ERROR": "failed", "SKIPPED": "skipped"}
SLOWEST = 10
MOST_TRIED = 20


@dataclass
class Result:
    suite: str
    name: str
    status: str  # passed, failed, skipped
    seconds: float = 0.0
    why: str = ""
    spoilt: tuple = ()  # why an attempt did not count (tests/integration/program.py)


def first_line(text):
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[0] if lines else ""


def status_of(case):
    for tag in ("failure", "error"):
        node = case.find(tag)
        if node is not None:
            return "failed", first_line(node.get("message") or node.text)
    node = case.find("skipped")
    if node is not None:
        why = first_line(node.get("message") or node.text) or "no reason given"
        return ("failed" if why.startswith("Unable to find executable") else "skipped"), why  # ctest's: not built
    if case.get("status") in ("fail", "notrun", "disabled"):  # ctest
        return "failed", case.get("status")
    return "passed", ""


def cmocka_reason(word, said):
    """What a test printed before its verdict: a skip's own words, a failure's values and place."""
    if word == "OK":
        return ""
    if word == "SKIPPED":
        return next((line for line in reversed(said) if not line.startswith("[")), "no reason given")
    return " ".join(re.sub(r"^\[[^]]*\] --- ", "", line) for line in said if re.match(r"\[\s*(ERROR|LINE)", line))


def cmocka_results(suite, program, output):
    """The tests inside a cmocka program. cmocka prints FAILED lines twice: in place and in its summary."""
    found = {}
    before = 0
    for match in CMOCKA_LINE.finditer(output):
        word, name = match.groups()
        said = output[before:match.start()].strip().splitlines()
        before = match.end()
        if name not in found:
            found[name] = Result(suite, f"{program}: {name}", CMOCKA_STATUS[word], why=cmocka_reason(word, said))
    return list(found.values())


def read_suite(path):
    """(results, programs): what is counted, and what is timed."""
    results, timed = [], []
    suite = path.stem
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        status, why = status_of(case)
        name = case.get("name")
        if case.get("classname") and case.get("classname") != name:
            name = f"{case.get('classname').rsplit('.', 1)[-1]}: {name}"
        spoilt = tuple(p.get("value") for p in case.iter("property") if p.get("name") == "spoilt")
        whole = Result(suite, name, status, float(case.get("time") or 0), why, spoilt)
        timed.append(whole)
        inner = cmocka_results(suite, name, case.findtext("system-out") or "")
        crashed = status == "failed" and not any(r.status == "failed" for r in inner)
        if crashed and not why:
            whole.why = f"ended badly, see build/ci/{suite}.log"
        results += inner
        if not inner or crashed:
            results.append(whole)
    return results, timed


def tell(title, results):
    if results:
        print(f"\n{title}:")
        for r in results:
            print(f"  {r.suite}: {r.name}" + (f": {r.why}" if r.why else ""))


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--no-skips", action="store_true", help="a skipped test is a failure")
    options.add_argument("folder", type=pathlib.Path, help="holds one JUnit file a suite")
    options = options.parse_args()

    results, timed = [], []
    for suite in SUITES:
        path = options.folder / f"{suite}.xml"
        try:
            counted, programs = read_suite(path)
        except (OSError, ElementTree.ParseError) as error:
            counted, programs = [Result(suite, "(the whole suite)", "failed", 0, f"no results: {error}")], []
        if not counted:
            counted = [Result(suite, "(the whole suite)", "failed", 0, "it ran no test")]
        results += counted
        timed += programs

    by_status = {s: [r for r in results if r.status == s] for s in ("passed", "failed", "skipped")}
    print(f"\nslowest {SLOWEST}:")
    for r in sorted(timed, key=lambda r: -r.seconds)[:SLOWEST]:
        print(f"  {r.seconds:7.1f} s  {r.suite}: {r.name}")
    spoilt = sorted((r for r in results if r.spoilt), key=lambda r: -len(r.spoilt))
    if spoilt:
        print(f"\n{len(spoilt)} tests were tried again until the host was quiet, most often:")
        for r in spoilt[:MOST_TRIED]:
            print(f"  {len(r.spoilt)} x {r.suite}: {r.name}: {r.spoilt[-1]}")
    tell("skipped", by_status["skipped"])
    tell("failed", by_status["failed"])
    if options.no_skips and by_status["skipped"]:
        print("\n--no-skips: the skipped tests above count as failure")
    print(", ".join(f"{len(by_status[s])} {s}" for s in ("passed", "failed", "skipped")), flush=True)
    return 1 if by_status["failed"] or (options.no_skips and by_status["skipped"]) else 0


if __name__ == "__main__":
    sys.exit(main())
