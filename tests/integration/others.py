"""How much of this host other programs use, as its kernel counts: what a test may blame for a figure that is off."""
import os
import pathlib

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
IDLE_FIELDS = (3, 4)  # of /proc/stat's line "cpu": idle, iowait; guests (8, 9) are in user time already


def host_seconds():
    """(CPU time used, CPU time there was) of all cores since the host's start. Time stolen by other guests is used."""
    fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = sum(fields[i] for i in IDLE_FIELDS)
    return (sum(fields) - idle) / TICKS_PER_S, sum(fields) / TICKS_PER_S


def tree_seconds(root):
    """CPU time of a process and all below it, those that have ended and were waited for included."""
    used, parents = {}, {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(") ")[2].split()
        except OSError:  # it has just ended
            continue
        parents[int(path.parent.name)] = int(fields[1])
        used[int(path.parent.name)] = sum(map(int, fields[11:15])) / TICKS_PER_S
    total = 0
    for process in used:
        above = process
        while above not in (root, 0) and above in parents:
            above = parents[above]
        total += used[process] if above == root else 0
    return total


class Others:
    """From its making on: `share()` of the host that went to programs that are none of this test session's."""

    def __init__(self):
        # A worker of pytest-xdist: its siblings are no others.
        self.session = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
        self.began = self._now()

    def _now(self):
        used, there = host_seconds()
        return used - tree_seconds(self.session), there

    def share(self):
        others, there = (now - then for now, then in zip(self._now(), self.began))
        return max(0.0, others / there) if there > 0 else 0.0
