"""packaging/pelt-agent.service as systemd reads it: nothing wrong, little exposed, and room for all that the agent does."""
import pathlib
import re
import subprocess

import pytest

from agents import AGENT

SOURCES = pathlib.Path(__file__).resolve().parents[2]
UNIT = SOURCES / "packaging/pelt-agent.service"
EXPOSURE_MAX = 25  # of 100; what is left is what it is for: the network, /proc


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=60)


@pytest.fixture
def unit(tmp_path):
    """The unit of the program that was built."""
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text().replace("/usr/local/bin/pelt-agent", str(AGENT)))
    return path


def test_systemd_finds_nothing_wrong(unit):
    done = analyze("verify", "--man=no", unit)
    assert done.returncode == 0 and unit.name not in done.stderr, done


def test_little_is_exposed(unit):
    done = analyze("security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE_MAX}", unit)
    assert done.returncode == 0, done.stdout


def calls_of(group):
    names = set()
    for line in analyze("syscall-filter", group).stdout.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            names |= calls_of(word)
        elif word and not word.startswith("#"):
            names.add(word)
    assert names, group
    return names


def test_the_unit_allows_what_the_agent_allows_itself():
    allowed = calls_of("@default")
    for words in re.findall(r"^SystemCallFilter=(.*)$", UNIT.read_text(), re.M):
        named = set().union(*(calls_of(w) if w.startswith("@") else {w} for w in words.lstrip("~").split()))
        allowed = allowed - named if words.startswith("~") else allowed | named
    source = (SOURCES / "agent/syscalls.c").read_text()
    lists = source[source.index("allowed[] = {"):source.index("expected[] = {")]
    needed = set(re.findall(r'"([a-z_0-9]+)"', lists))
    assert len(needed) > 80 and not needed - allowed, sorted(needed - allowed)
