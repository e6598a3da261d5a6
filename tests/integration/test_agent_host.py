"""What pelt-agent says of a host, its control groups and processes is what is there: programs that burn, touch, hold
and fill a known amount, and the kernel's own counts."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from agents import Agent
from cgroup import Quota
from program import BIN, SLOW, if_quiet, in_a_quiet_moment

pytestmark = pytest.mark.sanitize

MIB = 1 << 20
USED, MAX, EVENTS = 0, 1, 2
TICK_NS = 100_000_000
CGROUP = pathlib.Path("/sys/fs/cgroup")


class Load:
    """host_load, running until close()."""

    def __init__(self, *options, prefix=()):
        self.process = subprocess.Popen([*prefix, str(BIN / "host_load"), *map(str, options)], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.process.pid
        self.port = int(self._told()[2])

    def _told(self):
        line = self.process.stdout.readline()
        assert line, "host_load ended"
        return [float(word) for word in line.split()]

    def so_far(self):
        """(CPU seconds, monotonic seconds)"""
        self.process.stdin.write("\n")
        return tuple(self._told()[:2])

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@pytest.fixture
def load():
    running = []

    def start(*options, **more):
        running.append(Load(*options, **more))
        return running[-1]

    yield start
    for each in running:
        each.close()


def within(share, told, truth):
    return abs(told - truth) <= share * truth


def mean(agent, name, target, count, ticks=13):
    """(the mean of one figure over so many ticks, the growth of count() meanwhile). Each value is about the time since the
    one before, so the first one is not of it. count() is called as the first and the last tick come."""
    index = agent.indices()[name, target]
    frames = agent.stream(epoch_ns=0, tick_ns=TICK_NS)
    frames.take(2)  # the very first one was sampled before it was asked for
    told, counted = [], []
    while len(told) <= ticks:
        frame = frames.next()
        told += [(frame["at_ns"], cells[USED]) for i, *cells in frame["v"] if i == index]
        if len(told) == 1 and not counted or len(told) > ticks:
            counted.append(count())
    frames.close()
    spans = [(later[0] - earlier[0], later[1]) for earlier, later in zip(told, told[1:])]
    return (sum(span * used for span, used in spans) / sum(span for span, _ in spans),
            [now - then for then, now in zip(*counted)])


@pytest.mark.one_thread  # of times, for which ThreadSanitizer is too slow
def test_a_process_has_the_cpu_memory_fds_and_threads_that_it_took(agent, load):
    program = load("--cpu", 0.4, "--bytes", 64 * MIB, "--fds", 150, "--threads", 7)
    name = f"pid {program.pid}"
    watching = agent("--pid", program.pid)
    sample = watching.wait_for(lambda s: isinstance(s["process_cpu", name], list))
    assert sample["nofile", name][:2] == [len(os.listdir(f"/proc/{program.pid}/fd")),
                                          os.sysconf("SC_OPEN_MAX")]
    assert sample["nofile", name][USED] >= 150
    assert sample["process_threads", name][USED] == 8
    own = int(pathlib.Path(f"/proc/{program.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    assert within(0.05, sample["memory_rss", name][USED], own)
    assert SLOW or within(0.05, sample["memory_rss", name][USED], 64 * MIB)  # a sanitizer has memory of its own
    assert sample["process_cpu", name][MAX] == len(os.sched_getaffinity(program.pid))

    def check(_):
        told, (cpu, seconds) = mean(watching, "process_cpu", name, program.so_far)
        if_quiet(within(0.05, told, cpu / seconds), (told, cpu, seconds))

    in_a_quiet_moment(check)


def host_ticks():
    fields = [int(word) for word in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4] - fields[7], sum(fields)


def test_the_host_is_as_busy_as_its_kernel_counts(agent, load):
    load("--cpu", 0.5)
    watching = agent()

    def check(_):
        told, (busy, total) = mean(watching, "cpu", "", host_ticks)
        truth = busy / total * os.cpu_count()
        if_quiet(truth > 0.4 and within(0.05, told, truth), (told, truth))

    in_a_quiet_moment(check)
    sample = watching.sample()
    assert sample["cpu", ""][MAX] == os.cpu_count()
    info = dict(line.split(":") for line in pathlib.Path("/proc/meminfo").read_text().splitlines())
    assert sample["memory", ""][MAX] == int(info["MemTotal"].split()[0]) * 1024
    assert within(0.05, sample["memory", ""][MAX] - sample["memory", ""][USED],
                  int(info["MemAvailable"].split()[0]) * 1024)
    assert sample["threads", ""][USED] > 10
    assert sample["pressure_cpu_some", ""][0] >= 0


@pytest.fixture
def tmpfs(tmp_path):
    folder = tmp_path / "small disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m,nr_inodes=1000", "none", str(folder)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], capture_output=True)


def test_a_file_system_is_as_full_as_it_was_filled(agent, tmpfs):
    watching = agent()
    name = str(tmpfs)
    before = watching.wait_for(lambda s: isinstance(s["disk_space", name], list))
    assert before["disk_space", name][:2] == [0, 32 * MIB]
    (tmpfs / "file").write_bytes(bytes(20 * MIB))
    for i in range(49):
        (tmpfs / f"empty{i}").touch()
    full = watching.wait_for(lambda s: s["disk_space", name][USED] > 0 and
                             s["inodes", name][USED] - before["inodes", name][USED] == 50)
    assert full["disk_space", name][:2] == [20 * MIB, 32 * MIB]
    assert full["inodes", name][MAX] == 1000
    subprocess.run(["umount", name], check=True)  # nothing of it is held open
    gone = watching.wait_for(lambda s: isinstance(s["disk_space", name], str))
    assert "not mounted" in gone["disk_space", name]


FILL = """
import os, tempfile, threading
with tempfile.TemporaryFile(dir="/var/tmp") as file:
    for _ in range(48):
        file.write(bytes(1 << 20))
sleeping = threading.Event()
try:
    while True:
        threading.Thread(target=sleeping.wait, daemon=True).start()
except RuntimeError:
    os._exit(0)
"""


class Group:
    """A control group of v1 in several hierarchies: a part of a core, and memory and tasks with a limit."""

    def __init__(self, name, share, memory, tasks):
        self.folders = {kind: CGROUP / kind / name for kind in ("cpu", "cpuacct", "memory", "pids")}
        try:
            for folder in self.folders.values():
                if not (folder.parent / "cgroup.procs").exists():
                    raise OSError(f"no hierarchy {folder.parent}")
                folder.mkdir(exist_ok=True)
            (self.folders["cpu"] / "cpu.cfs_period_us").write_text("20000")
            (self.folders["cpu"] / "cpu.cfs_quota_us").write_text(str(round(share * 20000)))
            (self.folders["memory"] / "memory.limit_in_bytes").write_text(str(memory))
            (self.folders["pids"] / "pids.max").write_text(str(tasks))
        except OSError as why:
            self.close()
            pytest.skip(f"no control groups of v1 can be made here: {why}")
        enter = "; ".join(f'echo $$ >"{folder}/cgroup.procs"' for folder in self.folders.values())
        self.prefix = ["sh", "-c", f'{enter}; exec "$@"', "sh"]

    def number(self, kind, name):
        return int((self.folders[kind] / name).read_text())

    def throttled(self):
        lines = dict(line.split() for line in (self.folders["cpu"] / "cpu.stat").read_text().splitlines())
        return int(lines["nr_throttled"]), int(lines["throttled_time"]) / 1e9

    def close(self):
        for folder in self.folders.values():
            for _ in range(100):  # what was in it may take a moment to leave
                try:
                    os.rmdir(folder)
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.02)


@pytest.fixture
def group():
    made = Group(f"pelt-agent-test-{os.getpid()}", share=0.3, memory=96 * MIB, tasks=20)
    yield made
    made.close()


@pytest.mark.one_thread  # of times, for which ThreadSanitizer is too slow
def test_a_control_group_is_throttled_as_often_as_its_kernel_counts(group, agent, load):
    program = load("--cpu", 1, "--bytes", 48 * MIB, "--threads", 5, prefix=group.prefix)
    name = f"pid {program.pid}"
    watching = agent("--pid", program.pid)
    first = watching.wait_for(lambda s: isinstance(s["cgroup_cpu", name], list))
    assert first["cgroup_cpu", name][MAX] == pytest.approx(0.3)
    assert first["cgroup_memory", name][MAX] == 96 * MIB
    assert within(0.05, first["cgroup_memory", name][USED], group.number("memory", "memory.usage_in_bytes"))
    assert SLOW or within(0.05, first["cgroup_memory", name][USED], 48 * MIB)
    assert first["cgroup_pids", name][:2] == [6, 20]
    assert first["cgroup_oom_kills", name] == [0]

    def usage():
        return group.number("cpuacct", "cpuacct.usage"), time.monotonic_ns()

    def check(_):
        told, (used_ns, elapsed_ns) = mean(watching, "cgroup_cpu", name, usage, ticks=10)
        if_quiet(within(0.05, told, used_ns / elapsed_ns) and told <= 0.3 * 1.05, (told, used_ns, elapsed_ns))

    in_a_quiet_moment(check)

    indices = watching.indices()
    frames = watching.stream(epoch_ns=0, tick_ns=TICK_NS)
    newest = {}

    def while_stopped():
        """(periods, seconds) by the kernel and by the agent, while nothing more is counted."""
        os.kill(program.pid, signal.SIGSTOP)
        stopped_ns = time.monotonic_ns()
        newest.clear()
        while newest.get(indices["cgroup_cpu", name], [1])[USED] > 0:
            frame = frames.next()
            if frame["at_ns"] > stopped_ns:
                newest.update((i, cells) for i, *cells in frame["v"])
        return group.throttled(), (newest[indices["cgroup_cpu", name]][EVENTS],
                                   newest[indices["cgroup_cpu_throttled", name]][0])

    kernel, told = while_stopped()
    os.kill(program.pid, signal.SIGCONT)
    deadline = time.monotonic() + 20
    while group.throttled()[0] - kernel[0] <= 5:
        assert time.monotonic() < deadline, group.throttled()
        time.sleep(0.02)
    kernel_now, told_now = while_stopped()
    os.kill(program.pid, signal.SIGCONT)
    frames.close()
    assert kernel_now[0] - kernel[0] == told_now[0] - told[0] > 5
    assert told_now[1] - told[1] == pytest.approx(kernel_now[1] - kernel[1])


@pytest.fixture
def quota():
    made = Quota(f"pelt-agent-quota-{os.getpid()}", share=0.2, period_us=20000)
    yield made
    made.close()


def test_a_quota_has_its_cpu_time_where_no_other_controller_counts_it(quota, agent, load):
    program = load("--cpu", 1, prefix=quota.prefix)
    name = f"pid {program.pid}"
    watching = agent("--pid", program.pid)

    def check(_):
        told, (cpu, seconds) = mean(watching, "cgroup_cpu", name, program.so_far, ticks=8)
        if_quiet(within(0.05, told, cpu / seconds) and within(0.05, told, 0.2), (told, cpu, seconds))

    in_a_quiet_moment(check)
    sample = watching.sample()
    assert sample["cgroup_cpu", name][MAX] == pytest.approx(0.2)
    assert 0 < sample["cgroup_cpu", name][EVENTS] <= quota.throttled()


def test_a_control_group_that_is_full_says_how_often(group, agent, load):
    program = load("--threads", 3, prefix=group.prefix)
    name = f"pid {program.pid}"
    watching = agent("--pid", program.pid)
    watching.wait_for(lambda s: isinstance(s["cgroup_memory", name], list))
    failed = group.number("memory", "memory.failcnt")
    room = group.number("memory", "memory.usage_in_bytes") + 24 * MIB
    (group.folders["memory"] / "memory.limit_in_bytes").write_text(str(room))
    # More of a file than there is room for, and threads until one is too many.
    filled = subprocess.run([*group.prefix, "/usr/bin/python3", "-c", FILL], capture_output=True, text=True)
    assert filled.returncode == 0, filled
    hit = group.number("memory", "memory.failcnt") - failed
    assert hit > 0
    watching.wait_for(lambda s: s["cgroup_memory", name][EVENTS] == hit and s["cgroup_pids", name][EVENTS] == 1 and
                      s["cgroup_oom_kills", name] == [0])
    killed = subprocess.run([*group.prefix, str(BIN / "host_load"), "--bytes", str(400 * MIB)], capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    watching.wait_for(lambda s: s["cgroup_oom_kills", name] == [1])


@pytest.mark.variant
def test_kills_in_a_control_group_are_counted_though_nobody_is_left_in_it(group, agent):
    watching = agent("--cgroup", f"job=/sys/fs/cgroup/memory/{group.folders['memory'].name}")
    watching.wait_for(lambda s: s["cgroup_oom_kills", "job"] == [0])
    dies = ["sh", "-c", f"sleep 1.2; exec {BIN / 'host_load'} --bytes {400 * MIB}"]  # it is met first
    for kills in (1, 2):
        killed = subprocess.run([*group.prefix, *dies], capture_output=True)
        assert killed.returncode == -signal.SIGKILL
        watching.wait_for(lambda s: s["cgroup_oom_kills", "job"] == [kills])


@pytest.mark.one_thread
def test_a_control_group_that_is_gone_has_no_figures_of_its_parent(group, agent, load):
    name = group.folders["memory"].name
    program = load("--bytes", 16 * MIB, prefix=group.prefix)
    watching = agent("--cgroup", f"job={name}")
    sample = watching.wait_for(lambda s: isinstance(s["cgroup_cpu", "job"], list))
    assert sample["cgroup_pids", "job"][:2] == [1, 20]
    program.close()
    group.close()
    watching.wait_for(lambda s: isinstance(s["cgroup_pids", "job"], str))
    names = ("cgroup_memory", "cgroup_memory_usage", "cgroup_pids", "cgroup_cpu", "cgroup_cpu_throttled", "cgroup_oom_kills")
    until = time.monotonic() + 2.5  # it is looked for again each second
    while time.monotonic() < until:
        sample = watching.sample()
        told = {each: sample[each, "job"] for each in names}
        assert all(isinstance(why, str) and "gone" in why for why in told.values()), told
        time.sleep(0.1)
    again = Group(name, share=0.5, memory=64 * MIB, tasks=10)
    try:
        sample = watching.wait_for(lambda s: isinstance(s["cgroup_pids", "job"], list) and
                                   isinstance(s["cgroup_cpu", "job"], list))
        assert sample["cgroup_pids", "job"][:2] == [0, 10]
        assert sample["cgroup_memory", "job"][MAX] == 64 * MIB
        assert sample["cgroup_cpu", "job"][MAX] == pytest.approx(0.5)
    finally:
        again.close()


READ = """
import sys
with open(sys.argv[1], "rb", buffering=0) as file:
    while file.read(1 << 20):
        pass
print("read", flush=True)
sys.stdin.read()
"""


def test_the_page_cache_of_a_group_is_not_used_of_its_limit(group, agent, tmp_path):
    (group.folders["memory"] / "memory.limit_in_bytes").write_text(str(32 * MIB))
    file = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))
    try:
        (file / "large").write_bytes(bytes(100 * MIB))
        os.sync()
        fd = os.open(file / "large", os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
        reader = subprocess.Popen([*group.prefix, "/usr/bin/python3", "-c", READ, str(file / "large")],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert reader.stdout.readline() == "read\n"
            watching = agent("--pid", f"job={reader.pid}")
            sample = watching.wait_for(lambda s: isinstance(s["cgroup_memory_usage", "job"], list))
            stat = dict(line.split() for line in (group.folders["memory"] / "memory.stat").read_text().splitlines())
            used, usage = sample["cgroup_memory", "job"][USED], sample["cgroup_memory_usage", "job"][0]
            if int(stat["total_inactive_file"]) < 16 * MIB:
                pytest.skip("this kernel keeps what was read once elsewhere")
            assert usage > 24 * MIB
            assert used < 16 * MIB  # of 32: a program that waits is not about to break
            assert abs(usage - used - int(stat["total_inactive_file"])) < MIB
        finally:
            reader.communicate(timeout=10)
    finally:
        shutil.rmtree(file)


def test_a_program_that_began_anew_is_watched_on(agent, load):
    first = load("--fds", 20, "--listen")
    name = f"port {first.port}"
    watching = agent("--port", first.port)
    sample = watching.wait_for(lambda s: isinstance(s["nofile", name], list))
    assert sample["nofile", name][USED] >= 20
    frames = watching.stream(epoch_ns=0, tick_ns=TICK_NS)
    first.close()
    told = []
    while not any(event["kind"] == "target_ended" for event in told):
        told += frames.next()["events"]
    watching.wait_for(lambda s: isinstance(s["nofile", name], str) and str(first.port) in s["nofile", name])
    second = subprocess.Popen(["/usr/bin/python3", "-c", "import socket, sys; s = socket.socket(); "
                               "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); "
                               f"s.bind(('127.0.0.1', {first.port})); s.listen(); sys.stdin.read()"],
                              stdin=subprocess.PIPE)
    try:
        while not any(event["kind"] == "target_restarted" for event in told):
            told += frames.next()["events"]
        assert f"process {second.pid}" in told[-1]["text"]
        sample = watching.wait_for(lambda s: isinstance(s["nofile", name], list))
        assert sample["nofile", name][USED] < 20
        assert watching.info()["targets"][0]["pid"] == second.pid
    finally:
        frames.close()
        second.communicate(timeout=10)


def test_without_privileges_the_limits_of_another_users_process_can_be_read(load):
    if os.geteuid() != 0:
        pytest.skip("only root can start the agent as somebody else")
    program = load("--fds", 30)
    folder = pathlib.Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    binary = folder / "pelt-agent"  # the build may lie where others may not look
    shutil.copy(BIN / "pelt-agent", binary)
    binary.chmod(0o755)
    name = f"pid {program.pid}"
    watching = Agent(folder, "--pid", program.pid, program=binary, user=65534, group=65534, extra_groups=[])
    try:
        sample = watching.wait_for(lambda s: isinstance(s["process_cpu", name], list))
        assert sample["nofile", name][USED] == len(os.listdir(f"/proc/{program.pid}/fd"))
        assert sample["nofile", name][MAX] == os.sysconf("SC_OPEN_MAX")
        assert sample["memory_rss", name][USED] > 0
        assert sample["process_threads", name][USED] == 1
        assert isinstance(sample["run_queue_wait", name], list)
        assert sample["process_read", name].startswith("Permission denied: ")
        assert "as root" in sample["process_read", name]
    finally:
        assert watching.stop() == 0
        shutil.rmtree(folder)
