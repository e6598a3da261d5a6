"""A script that never gives its thread back does not keep pelt from ending: the first signal asks, the second ends it."""
import os
import resource
import signal
import subprocess
import time

import pytest

from program import PELT, SIGINT_CODE, SIGTERM_CODE, SLOW, if_quiet, in_a_quiet_moment, report_of

pytestmark = [pytest.mark.alone, pytest.mark.idle, pytest.mark.sanitize]

AT_ONCE_S = 2.0 if SLOW else 0.2
# Opens a pipe that nobody writes to: no hook of Lua's is ever asked. (After a second the watchdog ends it; the tests are faster.)
HOLD = "local hold = function() io.stderr:write('held\\n') io.open('nobody', 'r') end "


def held(tmp_path, *arguments, after=b"held"):
    """pelt started, once its script holds a thread."""
    (tmp_path / "run.pelt").unlink(missing_ok=True)
    with open(tmp_path / "err", "wb") as err:
        process = subprocess.Popen([str(PELT), *map(str, arguments)], cwd=tmp_path, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=err)
    deadline = time.monotonic() + 20
    while after not in (tmp_path / "err").read_bytes():
        assert time.monotonic() < deadline and process.poll() is None, (tmp_path / "err").read_text()
        time.sleep(0.01)
    time.sleep(0.1)
    return process


def interrupt_twice(process, number=signal.SIGINT):
    """(exit code, what was printed), at once after the second signal."""
    process.send_signal(number)
    time.sleep(0.2)
    goes_on = process.poll() is None
    process.send_signal(number)
    signalled = time.monotonic()
    try:
        out, _ = process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise AssertionError("pelt goes on after two signals") from None
    seconds = time.monotonic() - signalled
    if_quiet(goes_on, "one signal asks; what holds the thread goes on, until the watchdog ends it")
    if_quiet(seconds < AT_ONCE_S, seconds)
    return process.returncode, out.decode()


def scenario(tmp_path, text):
    if not (tmp_path / "nobody").exists():
        os.mkfifo(tmp_path / "nobody")
    path = tmp_path / "s.lua"
    path.write_text("local pelt = require 'pelt' " + HOLD + text)
    return path


@pytest.mark.parametrize("number, code", [(signal.SIGINT, SIGINT_CODE), (signal.SIGTERM, SIGTERM_CODE)])
def test_two_signals_end_a_setup_that_holds_its_thread(tmp_path, number, code):
    def check(_):
        path = scenario(tmp_path, "return { load = pelt.load.sustained { users = 1, duration = '5s' }, setup = function() "
                                  "hold() end, iteration = function() end }")
        process = held(tmp_path, "run", path, "--run-file", "run.pelt")
        ended, out = interrupt_twice(process, number)
        assert ended == code, (tmp_path / "err").read_text()
        assert f"exit {code}" in out
        report = report_of("run.pelt", tmp_path)
        assert report["result"]["exit_code"] == code
        assert "setup did not end when asked to, and was given up" in (tmp_path / "err").read_text()

    in_a_quiet_moment(check)


def test_two_signals_end_a_teardown_that_holds_its_thread_and_keep_what_was_measured(target, tmp_path):
    def check(_):
        instance = target()
        path = scenario(tmp_path, "return { load = pelt.load.sustained { users = 2, duration = '1s' }, setup = function() "
                                  "pelt.http.get('/setup') end, teardown = function() hold() end, "
                                  "iteration = function() pelt.http.get('/api/status') end }")
        process = held(tmp_path, "run", path, "--target", instance.url, "--run-file", "run.pelt")
        ended, out = interrupt_twice(process)
        assert ended == SIGINT_CODE, (tmp_path / "err").read_text()
        assert "/api/status" in out
        report = report_of("run.pelt", tmp_path)
        assert report["result"]["exit_code"] == SIGINT_CODE
        assert report["totals"]["started"] > 0
        load = next(row for row in report["requests"] if row["name"] == "GET /api/status")
        assert load["started"] == instance.count()["paths"]["/api/status"]

    in_a_quiet_moment(check)


def test_two_signals_end_a_load_whose_script_holds_a_thread(target, tmp_path):
    def check(_):
        instance = target()
        path = scenario(tmp_path, "return { load = pelt.load.sustained { users = 2, duration = '60s' }, "
                                  "teardown = function() pelt.http.get('/teardown') end, "
                                  "iteration = function(user) pelt.http.get('/api/status') pelt.sleep('10ms') "
                                  "if user.id == 1 and user.iteration == 20 then hold() end end }")
        process = held(tmp_path, "run", path, "--target", instance.url, "--threads", 2, "--run-file", "run.pelt")
        ended, _ = interrupt_twice(process)
        told = (tmp_path / "err").read_text()
        assert ended == SIGINT_CODE, told
        assert "teardown was left out" in told
        report = report_of("run.pelt", tmp_path)
        counted = instance.count()["paths"]
        assert list(counted) == ["/api/status"]
        # What the thread that went on had measured is whole; of the other one the seconds since it was held are missing.
        assert counted["/api/status"] - 21 <= report["totals"]["started"] <= counted["/api/status"]
        assert any("did not stop" in reason for reason in report["result"]["reasons"])
        assert report["verdict"]["status"] == "INVALID", report["verdict"]
        assert any("given up" in reason for reason in report["verdict"]["reasons"]), report["verdict"]

    in_a_quiet_moment(check)


@pytest.mark.parametrize("where", ["setup", "teardown", "iteration"])
def test_two_signals_end_check_once(tmp_path, where):
    def check(_):
        hooks = {"iteration": "function() end", where: "function() hold() end"}
        path = scenario(tmp_path, "return { " + ", ".join(f"{name} = {body}" for name, body in hooks.items()) + " }")
        process = held(tmp_path, "check", path, "--once")
        ended, _ = interrupt_twice(process)
        assert ended == SIGINT_CODE, (tmp_path / "err").read_text()

    in_a_quiet_moment(check)


def test_one_signal_ends_an_iteration_of_check_once_that_waits_and_teardown_runs(target, tmp_path):
    instance = target()
    path = scenario(tmp_path, "return { iteration = function() io.stderr:write('held\\n') pelt.sleep('60s') end, "
                              "teardown = function() pelt.http.get('/api/status') end }")
    process = held(tmp_path, "check", path, "--once", "--target", instance.url)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=10)
    assert process.returncode == SIGTERM_CODE, (tmp_path / "err").read_text()
    assert instance.count()["paths"] == {"/api/status": 1}


@pytest.mark.parametrize("command", ["run", "check"])
def test_one_signal_ends_a_file_that_holds_its_thread(tmp_path, command):
    """Nothing runs yet that could be asked."""
    path = scenario(tmp_path, "hold() return { iteration = function() end }")
    process = held(tmp_path, command, path)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode in (-signal.SIGINT, SIGINT_CODE)


MANY = 500 if SLOW else 8000


@pytest.fixture
def descriptors():
    """As many as this host allows, for pelt-target, too; then as before."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < MANY + 200:
        pytest.skip(f"{MANY} connections need more descriptors than {before[1]} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_two_signals_lose_nothing_of_many_connections(descriptors, target, tmp_path):
    def check(attempt):
        instance = target("--service-time", "constant:60s", "--drain", "0s")
        name = f"{attempt}.pelt"
        with open(tmp_path / "err", "wb") as err:
            process = subprocess.Popen([str(PELT), "bench", instance.url + "/api/status", "-c", str(MANY), "-t", "2", "-d", "60s",
                                        "--run-file", name], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=err)
        time.sleep(3)
        ended, _ = interrupt_twice(process)
        told = (tmp_path / "err").read_text()
        assert ended == SIGINT_CODE, told
        assert "did not stop" not in told and "given up" not in told
        report = report_of(name, tmp_path)
        totals = report["totals"]
        assert totals["started"] == sum(totals["outcomes"].values()), totals
        assert not any("reconcile" in reason for reason in report["verdict"]["reasons"]), report["verdict"]
        if_quiet(totals["outcomes"] == {"unfinished": MANY}, totals)

    in_a_quiet_moment(check)
