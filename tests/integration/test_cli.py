"""The command line itself: help, version, and lines that help those who typed something else."""
import http.server
import json
import os
import re
import resource
import socket
import sqlite3
import subprocess
import threading

import pytest

from program import FAILED, MISSED, PASSED, PELT, USAGE, bench, pelt

pytestmark = [pytest.mark.sanitize, pytest.mark.one_thread]

COMMANDS = ("run", "bench", "check", "report", "demo")


def refused(done, *says):
    """Exit 2 and one line on stderr that says all of `says`."""
    lines = done.err.splitlines()
    assert done.code == USAGE and len(lines) == 1 and lines[0].startswith("pelt: "), done.told()
    for text in says:
        assert text in lines[0], (text, lines[0])


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_fits_80_columns(tmp_path, command):
    by_option = pelt(command, "--help", cwd=tmp_path)
    assert by_option.code == PASSED and by_option.err == "", by_option.told()
    assert max(map(len, by_option.out.splitlines())) <= 80
    assert by_option.out.startswith(f"usage: pelt {command} ")
    assert by_option.out == pelt("help", command, cwd=tmp_path).out
    assert by_option.out == pelt(command, "-h", cwd=tmp_path).out


@pytest.mark.parametrize("command", COMMANDS)
def test_options_in_help_are_aligned_and_grouped(tmp_path, command):
    text = pelt(command, "--help", cwd=tmp_path).out
    groups = re.findall(r"^(\w+):$", text, re.M)
    assert "Output" in groups and len(set(groups)) == len(groups)
    wrapped = re.findall(r"^( {3,})\S.*$", text.split("Output:")[1].split("Examples:")[0], re.M)
    assert {len(blanks) for blanks in wrapped} <= {6, 28}, "an option of no letter, or the help column"


def test_overview_names_every_command(tmp_path):
    done = pelt("--help", cwd=tmp_path)
    assert done.code == PASSED and max(map(len, done.out.splitlines())) <= 80
    for command in COMMANDS:
        assert f"pelt {command}" in done.out
    assert pelt("help", cwd=tmp_path).out == done.out


def test_nothing_typed_is_a_mistake_that_gets_the_overview(tmp_path):
    done = pelt(cwd=tmp_path)
    assert done.code == USAGE and done.out == "" and "pelt run SCENARIO.lua" in done.err


def test_version(tmp_path):
    done = pelt("--version", cwd=tmp_path)
    assert done.code == PASSED and re.fullmatch(r"pelt \d+\.\d+\.\d+\n", done.out)


@pytest.mark.parametrize("arguments, says", [
    (("runn", "s.lua"), ('"runn"', "pelt run")),
    (("chat.lua",), ("pelt run chat.lua",)),
    (("http://127.0.0.1/",), ("pelt bench http://127.0.0.1/",)),
    (("-d", "5s"), ("behind a command",)),
    (("help", "reprot"), ("pelt report",)),
])
def test_words_that_are_no_command(tmp_path, arguments, says):
    refused(pelt(*arguments, cwd=tmp_path), *says)


@pytest.mark.parametrize("arguments, says", [
    (("run", "s.lua", "--treshold", "x"), ("--treshold", "--threshold")),
    (("bench", "http://h/", "--conections=5"), ("--conections", "--connections")),
    (("run", "s.lua", "--once"), ("--once", "pelt check")),
    (("report", "r.pelt", "-u", "5"), ("--users", "pelt run", "pelt bench")),
    (("run", "s.lua", "--duration"), ("--duration", "needs a value")),
    (("run",), ("pelt run SCENARIO.lua",)),
    (("run", "a.lua", "b.lua"), ('"b.lua"',)),
    (("run", "http://h/"), ("pelt bench http://h/",)),
    (("bench", "a.lua"), ("pelt run a.lua",)),
    (("run", "r.pelt"), ("pelt report r.pelt",)),
])
def test_options_and_operands_that_do_not_belong(tmp_path, arguments, says):
    refused(pelt(*arguments, cwd=tmp_path), *says)


@pytest.mark.parametrize("arguments, says", [
    (("run", "s.lua", "-r", "5"), ("5/s, or --ramp 5/s with --users?",)),
    (("bench", "http://h/", "-t", "5m"), ("5m", "-d")),
    (("bench", "http://h/", "-d", "10"), ("10s",)),
    (("bench", "http://h/", "-c", "10s"), ("-d 10s",)),
    (("bench", "http://h/", "-n", "10s"), ("-d 10s",)),
    (("bench", "http://h/", "--requests", "1000"), ("--iterations",)),
    (("bench", "http://h/", "-z", "10s"), ("-d",)),
    (("bench", "http://h/", "-R", "10"), ("--rate",)),
    (("run", "s.lua", "--vus", "5"), ("--users",)),
    (("run", "s.lua", "--spawn-rate", "5"), ("--ramp",)),
    (("run", "s.lua", "-H", "http://h/"), ("--target",)),
    (("run", "s.lua", "-e", "A=b"), ("--set",)),
    (("check", "s.lua", "-c", "5"), ("pelt run, pelt bench",)),
])
def test_hands_from_other_tools_are_helped(tmp_path, arguments, says):
    refused(pelt(*arguments, cwd=tmp_path), *says)


def test_a_mistake_is_a_json_line_too(tmp_path):
    done = pelt("report", "--log-json", "nowhere.pelt", cwd=tmp_path)
    line = json.loads(done.err)
    assert done.code == USAGE and line["level"] == "error" and "nowhere.pelt" in line["message"]


@pytest.mark.parametrize("options, says", [
    (("-c", "2", "-d", "0s"), ("--duration",)),
    (("--rate", "0/s",), ("--rate",)),
    (("--ramp", "1/s", "-c", "20", "-d", "5s"), ("--ramp", "20s")),
    (("-c", "2", "--arrivals", "poisson"), ("--arrivals", "--rate")),
    (("--out", "json=missing/report.json"), ("missing",)),
    (("--out", "jsn=report.json"), ("jsn", "json")),
    (("--run-file", "a.pelt", "--no-run-file"), ("--no-run-file",)),
    (("--body", "@missing"), ("missing",)),
    (("-H", "no colon"), ("Name: value",)),
    (("--wait-for", "h:80"), ("--wait-for", "h:80")),
])
def test_bad_values_send_nothing(target, tmp_path, options, says):
    instance = target()
    refused(pelt("bench", instance.url + "/health", *options, cwd=tmp_path), *says)
    assert instance.count()["total"] == 0
    assert not (tmp_path / "pelt-runs").exists()


def test_a_setting_that_no_script_reads_is_warned_about(tmp_path):
    path = tmp_path / "s.lua"
    path.write_text('local pelt = require "pelt"\nlocal n = pelt.env("USERS", "3")\n'
                    'return { load = pelt.load.sustained { users = tonumber(n), duration = "1s" },\n'
                    '  iteration = function() pelt.log(pelt.env("LATER", "")) end }\n')
    done = pelt("check", path, "--set", "USERS=7", "--set", "LATER=1", "--set", "USRES=8", cwd=tmp_path)
    assert done.code == PASSED and "7 users" in done.out, done.told()
    assert "USRES" in done.err and "USERS=" not in done.err.replace("USRES", "") and "LATER" not in done.err, done.err


class EscapingServer(http.server.BaseHTTPRequestHandler):
    """Answers with bytes that would clear a terminal."""

    def do_GET(self):  # the name that http.server calls
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"a\x1b[2Jb")

    def log_message(self, *_):
        pass


def test_what_a_server_sends_cannot_steer_the_terminal(tmp_path):
    path = tmp_path / "s.lua"
    path.write_text('local pelt = require "pelt"\nreturn { iteration = function() pelt.http.get("/x").body:len() end }\n')
    with http.server.HTTPServer(("127.0.0.1", 0), EscapingServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = pelt("check", path, "--once", "--target", f"http://127.0.0.1:{server.server_port}", cwd=tmp_path)
        server.shutdown()
    assert done.code == PASSED and "\x1b" not in done.out, done.told()
    assert "< a.[2Jb" in done.out, done.out
    assert "> GET /x HTTP/1.1" in done.out and re.search(r"response \S+ .*wait \S+", done.out), done.out


def test_bench_sends_method_headers_and_body(target, tmp_path):
    done = bench(target().url + "/api/chat", "-c", "1", "-d", "300ms", "-H", "Content-Type: application/json",
                 "--body", '{"message": "hi"}', cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert [row["name"] for row in done.report["requests"]] == ["POST /api/chat"]
    assert done.report["totals"]["outcomes"]["ok"] == done.report["totals"]["started"] > 0


def test_a_report_on_stdout_is_alone_there(target, tmp_path):
    done = pelt("bench", target().url + "/health", "-c", "1", "-d", "300ms", "--no-run-file", "--allow-invalid",
                "--out", "json=-", cwd=tmp_path)
    assert done.code == PASSED and json.loads(done.out)["schema"] == "pelt-report/1", done.told()
    assert "measurement" in done.err


@pytest.mark.parametrize("form", [(), ("--out", "json=-")])
def test_a_reader_that_leaves_is_no_failure(target, tmp_path, form):
    path = tmp_path / "run.pelt"
    pelt("bench", target().url + "/health", "-c", "1", "-d", "300ms", "--run-file", path, cwd=tmp_path)
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run([str(PELT), "report", str(path), *form], stdout=write, stderr=subprocess.PIPE, text=True,
                             timeout=30, check=False)
    os.close(write)
    assert (process.returncode, process.stderr) == (PASSED, "")


@pytest.mark.parametrize("form", [(), ("--out", "json=-")])
def test_a_full_disk_behind_stdout_is_one(target, tmp_path, form):
    path = tmp_path / "run.pelt"
    pelt("bench", target().url + "/health", "-c", "1", "-d", "300ms", "--run-file", path, cwd=tmp_path)
    with open("/dev/full", "w", encoding="utf-8") as full:
        process = subprocess.run([str(PELT), "report", str(path), *form], stdout=full, stderr=subprocess.PIPE,
                                 text=True, timeout=30, check=False)
    assert process.returncode == FAILED and process.stderr.count("\n") == 1, process.stderr
    assert "No space left" in process.stderr


def close_streams(*numbers):
    """For preexec_fn: what a shell's `>&- 2>&-` does."""
    return lambda: [os.close(number) for number in numbers]


@pytest.mark.parametrize("closed", [(1, 2), (0, 1, 2), (2,)])
def test_closed_streams_leave_the_run_file_whole(target, tmp_path, closed):
    path = tmp_path / "run.pelt"
    done = pelt("bench", target().url + "/health", "-c", "1", "-d", "1s", "--allow-invalid", "--run-file", path,
                cwd=tmp_path, preexec_fn=close_streams(*closed))
    assert done.code == (FAILED if 1 in closed else PASSED), done.told()
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert pelt("report", path, cwd=tmp_path).code == PASSED


def test_a_closed_stdout_is_named_as_the_cause(target, tmp_path):
    done = pelt("bench", target().url + "/health", "-c", "1", "-d", "300ms", "--quiet", "--allow-invalid",
                "--no-run-file", cwd=tmp_path, preexec_fn=close_streams(1))
    assert done.code == FAILED and "cannot write to stdout: Bad file descriptor" in done.err, done.told()


@pytest.mark.parametrize("out, code", [("/dev/null", MISSED), ("/dev/full", FAILED)])
def test_a_report_that_failed_goes_before_a_missed_threshold(target, tmp_path, out, code):
    done = pelt("bench", target().url + "/health", "-c", "1", "-d", "300ms", "--allow-invalid", "--no-run-file",
                "--threshold", "requests count < 0", "--out", f"json={out}", cwd=tmp_path)
    assert done.code == code, done.told()


def test_a_file_beyond_the_shells_limit_costs_the_run_file_and_not_the_report(target, tmp_path):
    """`ulimit -f`, whose signal would end the program: a disk that is full, 128 KiB from the start."""
    instance = target()
    done = pelt("bench", instance.url + "/health", "-r", "4000/s", "-d", "2s", "--allow-invalid", "--no-color",
                "--run-file", "run.pelt", cwd=tmp_path,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (128 << 10, 128 << 10)))
    assert done.code == FAILED and "the run file could not be written" in done.out, done.told()
    assert f"{instance.count()['total']:,}" in done.out, done.told()
    busiest = re.search(r"the busiest used (\d+)% of a core", done.out)
    assert busiest and int(busiest[1]) > 0, done.told()


def test_a_run_refused_before_its_start_is_one_line(target, tmp_path):
    instance = target()
    refused(pelt("bench", instance.url + "/health", "-c", "500", "-d", "1s", cwd=tmp_path,
                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))), "500 users", "descriptors")
    assert instance.count()["total"] == 0


def test_a_run_says_its_plan_once(target, tmp_path):
    done = pelt("bench", target().url + "/health", "-c", "1", "-d", "300ms", "--allow-invalid", "--no-run-file",
                cwd=tmp_path)
    assert done.code == PASSED and done.err.count("pelt: bench: 1 user for 300ms") == 1, done.told()


def test_check_once_tells_how_many_exchanges_were_not_ok(tmp_path):
    path = tmp_path / "s.lua"
    path.write_text('local pelt = require "pelt"\nreturn { iteration = function() pelt.http.get("/x") end }\n')
    with socket.socket() as closed:  # bound and not listening: refuses
        closed.bind(("127.0.0.1", 0))
        done = pelt("check", path, "--once", "--target", f"http://127.0.0.1:{closed.getsockname()[1]}", cwd=tmp_path)
    assert done.code == PASSED and done.out.endswith("\n1 of 1 exchange not ok\n"), done.told()


def test_secrets_of_the_command_line_stay_out_of_the_run_file(target, tmp_path):
    path = tmp_path / "run.pelt"
    pelt("bench", target().url + "/health", "-c", "1", "-d", "300ms", "-H", "Authorization: Bearer s3cr3t",
         "--run-file", path, cwd=tmp_path)
    assert b"s3cr3t" not in path.read_bytes()


def test_two_runs_in_one_second_get_two_files(target, tmp_path):
    url = target().url + "/health"
    for _ in range(3):
        pelt("bench", url, "-c", "1", "-d", "50ms", "--grace", "1s", cwd=tmp_path)
    assert len(list((tmp_path / "pelt-runs").glob("*.pelt"))) == 3


def test_a_demo_scenario_that_was_edited_is_kept(tmp_path):
    (tmp_path / "pelt-runs").mkdir()
    mine = tmp_path / "pelt-runs/demo.lua"
    mine.write_text("return 5\n")
    done = pelt("demo", cwd=tmp_path)
    assert done.code == USAGE and "differs" in done.err, done.told()
    assert mine.read_text() == "return 5\n"


def test_a_report_that_fails_is_told_by_those_that_are_there(target, tmp_path):
    """JSON named first, a device that is full behind it: the JSON says what the process ends with, and why."""
    done = pelt("bench", target().url + "/", "-c", 1, "-d", "300ms", "--quiet", "--no-run-file", "--allow-invalid", "--out",
                f"json={tmp_path / 'r.json'}", "--out", "json=/dev/full", "--out", f"summary={tmp_path / 'r.txt'}", cwd=tmp_path)
    assert done.code == FAILED, done.told()
    result = json.loads((tmp_path / "r.json").read_text())["result"]
    assert result["exit_code"] == FAILED
    assert any("/dev/full" in reason for reason in result["reasons"]), result
    for summary in ((tmp_path / "r.txt").read_text(), done.out):
        assert summary.startswith("FAILED ") and "exit 1\n" in summary and "/dev/full" in summary, done.told()
    assert done.err.count("/dev/full: cannot be written") == 1, done.err


def test_a_json_on_stdout_knows_of_a_report_that_failed(target, tmp_path):
    done = pelt("bench", target().url + "/", "-c", 1, "-d", "300ms", "--quiet", "--no-run-file", "--allow-invalid", "--out",
                "json=-", "--out", "summary=/dev/full", cwd=tmp_path)
    assert done.code == FAILED, done.told()
    assert json.loads(done.out)["result"]["exit_code"] == FAILED
    assert "exit 1\n" in done.err and "exit 0" not in done.err, done.err  # the summary, which is there
