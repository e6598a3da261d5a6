"""What all figures need of the host: its description, programs run on one core, their CPU time."""
import os
import pathlib
import platform
import resource
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
PELT = BUILD / "bin/pelt"
PELT_TARGET = BUILD / "bin/pelt-target"
FLOOR_TARGET = BUILD / "bin/floor_target"
FLOOR_CLIENT = BUILD / "bin/floor_client"
SCRATCH = ROOT / "build/ci/figures"

SERVER_CORE, CLIENT_CORE = sorted(os.sched_getaffinity(0))[0], sorted(os.sched_getaffinity(0))[-1]


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
                 platform.machine())
    return f"{len(os.sched_getaffinity(0))} cores, {model}, Linux {platform.release()}"


def allow_files(count):
    """Raises the limit of open files, for this process and what it starts."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < count:
        raise SystemExit(f"this figure needs {count} open files, the hard limit is {hard}: ulimit -Hn {count}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextmanager
def serving(port, *command, stdout=subprocess.DEVNULL):
    """Runs a server until the block ends; gives its port once it accepts."""
    server = subprocess.Popen([*map(str, command)], stdout=stdout, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield port
    finally:
        server.terminate()
        server.wait()


def floor_target():
    """The cheapest server that answers 150 bytes, alone on its core; gives its port."""
    port = free_port()
    return serving(port, FLOOR_TARGET, port, SERVER_CORE)


@contextmanager
def floor_target_judging(in_flight):
    """The same; gives its port and a list, to be filled with the requests that the client says it made: the server's own count
    must be the same but for those in flight at the end and a thousandth (of 10,000 connections some end in their setup)."""
    port, claimed = free_port(), []
    with tempfile.TemporaryFile("w+") as told:
        with serving(port, FLOOR_TARGET, port, SERVER_CORE, stdout=told):
            yield port, claimed
        told.seek(0)
        answered = int(told.read())
    if claimed and abs(answered - claimed[0]) > in_flight + answered / 1000:
        raise SystemExit(f"the server answered {answered} requests, the client says {claimed[0]}: its figure is not to be believed")


@contextmanager
def _bare(program, *arguments):
    """A program of tests/bench that listens where it likes and says where, alone on the server's core; gives its port."""
    server = subprocess.Popen([str(BUILD / "bin" / program), *map(str, arguments), str(SERVER_CORE)], stdout=subprocess.PIPE, text=True)
    try:
        yield int(server.stdout.readline())
    finally:
        server.terminate()
        server.wait()


def echo_target():
    """The cheapest server that echoes over WebSockets."""
    return _bare("ws_floor_target")


def stream_source(events, a_send):
    """The cheapest server of streams, of so many events each, so many of which are one send."""
    return _bare("stream_source", events, a_send)


def pelt_target():
    """The reference service, alone on the same core; gives its port."""
    port = free_port()
    return serving(port, "taskset", "-c", SERVER_CORE, PELT_TARGET, "--listen", f"127.0.0.1:{port}")


NGINX_CONFIG = """\
daemon off;
worker_processes 1;
pid {prefix}/nginx.pid;
error_log {prefix}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=10;
    client_body_temp_path {prefix}/body;
    server {{ listen 127.0.0.1:{port}; root {prefix}; }}
}}
"""


def nginx_of(prefix):
    """nginx, alone on the same core, with the files below `prefix`; gives its port."""
    port = free_port()
    config = prefix / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(prefix=prefix, port=port))
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise SystemExit("this figure needs nginx: install nginx-light")
    return serving(port, "taskset", "-c", SERVER_CORE, program, "-p", prefix, "-c", config, "-e", prefix / "error.log")


def stolen_ms(core):
    """What the hypervisor took from a core since the start, where it tells (proc(5), /proc/stat: steal)."""
    line = next(line.split() for line in open("/proc/stat") if line.startswith(f"cpu{core} "))
    return int(line[8]) * 1000 // os.sysconf("SC_CLK_TCK")


@dataclass
class Ran:
    out: str
    err: str
    cpu_s: float  # user + system, of the program and the children it waited for


def run_on(core, *command):
    """Runs a program on one core to its end and takes its CPU time from wait4."""
    out_path, err_path = SCRATCH / "out", SCRATCH / "err"
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with open(out_path, "w") as out, open(err_path, "w") as err:
        child = subprocess.Popen(["taskset", "-c", str(core), *map(str, command)], stdout=out, stderr=err, cwd=SCRATCH)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {child.returncode}:\n{err_path.read_text()}")
    return Ran(out_path.read_text(), err_path.read_text(), usage.ru_utime + usage.ru_stime)


def values(numbers, digits=2):
    """`median (all values in order of measuring)`, for a cell of a table."""
    return f"{statistics.median(numbers):.{digits}f} ({' '.join(f'{n:.{digits}f}' for n in numbers)})"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"
