"""Bad input gets one clear line that names the thing, the value and what to try, and the right exit code."""
import os
import pty
import resource
import signal
import sqlite3
import subprocess
import time

import pytest

from program import (BIN, MISSED, PASSED, PELT, SIGINT_CODE, USAGE, Running, assert_no_sanitizer_finding, bench, pelt,
                     report_of)

pytestmark = pytest.mark.sanitize

GOOD_LOAD = 'load = pelt.load.sustained { users = 1, duration = "1s" }'
ITERATION = 'iteration = function() pelt.http.get("/health") end'


def scenario(tmp_path, *lines):
    path = tmp_path / "scenario.lua"
    path.write_text("\n".join(['local pelt = require "pelt"', *lines]) + "\n")
    return path


def error_lines(done):
    """stderr without the Lua traceback that may follow. The load is not announced by a run that is refused."""
    lines = [line for line in done.err.splitlines() if line.strip()]
    if "stack traceback:" in lines:
        at = lines.index("stack traceback:")
        assert all(line.startswith("\t") for line in lines[at + 1:]), done.told()
        return lines[:at]
    return lines


def assert_one_line(done, code, *words):
    """Exit `code`; one line of error on stderr that has all the words; nothing on stdout."""
    assert done.code == code, done.told()
    lines = error_lines(done)
    assert len(lines) == 1, done.told()
    missing = [word for word in words if word not in lines[0]]
    assert not missing, f"{missing} not in: {lines[0]}"
    assert done.out == "", done.told()


# --- scenarios

SCENARIOS = {
    "no duration": (f"return {{ load = pelt.load.sustained {{ users = 1 }}, {ITERATION} }}", ["duration"]),
    "rate 0": (f'return {{ load = pelt.load.sustained {{ rate = "0/s", duration = "1s" }}, {ITERATION} }}', ["0/s"]),
    "duration 0": (f'return {{ load = pelt.load.sustained {{ users = 1, duration = "0s" }}, {ITERATION} }}', ["duration"]),
    "duration 0/0": (f"return {{ load = {{ users = 1, duration = 0/0 }}, {ITERATION} }}", ["load.duration: not a number"]),
    "users 0/0": (f'return {{ load = {{ users = 0/0, duration = "1s" }}, {ITERATION} }}', ["load.users: not a number"]),
    "too many users": (f'return {{ load = {{ users = 2e6, duration = "1s" }}, {ITERATION} }}', ["scenario.lua: load: stage 1"]),
    "two tables": (f"return {{ {GOOD_LOAD}, {ITERATION} }}, {{}}", ["one table"]),
    "no table": ("return 5", ["table"]),
    "syntax error": ("return { load = = 5 }", ["scenario.lua:2"]),
    "unknown key": (f"return {{ {GOOD_LOAD}, {ITERATION}, tresholds = {{}} }}", ["tresholds", "thresholds"]),
    "nothing to run": (f"return {{ {GOOD_LOAD} }}", ["iteration"]),
    "unknown metric": (f'return {{ {GOOD_LOAD}, {ITERATION}, thresholds = {{ "http_respons p99 < 1s" }} }}',
                       ["http_respons", "http_response"]),
}


@pytest.mark.one_thread
@pytest.mark.parametrize("text, words", SCENARIOS.values(), ids=SCENARIOS.keys())
@pytest.mark.parametrize("command", ["run", "check"])
def test_a_bad_scenario_is_named(tmp_path, command, text, words):
    path = scenario(tmp_path, text)
    assert_one_line(pelt(command, path, "--target", "http://127.0.0.1:1", cwd=tmp_path), USAGE, "scenario.lua", *words)


TARGETS = {
    "a password": ("http://ann:secret@server.example/", ["user or password", "auth"]),
    "no scheme": ("server.example:80", ["server.example:80", "http://server.example:80"]),
    "another scheme": ("ftp://server.example/", ["ftp://server.example/", "http://"]),
    "no host": ("http://", ["no host"]),
}


@pytest.mark.one_thread
@pytest.mark.parametrize("target, words", TARGETS.values(), ids=TARGETS.keys())
@pytest.mark.parametrize("given", ["in the file", "--target"])
def test_check_refuses_the_target_that_a_run_refuses(tmp_path, target, words, given):
    path = scenario(tmp_path, f"return {{ {GOOD_LOAD}, {ITERATION}, " + (f'target = "{target}" }}' if given == "in the file" else "}"))
    option = ["--target", target] if given == "--target" else []
    refused = pelt("run", path, *option, cwd=tmp_path)
    assert_one_line(refused, USAGE, *words)
    for once in ([], ["--once"]):
        checked = pelt("check", path, *option, *once, cwd=tmp_path)
        assert checked.code == USAGE and error_lines(checked) == error_lines(refused), checked.told()
    assert "secret" not in refused.err


def test_options_that_no_request_has_are_named_before_they_are_used(target, tmp_path):
    """In code that runs under load only: check, and a run at its start, say what the request will be refused for."""
    path = scenario(tmp_path, f"""local http = pelt.http
local api = http.client {{ timeout = "1s" }}
local cache = {{ get = function(self, key, options) return options.nmae end }}
return {{ {GOOD_LOAD},
  iteration = function(user)
    cache:get("k", {{ nmae = 1 }})
    if user.iteration >= 0 then return end
    http.get("/", {{ timeuot = "1s" }})
    api:post("/", {{ json = {{ nmae = 1 }}, expcet = 404 }})
  end }}""")
    checked = pelt("check", path, cwd=tmp_path)
    ran = pelt("run", path, "--target", target().url, "--no-run-file", "--allow-invalid", cwd=tmp_path)
    for done in (checked, ran):
        assert done.code == PASSED, done.told()
        assert [line for line in done.err.splitlines() if "unknown option" in line] == [
            "pelt: warning: scenario.lua:9: http.get: unknown option 'timeuot': did you mean 'timeout'?",
            "pelt: warning: scenario.lua:10: api:post: unknown option 'expcet': did you mean 'expect'?"], done.told()


def test_a_run_without_load_is_refused(tmp_path):
    """`check` takes it: the load may come from the command line."""
    path = scenario(tmp_path, f"return {{ {ITERATION} }}")
    assert_one_line(pelt("run", path, cwd=tmp_path), USAGE, "scenario.lua", "load", "--users")


def test_an_error_while_loading_has_file_and_line(tmp_path):
    done = pelt("run", scenario(tmp_path, "local nothing", "return nothing.field"), cwd=tmp_path)
    assert done.code == USAGE, done.told()
    assert "scenario.lua:3" in done.err and "nothing" in done.err, done.told()


def test_a_script_error_has_file_line_and_traceback_and_the_run_is_reported(target, tmp_path):
    path = scenario(tmp_path, "local function deep() error('no luck') end",
                    f"return {{ {GOOD_LOAD}, iteration = function()", '  pelt.http.get("/health")', "  deep()", "end }")
    done = pelt("run", path, "--target", target().url, "--run-file", tmp_path / "run.pelt", cwd=tmp_path)
    assert done.code == USAGE, done.told()
    assert "scenario.lua:2" in done.err and "no luck" in done.err and "traceback" in done.err, done.told()
    report = report_of(tmp_path / "run.pelt", tmp_path)
    assert report["totals"]["started"] > 0
    assert report["result"]["exit_code"] == USAGE


def test_a_script_error_of_all_threads_is_told_once(target, tmp_path):
    path = scenario(tmp_path, f"return {{ {GOOD_LOAD}, iteration = function() pelt.http.get('/health') error('no luck') end }}")
    done = pelt("run", path, "--target", target().url, "--users", 4, "--threads", 4, "--run-file", tmp_path / "run.pelt", cwd=tmp_path)
    assert done.code == USAGE, done.told()
    assert done.err.count("no luck") == 1 and done.err.count("stack traceback") == 1, done.told()
    report = report_of(tmp_path / "run.pelt", tmp_path)
    assert len(report["generator"]["threads"]) == 4, report["generator"]
    assert done.out.count("script_error:") == 1, done.told()


TARGETS = {
    "password": ("http://user:word@127.0.0.1:1", ["target", "password", "auth"]),
}


@pytest.mark.parametrize("url, words", TARGETS.values(), ids=TARGETS.keys())
@pytest.mark.parametrize("source", ["option", "scenario", "http.client"])
def test_a_target_that_cannot_be_spoken_to_is_named_before_the_start(tmp_path, source, url, words):
    in_scenario = f'target = "{url}", ' if source == "scenario" else ""
    client = f'local api = pelt.http.client {{ base = "{url}" }}' if source == "http.client" else ""
    path = scenario(tmp_path, client, f"return {{ {in_scenario}{GOOD_LOAD}, {ITERATION} }}")
    more = ["--target", url] if source == "option" else []
    words = ["base", *words[1:]] if source == "http.client" else words
    assert_one_line(pelt("run", path, *more, cwd=tmp_path), USAGE, *words)
    assert not list(tmp_path.glob("pelt-runs/*")), "no run file stays"


def test_a_missing_scenario_is_named(tmp_path):
    assert_one_line(pelt("run", "absent.lua", cwd=tmp_path), USAGE, "absent.lua")


# --- command line

COMMAND_LINES = {
    "unknown command": (["rum"], ["rum", "run"]),
    "unknown option": (["bench", "http://127.0.0.1:1/", "--duratoin", "1s"], ["--duratoin", "--duration"]),
    "duration without unit": (["bench", "http://127.0.0.1:1/", "-d", "10"], ["10", "10s"]),
    "rate without unit": (["bench", "http://127.0.0.1:1/", "-r", "5", "-d", "1s"], ["5/s", "--ramp"]),
    "threads in minutes": (["bench", "http://127.0.0.1:1/", "-t", "5m"], ["5m", "-d"]),
    "URL without scheme": (["bench", "127.0.0.1:1/"], ["127.0.0.1:1/", "http://"]),
    "password": (["bench", "http://user:word@127.0.0.1:1/", "-d", "1s"], ["password", "--header"]),
    "no URL": (["bench"], ["URL"]),
    "unknown format": (["bench", "http://127.0.0.1:1/", "-d", "1s", "--out", "jsn=x"], ["jsn", "json"]),
    "missing folder": (["bench", "http://127.0.0.1:1/", "-d", "1s", "--out", "json=absent/x.json"], ["absent"]),
    "missing folder of the run file": (["bench", "http://127.0.0.1:1/", "-d", "1s", "--run-file", "absent/x.pelt"],
                                       ["--run-file absent/x.pelt", "absent"]),
    "threshold on no metric": (["bench", "http://127.0.0.1:1/", "-d", "1s", "--threshold", "latency p99 < 1s"],
                               ["latency"]),
    "threshold without bound": (["bench", "http://127.0.0.1:1/", "-d", "1s", "--threshold", "http_response p99"],
                                ["http_response p99"]),
}


@pytest.mark.one_thread
@pytest.mark.parametrize("arguments, words", COMMAND_LINES.values(), ids=COMMAND_LINES.keys())
def test_a_bad_command_line_is_named(tmp_path, arguments, words):
    done = pelt(*arguments, cwd=tmp_path)
    assert_one_line(done, USAGE, *words)
    assert done.seconds < 5, "said before the start"
    assert not (tmp_path / "absent").exists()


@pytest.mark.one_thread
def test_a_threshold_on_a_name_without_samples_is_unjudged(target, tmp_path):
    done = bench(target().url + "/health", "-c", 1, "-d", "1s", "--threshold", "http_response{nobody} p99 < 1s",
                 cwd=tmp_path)
    assert done.code == MISSED, done.told()
    assert done.report["thresholds"][0]["level"] == "unjudged"
    assert done.report["thresholds"][0]["value"] is None


def test_users_beyond_the_file_limit_are_refused_before_the_start(target, tmp_path):
    url = target().url + "/health"

    def few_files():
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))

    done = pelt("bench", url, "-c", 500, "-d", "1s", "--no-run-file", cwd=tmp_path, preexec_fn=few_files)
    assert_one_line(done, USAGE, "128", "500", "--force")
    forced = bench(url, "-c", 500, "-d", "1s", "--force", cwd=tmp_path, preexec_fn=few_files)
    assert forced.report, forced.told()
    outcomes = forced.report["totals"]["outcomes"]
    assert outcomes["ok"] > 0 and outcomes["gen_fd_limit"] > 0, outcomes


# --- run files

def finished_run(target, tmp_path):
    path = tmp_path / "run.pelt"
    done = pelt("bench", target().url + "/health", "-c", 1, "-d", "1s", "--quiet", "--allow-invalid", "--run-file", path, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    return path


@pytest.mark.one_thread
def test_a_run_file_of_a_newer_version_is_said_to_be_newer(target, tmp_path):
    path = finished_run(target, tmp_path)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
        db.execute("PRAGMA user_version = 99")
    assert_one_line(pelt("report", path, cwd=tmp_path), USAGE, "run.pelt", "newer")


@pytest.mark.one_thread
def test_a_truncated_run_file_is_said_to_be_damaged(target, tmp_path):
    path = finished_run(target, tmp_path)
    whole = path.stat().st_size
    for size in (whole - 1, whole // 2, 5000, 4096, 100, 50):
        os.truncate(path, size)
        assert_one_line(pelt("report", path, cwd=tmp_path), USAGE, "run.pelt", "cut short", str(size))


@pytest.mark.one_thread
@pytest.mark.parametrize("statement", ["UPDATE second SET t = 20000000 WHERE t = (SELECT max(t) FROM second)", "UPDATE outcome SET count = -1",
                                       "UPDATE request SET started = 9223372036854775807"])
def test_a_run_file_with_rows_that_cannot_be_is_said_to_be_damaged(target, tmp_path, statement):
    path = finished_run(target, tmp_path)
    with sqlite3.connect(path) as db:
        db.execute(statement)
    db.close()
    assert_one_line(pelt("report", path, "--out", "json=-", cwd=tmp_path), USAGE, "run.pelt", "damaged")


@pytest.mark.one_thread
def test_a_run_file_with_flipped_bits_is_said_to_be_damaged(target, tmp_path):
    """In the schema's text, in a tree of pages, in SQLite's header: whatever stumbles over it, it is one code."""
    good = finished_run(target, tmp_path).read_bytes()
    page = int.from_bytes(good[16:18], "big")
    for place in (good.index(b"CREATE TABLE meta") + 3, good.index(b"STRICT"), page, 0, 19, 100):
        flipped = bytearray(good)
        flipped[place] ^= 0x10
        (tmp_path / "bad.pelt").write_bytes(flipped)
        assert_one_line(pelt("report", "bad.pelt", cwd=tmp_path), USAGE, "bad.pelt")


def test_what_is_no_run_file_is_said_to_be_none(tmp_path):
    (tmp_path / "notes.txt").write_text("these are my notes\n" * 100)
    assert_one_line(pelt("report", "notes.txt", cwd=tmp_path), USAGE, "notes.txt")
    with sqlite3.connect(tmp_path / "other.db") as db:
        db.execute("CREATE TABLE t (x)")
    assert_one_line(pelt("report", "other.db", cwd=tmp_path), USAGE, "other.db")
    assert_one_line(pelt("report", "absent.pelt", cwd=tmp_path), USAGE, "absent.pelt")


def test_a_second_run_into_the_same_file_is_refused_and_the_first_goes_on(target, tmp_path):
    instance, path = target(), tmp_path / "run.pelt"
    url = instance.url + "/health"
    first = Running("bench", url, "-c", 1, "-d", "60s", "--quiet", "--allow-invalid", "--run-file", path, cwd=tmp_path)
    deadline = time.monotonic() + 10
    while instance.count()["total"] == 0:
        assert time.monotonic() < deadline, "the load never came"
        time.sleep(0.01)
    assert_one_line(pelt("bench", url, "-c", 1, "-d", "1s", "--run-file", path, cwd=tmp_path), USAGE, "run.pelt")
    first.signal(signal.SIGINT)
    assert first.wait().code == SIGINT_CODE
    assert report_of(path, tmp_path)["totals"]["started"] > 0


# --- where output goes

@pytest.mark.one_thread
def test_a_closed_pipe_ends_the_report_quietly(target, tmp_path):
    path = finished_run(target, tmp_path)
    for options in ("", "--out json=-"):
        ended = subprocess.run(["bash", "-c", f'set -o pipefail; "{PELT}" report "{path}" {options} | head -n 1'],
                               capture_output=True, text=True, timeout=30, check=False)
        assert_no_sanitizer_finding(ended.stderr)
        assert ended.stderr == "" and len(ended.stdout.splitlines()) == 1, ended


def test_a_vanished_terminal_loses_nothing(target, tmp_path):
    """The window is closed while the run goes: SIGHUP, then writes that fail. What was measured is in the run file."""
    instance, path = target(), tmp_path / "run.pelt"
    terminal, side = pty.openpty()
    process = subprocess.Popen([str(PELT), "bench", instance.url + "/health", "-r", "100/s", "-d", "2s", "--grace", "1s",
                                "--run-file", str(path)], stdin=side, stdout=side, stderr=side, start_new_session=True,
                               cwd=tmp_path)
    os.close(side)
    while instance.count()["paths"].get("/health", 0) < 50:
        time.sleep(0.02)
    os.close(terminal)
    process.send_signal(signal.SIGHUP)
    process.wait(20)
    report = report_of(path, tmp_path)
    counted = instance.count()["paths"]["/health"]
    assert report["totals"]["started"] == counted >= 50


def test_every_program_helps_itself():
    for program, arguments in (("pelt", ["--help"]), ("pelt", ["run", "--help"]), ("pelt", ["bench", "--help"]),
                               ("pelt", ["check", "--help"]), ("pelt", ["report", "--help"]), ("pelt", ["demo", "--help"]),
                               ("pelt", ["--version"]), ("pelt-target", ["--help"])):
        done = subprocess.run([BIN / program, *arguments], capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == PASSED and done.stdout and not done.stderr, (program, arguments, done)
