"""A user's life: user_init and user_exit, iterations as the end of a run, pacing and think time, groups. What pelt says is held
against what pelt-target counted."""
import http.server
import json
import re
import signal
import threading
import time

import pytest

from program import MISSED, PASSED, ROOT, SIGINT_CODE, USAGE, Running, bench, if_quiet, in_a_quiet_moment, outcomes_add_up, pelt, run

HEAD = """
local pelt = require "pelt"
local http, check = pelt.http, pelt.check
"""
sanitize = pytest.mark.sanitize
threads = pytest.mark.parametrize("threads", (1, 4))


@pytest.fixture
def instance(target):
    return target()


@pytest.fixture
def scenario(tmp_path):
    """scenario(text) writes it to a file, with the usual first lines."""
    def write(text):
        path = tmp_path / "life.lua"
        path.write_text(HEAD + text)
        return path
    return write


def started(report):
    return {row["name"]: row["started"] for row in report["requests"]}


# ---- iterations as the end ----


@sanitize
@threads
@pytest.mark.parametrize("users, count", ((3, 1), (7, 1000), (64, 1001)))
def test_a_shared_budget_is_met_exactly(instance, tmp_path, scenario, threads, users, count):
    path = scenario(f"""return {{
      load = {{ users = {users}, iterations = {count} }},
      iteration = function(user) http.get("/api/status") end,
    }}""")
    done = run(path, "--target", instance.url, "-t", threads, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert done.report["totals"]["started"] == count == instance.count()["total"], done.told()
    assert done.report["run"]["duration_s"] < 30
    outcomes_add_up(done.report)


@sanitize
@threads
def test_a_budget_a_user_is_met_exactly_by_each(instance, tmp_path, scenario, threads):
    path = scenario("""return {
      load = { users = 9, ramp = "200ms", iterations_per_user = 7 },
      iteration = function(user) http.get("/api/status", { name = "user " .. user.id }) end,
    }""")
    done = run(path, "--target", instance.url, "-t", threads, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert started(done.report) == {f"user {i}": 7 for i in range(9)}
    assert instance.count()["total"] == 63


@sanitize
@threads
def test_a_rate_ends_after_its_arrivals(instance, tmp_path, scenario, threads):
    path = scenario("""return {
      load = { rate = "500/s", iterations = 101, arrivals = "poisson" },
      iteration = function() http.get("/api/status") end,
    }""")
    done = run(path, "--target", instance.url, "-t", threads, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert done.report["totals"]["started"] + done.report["totals"]["dropped"] == 101
    assert instance.count()["total"] == 101
    assert done.report["run"]["duration_s"] < 10
    assert not [why for why in done.report["verdict"]["reasons"] if "planned arrivals" in why], done.told()


@sanitize
@threads
def test_bench_sends_so_many_requests(instance, tmp_path, threads):
    done = bench(instance.url + "/api/status", "-n", "777", "-c", "5", "-t", threads, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert done.report["totals"]["started"] == 777 == instance.count()["total"]
    fewer = bench(instance.url + "/api/status", "-n", "3", "-c", "50", "-t", threads, cwd=tmp_path)
    assert fewer.report["totals"]["started"] == 3 == instance.count()["total"] - 777


@sanitize
def test_whichever_comes_first_ends_the_run(instance, tmp_path, scenario):
    path = scenario("""return {
      load = { users = 2, duration = "300ms", iterations = 1000000 },
      iteration = function() http.get("/api/status") pelt.sleep("10ms") end,
    }""")
    by_time = run(path, "--target", instance.url, cwd=tmp_path)
    assert by_time.code == PASSED and by_time.report["run"]["duration_s"] == 0.3, by_time.told()
    by_count = run(path, "--target", instance.url, "--iterations", "5", "-d", "60s", cwd=tmp_path)
    assert by_count.report["totals"]["started"] == 5 and by_count.report["run"]["duration_s"] < 30, by_count.told()


# ---- user_init and user_exit ----

LIVES = """return {
  load = %s,
  user_init = function(user, data)
    user.token = http.get("/api/status", { name = "login" }).status + data.offset
    assert(user.iteration == 0)
  end,
  iteration = function(user)
    assert(user.token == 1200)
    http.get("/api/status", { name = "work" })
  end,
  user_exit = function(user, data)
    assert(user.token == 1200 and data.offset == 1000)
    http.get("/api/status", { name = "logout" })
  end,
  setup = function() return { offset = 1000 } end,
}"""


@sanitize
@threads
@pytest.mark.parametrize("load, users", (
    ('{ users = 20, duration = "400ms" }', 20),
    ('{ users = 20, iterations_per_user = 5 }', 20),
    ('{ users = 150, iterations = 500 }', None),
    ('{ stages = { { duration = "200ms", users = 20, from = 20 }, { duration = "300ms", users = 1 } } }', 20),
    ('{ rate = "200/s", duration = "400ms" }', None),
    ('{ rate = "200/s", duration = "400ms", iterations_per_user = 1 }', 80),
))
def test_every_user_that_came_leaves(instance, tmp_path, scenario, threads, load, users):
    done = run(scenario(LIVES % load), "--target", instance.url, "-t", threads, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    names = started(done.report)
    assert names["login"] == names["logout"] > 0 and names["work"] > 0, names
    if users is not None:
        assert names["login"] == users
    assert done.report["totals"]["started"] == sum(names.values()) == instance.count()["total"]


@sanitize
def test_users_leave_after_the_first_ctrl_c(instance, tmp_path, scenario):
    report = tmp_path / "report.json"
    running = Running("run", scenario(LIVES % '{ users = 20, duration = "60s" }'), "--target", instance.url, "--quiet",
                      "--no-run-file", "--out", f"json={report}", cwd=tmp_path)
    while instance.count()["total"] < 50:
        time.sleep(0.01)
    running.signal(signal.SIGINT)
    done = running.wait()
    assert done.code == SIGINT_CODE, done.told()
    names = started(json.loads(report.read_text()))
    assert names["login"] == names["logout"] == 20


@sanitize
def test_exits_beyond_the_grace_period_are_given_up_and_told(instance, tmp_path, scenario):
    path = scenario("""return {
      load = { users = 3, duration = "200ms", grace = "200ms" },
      iteration = function() pelt.sleep("20ms") end,
      user_exit = function() pelt.sleep("1h") end,
    }""")
    done = pelt("run", path, "--no-run-file", "--allow-invalid", cwd=tmp_path)
    assert done.seconds < 10
    assert "user_exit of 3 users did not run, or not to its end: the grace period was over" in done.told()


@sanitize
@threads
def test_a_user_whose_init_fails_runs_nothing_and_others_go_on(instance, tmp_path, scenario, threads):
    path = scenario("""return {
      load = { users = 10, iterations_per_user = 3 },
      user_init = function(user) if user.id % 2 == 0 then error("no account") end end,
      iteration = function(user) http.get("/api/status", { name = "user " .. user.id }) end,
    }""")
    done = run(path, "--target", instance.url, "-t", threads, cwd=tmp_path)
    assert done.code == USAGE, done.told()
    assert started(done.report) == {f"user {i}": 3 for i in range(1, 10, 2)}
    assert any("life.lua:6: no account" in reason for reason in done.report["result"]["reasons"]), done.told()
    allowed = run(path, "--target", instance.url, "--allow-script-errors", cwd=tmp_path)
    assert allowed.code == PASSED, allowed.told()


@sanitize
def test_an_error_in_user_exit_is_a_script_error(instance, tmp_path, scenario):
    path = scenario("""return {
      load = { users = 2, iterations = 4 },
      iteration = function() http.get("/api/status") end,
      user_exit = function() local t = nil; return t.x end,
    }""")
    done = run(path, "--target", instance.url, "-t", "1", cwd=tmp_path)
    assert done.code == USAGE, done.told()
    assert done.err.count("script: error:") == 1 and "life.lua:7: attempt to index a nil" in done.err, done.told()
    assert done.report["totals"]["started"] == 4


@sanitize
def test_check_once_shows_the_whole_life(instance, tmp_path, scenario):
    done = pelt("check", scenario(LIVES % '{ users = 20, duration = "1s" }'), "--once", "--target", instance.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert "user_init" in done.out and "user_exit" in done.out
    assert instance.count()["total"] == 3


# ---- pacing and think time ----


@pytest.mark.alone
@pytest.mark.idle
@threads
def test_pacing_is_from_start_to_start(tmp_path, target, scenario, threads):
    path = scenario("""return {
      load = { users = 4, duration = "1050ms" }, pacing = "100ms",
      iteration = function(user) http.get("/api/status") pelt.sleep(user.rng:uniform("1ms", "60ms")) end,
    }""")

    def check(attempt):
        instance = target()
        done = run(path, "--target", instance.url, "-t", threads, cwd=tmp_path)
        assert done.code == PASSED, done.told()
        if_quiet(done.report["totals"]["started"] == 44, done.told())
        instance.stop()
        begins = [request["begin_ns"] / 1e6 for request in instance.requests()]
        for i, at in enumerate(begins):  # four at a time
            if_quiet(abs(at - begins[0] - 100 * (i // 4)) < 10, begins)
    in_a_quiet_moment(check)


@sanitize
def test_late_pacing_goes_on_at_once_and_is_told(instance, tmp_path, scenario):
    path = scenario("""return {
      load = { users = 2, iterations_per_user = 5 }, pacing = "20ms",
      iteration = function() http.get("/api/status") pelt.sleep("50ms") end,
    }""")
    done = pelt("run", path, "--target", instance.url, "--no-run-file", "--allow-invalid", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert "8 of 8 iterations started late: the ones before took longer than the pacing of 20ms" in done.told()


@sanitize
def test_who_thinks_longer_than_the_pacing_is_not_late(instance, tmp_path, scenario):
    path = scenario("""return {
      load = { users = 2, iterations_per_user = 4 }, pacing = "200ms", think = "300ms",
      iteration = function() http.get("/api/status") end,
    }""")

    def check(_):
        done = pelt("run", path, "--target", instance.url, "--no-run-file", "--allow-invalid", cwd=tmp_path)
        assert done.code == PASSED, done.told()
        if_quiet("started late" not in done.told(), done.told())

    in_a_quiet_moment(check)


@sanitize
def test_think_time_lies_between_iterations_and_in_no_figure(instance, tmp_path, scenario):
    path = scenario("""return {
      load = { users = 2, iterations_per_user = 4 },
      think = function(user) return user.rng:uniform("100ms", "120ms") end,
      iteration = function() http.get("/api/status") end,
    }""")

    def check(_):
        done = run(path, "--target", instance.url, "--threshold", "iteration max < 100ms", cwd=tmp_path)
        assert done.code in (PASSED, MISSED), done.told()
        assert done.report["totals"]["started"] == 8
        assert 0.3 <= done.report["run"]["duration_s"], done.told()
        if_quiet(done.code == PASSED, done.told())

    in_a_quiet_moment(check)


# ---- groups ----


ORDER = HEAD + """
local weights = {}
for i = 1, 40 do weights["k" .. i] = i end
return {
  load = { users = 1200, iterations_per_user = 1 },
  iteration = function()
    local names = {}
    for name in pairs(weights) do names[#names + 1] = name end
    http.get("/echo?" .. table.concat(names, "-", 1, 10), { name = table.concat(names, "-") })
  end,
}
"""


def test_pairs_has_one_order_in_all_states_and_runs(instance, tmp_path, scenario):
    """1,200 users are three states on one thread, four on four. Not under sanitizers, which take Lua's shared library."""
    orders = {row["name"] for threads in (1, 4)
              for row in run(scenario(ORDER), "--target", instance.url, "-t", threads, cwd=tmp_path).report["requests"]}
    assert len(orders) == 1, orders


@sanitize
@threads
def test_requests_in_a_group_bear_its_name(instance, tmp_path, scenario, threads):
    path = scenario("""return {
      load = { users = 300, iterations_per_user = 2 },
      iteration = function(user)
        http.get("/api/status")
        local a, b = pelt.group("shop", function(x)
          http.get("/api/status")
          pelt.group("cart", function() http.get("/api/status", { name = "add" }) end)
          pcall(pelt.group, "broken", function() error("x") end)
          http.get("/api/status", { name = "look" })
          return x, "b"
        end, "a")
        assert(a == "a" and b == "b")
        http.get("/api/status")
      end,
    }""")
    done = run(path, "--target", instance.url, "-t", threads, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert started(done.report) == {"GET /api/status": 1200, "shop / GET /api/status": 600, "shop / cart / add": 600,
                                    "shop / look": 600}


# ---- mistakes ----


@sanitize
@pytest.mark.parametrize("text, says", (
    ("return { load = { users = 1, iteration = 5 }, iteration = function() end }", "did you mean 'iterations'?"),
    ("return { load = { users = 1, iterations = 0 }, iteration = function() end }", "load.iterations: a whole number above 0"),
    ("return { load = { users = 1 }, iteration = function() end }", "iterations = 1000"),
    ("return { load = { users = 1, duration = 1 }, iterations = 5, iteration = function() end }", "belongs into load"),
    ("return { load = { users = 1, duration = 1, pacing = 1 }, iteration = function() end }", "belongs beside load"),
    ("return { load = { rate = '1/s', duration = 1 }, think = 1, iteration = function() end }", "think: it is for users"),
    ("return { load = { users = 1, duration = 1 }, user_ini = 1, iteration = function() end }", "did you mean 'user_init'?"),
    ("return { load = { users = 1, duration = 1 }, taskz = {} }", "did you mean 'tasks'?"),
    ("return { load = { users = 1, duration = 1 }, user_exit = 1, iteration = function() end }", "user_exit: a function"),
    ("return { load = pelt.load.ramp { to = 5, duration = 1, curve = 'exponential' }, iteration = function() end }", "from = 1"),
    ("return { load = { users = 1, duration = 1 }, iteration = function() end, thresholds = { 'http_respons p95 < 1s' } }",
     "http_response"),
))
def test_mistakes_are_told_by_check_with_the_nearest(tmp_path, scenario, text, says):
    done = pelt("check", scenario(text), cwd=tmp_path)
    first, *traceback = done.err.splitlines()
    assert done.code == USAGE and says in first, done.told()
    assert not traceback or traceback[0] == "stack traceback:", done.told()


@sanitize
def test_a_threshold_on_a_name_one_letter_off_is_told(tmp_path, scenario):
    path = scenario("""return {
      load = { users = 1, duration = 1 },
      iteration = function(user)
        pelt.group("cart", function() http.get("/x", { name = "chat" }) end)
        http.get("/" .. user.id, { name = "user " .. user.id })
      end,
      thresholds = { "requests{cart / chatt} count > 1", "requests{cart / chat} count > 1", "requests{GET /ex} count > 1",
                     { metric = "requests", name = "kart", stat = "count", min = 1 }, "requests{quite another} count > 1" },
    }""")
    done = pelt("check", path, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert [re.search('the name "(.*)" stands nowhere .*did you mean "(.*)"', line).groups() for line in done.err.splitlines()] == \
        [("chatt", "chat"), ("kart", "cart")], done.told()


# ---- what docs/SCENARIOS.md shows ----


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, self.headers.get("Authorization")))
        body = b'{"token": "secret", "order": 7}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def service():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.seen = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def shown(heading):
    """The first Lua example below the heading."""
    text = (ROOT / "docs/SCENARIOS.md").read_text().split(f"\n{heading}\n", 1)[1]
    return re.search(r"```lua\n(.*?)```", text, re.S).group(1)


def test_the_life_shown_is_lived(service, tmp_path, scenario):
    path = scenario("return { load = { users = 3, duration = '1s' },\n" + shown("### A user's life") + "}")
    done = run(path, "--target", service.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert sorted(service.seen) == [("GET", "/me", "Bearer secret")] * 3 + [("POST", "/login", None)] * 3 + \
        [("POST", "/logout", None)] * 3


def test_the_groups_shown_have_the_names_shown(service, tmp_path, scenario):
    path = scenario("return { load = { users = 2, iterations = 5 }, iteration = function(user)\n" + shown("## Groups") +
                    "assert(order == 7) end }")
    done = run(path, "--target", service.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert started(done.report) == {"checkout / GET /cart": 5, "checkout / pay": 5}


def test_each_load_shown_is_one(tmp_path, scenario):
    lines = [line for line in shown("## Load").splitlines() if line.startswith("load = ")]
    assert len(lines) >= 6
    for line in lines:
        done = pelt("check", scenario("return { iteration = print,\n" + line + "\n}"), cwd=tmp_path)
        assert done.code == PASSED, line + done.told()
