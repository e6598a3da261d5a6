"""pelt preflight: measures a scenario against a server of its own, says what the host can send with it and which limit comes
first; nothing reaches the target."""
import json
import resource
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from program import PASSED, SIGINT_CODE, SIGTERM_CODE, USAGE, Running, if_quiet, in_a_quiet_moment, pelt, run

# It measures on one thread, beside those of any run: `one_thread` is all but one measurement, one of a mix, and what ends it.
# Each takes seconds of a core: `variant` is what differs in figures alone, and tests/unit/preflight has all of these.
pytestmark = [pytest.mark.sanitize, pytest.mark.slow]

LIMITS = ["CPU", "descriptors", "ports", "memory", "users"]
MOST_S = 30  # about 5 s; with a sanitizer on a busy host more

# What a user does: setup's token, a body each way, a pause, a name, a check, teardown; on two servers.
SHOP = """
local pelt = require "pelt"
local http, check = pelt.http, pelt.check
return {
    name = "shop",
    target = %r,
    load = { users = 20, duration = "30s" },
    setup = function()
        local r = http.post("/login", { json = { user = "u" } })
        return { token = r:json("/token") or "none" }
    end,
    iteration = function(user, data)
        local r = http.get("/items/" .. user.rng:int(1, 1000), { headers = { Authorization = data.token }, name = "item" })
        check("has an id", r:json("/id") ~= nil)
        pelt.sleep("10s")
        http.post("http://127.0.0.2:81/basket", { json = { item = 1 }, name = "basket" })
        check("token came", data.token == "t-1")
    end,
    teardown = function(data) http.delete("/login") end,
}
"""

SIMPLE = """
local pelt = require "pelt"
return {
    name = "simple",
    target = "http://127.0.0.1:9",
    load = { %s },
    iteration = function(user) %s end,
}
"""


def script(tmp_path, text):
    path = tmp_path / "s.lua"
    path.write_text(text)
    return path


def simple(tmp_path, load='users = 10, duration = "10s"', body='pelt.http.get("/")'):
    return script(tmp_path, SIMPLE % (load, body))


def preflight(scenario, *options, code=PASSED, **more):
    done = pelt("preflight", scenario, "--quiet", "--out", "json=-", *options, cwd=scenario.parent, timeout=MOST_S, **more)
    assert done.code == code, done.told()
    done.report = json.loads(done.out)
    done.limits = {limit["limit"]: limit for limit in done.report["limits"]}
    return done


def shop(tmp_path, url):
    return script(tmp_path, SHOP.replace("%r", json.dumps(url)))


def test_a_scenario_is_measured_and_nothing_reaches_its_target(tmp_path, target):
    real = target()
    done = preflight(shop(tmp_path, real.url), "--answer", '{"token": "t-1", "id": 7}')
    assert real.count()["total"] == 0
    assert not list(tmp_path.glob("pelt-runs")), "preflight leaves no run file"

    report, measured = done.report, done.report["measured"]
    assert report["schema"] == "pelt-preflight/1" and report["scenario"] == "shop"
    assert measured["requests_per_iteration"] == pytest.approx(2, rel=0.05)
    assert measured["pause_s_per_iteration"] == pytest.approx(10, rel=0.2)
    assert measured["errors"] == 0 and measured["script_errors"] == 0
    assert measured["users"] == 20 and measured["seconds"] <= 3
    # Setup's request and teardown's, and those of the load; some of the load lie outside of the window.
    assert measured["server_requests"] >= measured["requests"] + 2
    assert measured["cpu_us_per_request"] == pytest.approx(measured["cpu_us_per_iteration"] / 2, rel=0.1)
    assert 0.9 <= measured["descriptors_per_user"] <= 2.5, "a connection to each of two servers"
    assert measured["memory_bytes_per_user"] > 500
    assert measured["bytes_sent_per_request"] > 60 and measured["bytes_received_per_request"] > 100
    assert [limit["limit"] for limit in report["limits"]] == LIMITS
    assert report["fits"] and report["first_limit"] in LIMITS
    assert report["forecast"]["plan_iterations_per_s"] == pytest.approx(2, rel=0.2), "20 users, a pause of 10 s"
    assert done.seconds < MOST_S
    assert measured["arrivals"] == [] and report["forecast"]["on_time_per_s"] is None, "no arrivals in a closed loop"


@pytest.mark.one_thread
def test_what_is_said_can_be_read(tmp_path):
    done = pelt("preflight", simple(tmp_path), "--out", f"json={tmp_path}/p.json", cwd=tmp_path, timeout=MOST_S)
    assert done.code == PASSED and done.out.startswith("preflight "), done.told()
    for word in ("preflight  simple", "us of CPU an iteration", "a user", "requests/s", "descriptors", "ports",
                 "plan       10 users for 10s", "the plan fits; first limit: CPU, at "):
        assert word in done.out, done.told()
    assert "nothing is sent elsewhere" in done.err, done.told()
    assert max(map(len, done.out.splitlines())) <= 120, done.told()
    assert json.loads((tmp_path / "p.json").read_text())["fits"] is True, "what is written to a file leaves stdout as it is"


@pytest.mark.variant
def test_checks_that_fail_are_no_error(tmp_path, target):
    done = preflight(shop(tmp_path, target().url))
    assert done.report["measured"]["script_errors"] == 0 and "error" not in done.err, done.told()


@pytest.mark.variant
def test_script_errors_are_told_and_no_failure(tmp_path):
    path = simple(tmp_path, body='local r = pelt.http.get("/") local x = r:json("/a").b')
    done = pelt("preflight", path, cwd=tmp_path, timeout=MOST_S)
    assert done.code == PASSED and " script errors: " in done.out and "attempt to index" in done.out, done.told()
    assert preflight(path, "--answer", '{"a": {"b": 1}}').report["measured"]["script_errors"] == 0


@pytest.mark.one_thread
def test_an_answer_may_be_a_file(tmp_path):
    (tmp_path / "answer.json").write_text(json.dumps({"text": "x" * 5000}))
    path = simple(tmp_path, body='local r = pelt.http.get("/") if #r:json("/text") ~= 5000 then error("cut") end')
    measured = preflight(path, "--answer", f"@{tmp_path}/answer.json").report["measured"]
    assert measured["script_errors"] == 0 and measured["bytes_received_per_request"] > 5000


@pytest.mark.one_thread
def test_every_kind_of_request_is_answered(tmp_path):
    body = """
        local http = pelt.http
        local function ok(r) if r.status ~= 200 then error(tostring(r.error)) end end
        ok(http.head("/")) ok(http.get("/"))
        ok(http.post("/", { body = string.rep("b", 200000) }))
        ok(http.request("PUT", "/", { form = { a = "1" } }))
        ok(http.delete("http://host.invalid/x"))
        ok(http.get("http://[::1]:7/", { headers = { Connection = "close" } }))"""

    def check(_):
        measured = preflight(simple(tmp_path, load='users = 5, duration = "10s"', body=body)).report["measured"]
        assert measured["script_errors"] == 0 and measured["errors"] == 0, measured
        if_quiet(measured["requests_per_iteration"] == pytest.approx(6, rel=0.1), measured)
        # The one that says close, and in few iterations the first of each user.
        if_quiet(measured["connections_per_iteration"] == pytest.approx(1, rel=0.2), measured)

    in_a_quiet_moment(check)


# ---- plans beyond ----


@pytest.mark.one_thread
def test_a_plan_beyond_the_cpu(tmp_path):
    done = preflight(simple(tmp_path, load='rate = "5000000/s", duration = "10s"'), code=USAGE)
    assert not done.report["fits"] and done.report["first_limit"] == "CPU", done.report
    assert done.report["forecast"]["plan_cpu_share"] > 1
    assert "needs 5,000,000 iterations/s" in done.report["text"] and "CPU allows" in done.report["text"]

    arrivals, forecast = done.report["measured"]["arrivals"], done.report["forecast"]
    most = forecast["iterations_per_s"] / min(forecast["threads"], done.limits["CPU"]["has"])
    shares = [round(step["per_s"] / most, 2) for step in arrivals]
    assert shares and set(shares) <= {0.1, 0.3, 0.7}, "a step that a busy host kept from being seen is left out"
    assert all(0 < step["cpu_share"] <= 1.1 for step in arrivals), arrivals
    assert 0 < forecast["on_time_per_s"] <= forecast["iterations_per_s"]
    assert f'{done.limits["CPU"]["iterations_per_s"]:.6g}' == f'{forecast["on_time_per_s"]:.6g}'


@pytest.mark.variant
def test_a_plan_beyond_the_descriptors(tmp_path):
    done = preflight(simple(tmp_path), "--users", 2000, code=USAGE,
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000)))
    assert not done.report["fits"] and done.report["first_limit"] == "descriptors", done.report
    assert done.limits["descriptors"]["has"] == 1000
    assert 850 <= done.limits["descriptors"]["users"] <= 1000
    assert "needs 2,000 users" in done.report["text"] and "ulimit -n" in done.report["text"]
    # A run says the same.
    refused = run(tmp_path / "s.lua", "--users", 2000, "--duration", "1s", cwd=tmp_path,
                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000)))
    assert refused.code == USAGE


@pytest.mark.variant
def test_a_plan_beyond_its_own_users(tmp_path):
    """Ten arrivals a second that stay for a second each, and users for three of them."""
    path = simple(tmp_path, load='rate = "10/s", duration = "2s", users = 3', body='pelt.http.get("/") pelt.sleep("1s")')
    with ThreadPoolExecutor() as pool:
        more = pool.submit(preflight, path, "--users", 10)
        done = preflight(path, code=USAGE)
        assert more.result().report["fits"]
    assert not done.report["fits"] and done.report["first_limit"] == "users", done.report
    assert done.limits["users"]["has"] == 3 and done.limits["users"]["times_plan"] == pytest.approx(0.3), done.limits
    assert "needs 10 users at least, it has users = 3" in done.report["text"], done.report


@pytest.mark.variant
def test_a_plan_beyond_the_ports(tmp_path):
    done = preflight(simple(tmp_path), "--users", 500_000, code=USAGE)
    ports = done.limits["ports"]
    assert not done.report["fits"] and ports["times_plan"] < 1, done.report
    assert ports["users"] == pytest.approx(ports["has"], rel=0.1), "a connection a user"


@pytest.mark.variant
def test_connections_that_end_use_ports_up(tmp_path):
    body = 'pelt.http.get("/", { headers = { Connection = "close" } })'
    done = preflight(simple(tmp_path, load='rate = "2000/s", duration = "10s"', body=body), code=USAGE)
    assert done.report["first_limit"] == "ports", done.report
    assert done.limits["ports"]["iterations_per_s"] == pytest.approx(done.limits["ports"]["has"] / 60, rel=0.1)


@pytest.mark.variant
def test_pacing_bounds_what_a_closed_loop_asks_for(tmp_path):
    path = script(tmp_path, (SIMPLE % ('users = 100, duration = "10s"', 'pelt.http.get("/")')).replace(
        "    load", '    pacing = "500ms",\n    load'))
    done = preflight(path)
    assert done.report["forecast"]["plan_iterations_per_s"] == pytest.approx(200)
    assert done.report["fits"]


def test_the_loads_of_a_mix_are_measured_together_each_with_its_pauses(tmp_path):
    path = script(tmp_path, """
local pelt = require "pelt"
local http = pelt.http
return {
    target = "http://127.0.0.1:9",
    think = "2s",
    load = pelt.load.mix {
        one = { users = 10, duration = "10s", iteration = function() http.get("/a") end },
        three = { users = 10, duration = "10s", iteration = function() http.get("/a") http.get("/b") http.get("/c") end },
        feed = { rate = "5/s", duration = "10s", iteration = function() http.get("/a") end },
    },
}
""")
    report = preflight(path).report
    assert report["forecast"]["plan_iterations_per_s"] == pytest.approx(15), "20 users who think 2 s, and 5/s"
    assert report["forecast"]["plan_users"] == 21
    assert 1.2 < report["measured"]["requests_per_iteration"] < 2.5, "all of them ran"


@pytest.mark.variant
def test_a_think_function_is_added_up(tmp_path):
    path = script(tmp_path, (SIMPLE % ('users = 10, duration = "10s"', 'pelt.http.get("/")')).replace(
        "    load", '    think = function(user) return "2s" end,\n    load'))
    assert preflight(path).report["measured"]["pause_s_per_iteration"] == pytest.approx(2, rel=0.05)


@pytest.mark.one_thread
def test_shared_connections_take_no_descriptor_a_user(tmp_path):
    done = preflight(simple(tmp_path), "--connections", 4)
    assert done.report["measured"]["descriptors_per_user"] == 0
    assert done.limits["descriptors"]["users"] is None


@pytest.mark.one_thread
def test_users_who_leave_at_once_are_measured_by_what_they_did(tmp_path):
    done = preflight(simple(tmp_path, body='pelt.http.get("/") user:stop()'))
    assert done.report["measured"]["iterations"] > 0


# ---- what cannot be ----


@pytest.mark.one_thread
@pytest.mark.parametrize("options, words", [
    (("--out", "csv=x"), ("csv=x", "json=PATH")),
    (("--out", "json=nowhere/x.json"), ("nowhere",)),
    (("--answer", "@missing.json"), ("--answer", "missing.json", "No such file")),
    (("--answer",), ("--answer", "TEXT")),
    (("--run-file", "x.pelt"), ("--run-file", "pelt run", "not of pelt preflight")),
    (("--treads", "1"), ("--treads", "did you mean --threads")),
    (("--rate", "5"), ("5/s",)),
    (("--rate", "5/s"), ("number of users",)),
])
def test_bad_options_are_one_line(tmp_path, options, words):
    done = pelt("preflight", simple(tmp_path), *options, cwd=tmp_path)
    assert done.code == USAGE and done.out == "", done.told()
    assert len(done.err.splitlines()) == 1 and all(word in done.err for word in words), done.told()


def test_a_scenario_without_load_and_one_that_is_missing(tmp_path):
    path = script(tmp_path, "return { iteration = function() end }")
    done = pelt("preflight", path, cwd=tmp_path)
    assert done.code == USAGE and "has no load" in done.err, done.told()
    done = pelt("preflight", "missing.lua", cwd=tmp_path)
    assert done.code == USAGE and "missing.lua" in done.err, done.told()


@pytest.mark.one_thread
def test_a_setup_that_needs_an_answer_says_how_to_give_it(tmp_path):
    path = script(tmp_path, SIMPLE.replace("    load", '    setup = function() local t = pelt.http.get("/"):json("/a").b end,\n'
                                           "    load") % ('users = 1, duration = "1s"', ""))
    done = pelt("preflight", path, cwd=tmp_path)
    assert done.code == USAGE and "setup: " in done.err and "--answer" in done.err, done.told()
    assert preflight(path, "--answer", '{"a": {"b": 1}}').report["measured"]["iterations"] > 0


# ---- its end ----


def children_of(pid):
    return subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def started(tmp_path):
    """preflight under way, and the pid of its null server."""
    running = Running("preflight", simple(tmp_path), "--out", f"json={tmp_path}/p.json", cwd=tmp_path)
    deadline = time.monotonic() + 20
    while not (children := children_of(running.process.pid)):
        assert time.monotonic() < deadline and running.process.poll() is None
        time.sleep(0.02)
    time.sleep(0.5)
    return running, children[0]


@pytest.mark.parametrize("number, code", [(signal.SIGINT, SIGINT_CODE), (signal.SIGTERM, SIGTERM_CODE)])
def test_a_signal_ends_it_and_its_server(tmp_path, number, code):
    running, server = started(tmp_path)
    running.signal(number)
    done = running.wait(timeout=20)
    assert done.code == code and done.out == "" and "stopped" in done.err, done.told()
    assert not alive(server) and not (tmp_path / "p.json").exists()


def test_the_server_ends_with_a_killed_pelt(tmp_path):
    running, server = started(tmp_path)
    running.process.kill()
    running.process.communicate()
    deadline = time.monotonic() + 10
    while alive(server):
        assert time.monotonic() < deadline, "the null server lives on"
        time.sleep(0.05)
