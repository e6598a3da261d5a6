"""The files of docs/DISTRIBUTED.md that start workers and coordinator, as they stand there, run: in a network namespace of their own, where
Redis has its usual port, `ssh` and `srun` start local processes, and names that a cluster's DNS has are this host's."""
import os
import re
import shlex
import signal
import socket
import subprocess
import time

import pytest

import certs
from fleet import REDIS, SECRET, patience
from lan import Lan, Unavailable
from program import PELT, ROOT
from targets import Target

pytestmark = [pytest.mark.skipif(REDIS is None, reason="no redis-server here"), pytest.mark.slow(9)]
yaml = pytest.importorskip("yaml", reason="no python3-yaml here")

DOCUMENT = (ROOT / "docs/DISTRIBUTED.md").read_text()
RATE_PER_S = 80
BUSY = 4  # of a run that a busy host made INVALID
FAKES = {
    "ssh": 'shift; exec sh -c "$*"',
    "hostname": "echo $HOST_ADDRESS",
    "srun": 'for word; do case $word in --ntasks=*) n=${word#*=} ;; esac; done\n'
            'while [ "${1#--}" != "$1" ]; do shift; done\n'
            'i=0; while [ $i -lt $n ]; do SLURM_PROCID=$i "$@" & i=$((i + 1)); done; wait',
}


def block(title):
    return re.search(rf"^\*\*{re.escape(title)}\*\*.*?^```\w*\n(.*?)^```", DOCUMENT, re.S | re.M).group(1)


class Site:
    """A host where `pelt`, `ssh` and so on are found; Redis comes up on its usual port."""

    def __init__(self, folder):
        self.folder, self.started = folder, []
        self.lan = Lan()
        self.host = self.lan.host()
        (folder / "target").mkdir()
        self.target = Target(folder / "target", host=self.host)
        (folder / "bin").mkdir()
        for name, body in FAKES.items():
            (folder / "bin" / name).write_text(f"#!/bin/sh\n{body}\n")
            (folder / "bin" / name).chmod(0o755)
        (folder / "bin/pelt").symlink_to(PELT)
        (folder / "chat.lua").write_text(f"""local pelt = require "pelt"
return {{ target = "{self.target.url}", load = {{ rate = "{RATE_PER_S}/s", duration = "1s" }},
  iteration = function() pelt.http.get("/health") end }}
""")

    def start(self, words, env=None):
        log = open(self.folder / f"log-{len(self.started)}", "w+")
        self.started.append(subprocess.Popen(
            [*self.host.prefix, *words], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}:/usr/sbin", "HOST_ADDRESS": self.host.address, "TMPDIR": str(self.folder),
                 "PELT_BUS_SECRET": SECRET, **(env or {})}))
        return self.started[-1]

    def redis(self, *options):
        self.start([REDIS, *options])
        deadline = time.monotonic() + patience(20)
        while not self.host.inside(self._redis_there):
            assert time.monotonic() < deadline, self.told()
            time.sleep(0.02)

    def _redis_there(self):
        try:
            socket.create_connection((self.host.address, 6379), timeout=5).close()
        except OSError:
            return False
        return True

    def local(self, text):
        """With the addresses that a cluster's DNS would give."""
        return re.sub(r"redis://(pelt-)?redis\b", f"redis://{self.host.address}", text)

    def told(self):
        return "".join(path.read_text() for path in sorted(self.folder.glob("log-*")))

    def ended_well(self, processes):
        codes = [p.wait(patience(60)) for p in processes]
        assert codes[:-1] == [0] * (len(codes) - 1) and codes[-1] in (0, BUSY), (codes, self.told())
        assert self.target.settled_count()["total"] == RATE_PER_S, self.told()
        assert ("PASSED" if codes[-1] == 0 else "other programs starved pelt") in self.told(), self.told()

    def stop(self):
        for process in self.started:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        if self.host.inside(self._redis_there):  # one that is a daemon
            with self.host.inside(lambda: socket.create_connection((self.host.address, 6379), timeout=5)) as s:
                s.sendall(b"SHUTDOWN NOSAVE\r\n")
                s.recv(100)
        self.target.stop()
        self.lan.close()


@pytest.fixture
def site(tmp_path):
    try:
        made = Site(tmp_path)
    except Unavailable as why:
        pytest.skip(f"no hosts can be made here: {why}")
    yield made
    made.stop()


def script(site, title):
    path = site.folder / "placement"
    path.write_text(block(title))
    path.chmod(0o755)
    return path


def test_ssh_starts_a_worker_on_each_host(site):
    site.redis("--bind", "0.0.0.0", "--protected-mode", "no", "--save", "")
    site.ended_well([site.start([script(site, "ssh"), "chat.lua", "one", "two", "three"])])


@pytest.mark.parametrize("spoiled, code", [("thresholds = { 'requests count >= 1000000' },", {3, BUSY}), ("nothing = of this kind,", {2})])
def test_what_ssh_starts_ends_with_the_exit_status_of_the_run(site, spoiled, code):
    """Also where the run does not begin: workers end by --wait."""
    chat = site.folder / "chat.lua"
    chat.write_text(chat.read_text().replace("return {", "return { " + spoiled))
    site.redis("--bind", "0.0.0.0", "--protected-mode", "no", "--save", "")
    path = script(site, "ssh")
    path.write_text(path.read_text().replace("--wait 2m", "--wait 3s"))
    assert site.start([path, "chat.lua", "one", "two"]).wait(patience(60)) in code, site.told()
    assert site.told().count("no coordinator was heard") == (2 if 2 in code else 0), site.told()


def test_no_script_has_the_secret_in_a_command_line():
    for title in ("ssh", "Slurm", "Kubernetes", "docker compose", "systemd"):
        assert not re.search(r"""['"]?\$\{?PELT_BUS_SECRET\}?['"]? pelt """, block(title)), title


def test_slurm_starts_a_worker_on_each_node(site):
    site.ended_well([site.start([script(site, "Slurm")])])
    assert site.told().count("all with the coordinator") == 8, site.told()


def test_kubernetes_gives_each_index_a_slot(site):
    found = {(part["kind"], part["metadata"]["name"]): part["spec"] for part in yaml.safe_load_all(block("Kubernetes"))}
    service, redis = found["Service", "pelt-redis"], found["Deployment", "pelt-redis"]
    workers, lead = found["Job", "pelt-workers"], found["Job", "pelt-run"]
    assert service["selector"].items() <= redis["template"]["metadata"]["labels"].items() and redis["selector"]["matchLabels"] == service["selector"]
    server, = redis["template"]["spec"]["containers"]
    assert service["ports"][0]["port"] == server["ports"][0]["containerPort"] == 6379
    worker, = workers["template"]["spec"]["containers"]
    coordinator, = lead["template"]["spec"]["containers"]
    assert workers["completionMode"] == "Indexed" and workers["completions"] == workers["parallelism"]
    assert [entry["name"] for entry in worker["env"]] == [entry["name"] for entry in coordinator["env"]] == ["PELT_BUS_SECRET"]
    mount, volume = coordinator["volumeMounts"][0], lead["template"]["spec"]["volumes"][0]
    assert mount["name"] == volume["name"]
    site.redis(*server["args"])  # what the image's entry point starts
    command = [str(site.folder / "chat.lua") if word == f"{mount['mountPath']}/scenario.lua" else site.local(word) for word in coordinator["command"]]
    assert command[command.index("--workers") + 1] == str(workers["completions"])
    pods = [site.start([site.local(word) for word in worker["command"]], {"JOB_COMPLETION_INDEX": str(i)}) for i in range(workers["completions"])]
    site.ended_well([*pods, site.start(command)])


def test_compose_starts_what_its_words_say(site):
    services = yaml.safe_load(block("docker compose"))["services"]
    scale = int(re.search(r"--scale worker=(\d+)", DOCUMENT).group(1))
    assert [services[name]["environment"] for name in ("worker", "run")] == [{"PELT_BUS_SECRET": "${PELT_BUS_SECRET}"}] * 2
    site.redis(*services["redis"]["command"][1:])
    command = {name: [site.local(word) for word in services[name]["command"]] for name in ("worker", "run")}
    assert command["run"][command["run"].index("--workers") + 1] == str(scale)
    site.ended_well([site.start(command["worker"]) for _ in range(scale)] + [site.start(command["run"])])


def test_the_unit_is_one_that_systemd_takes_and_whose_worker_waits(tmp_path):
    unit = tmp_path / "pelt-worker.service"
    unit.write_text(block("systemd").replace("/usr/bin/pelt", str(PELT)))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and unit.name not in done.stderr, done
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    for line in re.findall(r"^LoadCredential=(\w+):", unit.read_text(), re.M):
        (credentials / line).write_text(SECRET)
        (credentials / line).chmod(0o600)
    command = re.search(r"^ExecStart=(.*)$", unit.read_text(), re.M).group(1)
    words = [word.replace("${CREDENTIALS_DIRECTORY}", str(credentials)).replace("/etc/pelt/ca.pem", str(tmp_path / "ca.pem")) for word in shlex.split(command)]
    (tmp_path / "ca.pem").write_bytes(certs.shared().path("root.crt").read_bytes())
    with open(tmp_path / "err", "w") as err, subprocess.Popen(words, cwd=tmp_path, stdin=subprocess.DEVNULL, stderr=err) as worker:
        deadline = time.monotonic() + patience(20)
        while "redis.lan" not in (tmp_path / "err").read_text():  # it waits for that one
            assert worker.poll() is None and time.monotonic() < deadline, (tmp_path / "err").read_text()
            time.sleep(0.02)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(patience(10)) == 128 + signal.SIGTERM
