"""Kinds of load against the truth: what the report says of users and starts in each second, and what the server saw, equal
the plan as these tests work it out by hand."""
import json
import random
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from program import PASSED, ROOT, SLOW, STARTS_MOVED, USAGE, if_quiet, in_a_quiet_moment, outcomes_add_up, pelt, run

pytestmark = pytest.mark.sanitize
THREADS = pytest.mark.parametrize("threads", [pytest.param(1, marks=pytest.mark.one_thread), 2])

SCENARIO = """
local pelt = require "pelt"
local http = pelt.http
local function get(path) return function() http.get(path) pelt.sleep("20ms") end end
return {{ load = {load}, {rest} }}
"""
ITERATION = 'iteration = get("/api/status")'


def write(folder, load, rest=ITERATION):
    path = folder / "kind.lua"
    path.write_text(SCENARIO.format(load=load, rest=rest))
    return path


def seconds_of(done, key, length):
    rows = {row["t"]: row[key] for row in done.report["seconds"]}
    return [rows.get(t, 0) for t in range(length)]


# A load for users with what each second's end has by hand, and the same for arrivals with what starts within it.
# Of a level that changes within a second, users are rounded to the nearest, arrivals are the area.
LOADS = {
    "sustained": ('sustained {{ {level}, duration = "5s", ramp = "2s", ramp_down = "2s" }}',
                  [4, 8, 8, 4, 0], [2, 6, 8, 6, 2]),
    "burst": ('burst {{ base = {base}, peak = {peak}, every = "2s", length = "1s", duration = "4s", first = "1s" }}',
              [2, 8, 2, 8], [2, 8, 2, 8]),
    "benchmark": ('benchmark {{ {level}, warmup = "1s", trials = 2, duration = "1s", pause = "1s" }}',
                  [8, 8, 0, 8], [8, 8, 0, 8]),
    "stages": ('stages {{ {{ duration = "2s", {level} }}, {{ duration = "1s", {level} }}, {{ duration = "1s", {none} }} }}',
               [4, 8, 8, 0], [2, 6, 8, 4]),
    "ramp": ('ramp {{ to = {peak}, duration = "2s", hold = "1s" }}', [4, 8, 8], [2, 6, 8]),
    "steady": ('{simple} {{ {level}, duration = "2s" }}', [8, 8], [8, 8]),
}
RATE = 10  # arrivals a second where users are counted in ones


def side_by_side(check):
    """check(kind) of each kind at once: none of them is more than a few requests at a time."""
    with ThreadPoolExecutor(3 if SLOW else len(LOADS)) as pool:
        return dict(zip(LOADS, pool.map(check, LOADS), strict=True))


def written(tmp_path, **words):
    """The scenario of each kind, in a folder of its own."""
    folders = {kind: tmp_path / kind for kind in LOADS}
    for kind, folder in folders.items():
        folder.mkdir()
        write(folder, "pelt.load." + LOADS[kind][0].format(**words))
    return folders


@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.slow
@THREADS
def test_users_are_the_plans(target, tmp_path, threads):
    folders = written(tmp_path, level="users = 8", none="users = 0", base="2", peak="8", simple="users")
    url = target().url

    def users_of(kind):
        done = run("kind.lua", "--target", url, "-t", threads, cwd=folders[kind])
        assert done.code == PASSED, (kind, done.told())
        outcomes_add_up(done.report)
        return seconds_of(done, "users", len(LOADS[kind][1]))

    def check(attempt):
        for kind, seen in side_by_side(users_of).items():
            users = LOADS[kind][1]
            if_quiet(all(abs(a - b) <= 1 for a, b in zip(seen, users, strict=True)), (kind, seen, users))

    in_a_quiet_moment(check)


@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.slow
@THREADS
def test_starts_are_the_plans_and_the_server_saw_them(target, tmp_path, threads):
    folders = written(tmp_path, level='rate = "80/s"', none='rate = "0/s"', base='"20/s"', peak='"80/s"', simple="rate")
    servers = {kind: target() for kind in LOADS}

    def starts_of(kind):
        before = servers[kind].count()["total"]
        done = run("kind.lua", "--target", servers[kind].url, "-t", threads, cwd=folders[kind])
        assert done.code == PASSED, (kind, done.told())
        planned = [RATE * n for n in LOADS[kind][2]]
        total = done.report["totals"]["started"]
        # Where the area is no whole number at an edge, an arrival lies on the other side of it.
        assert abs(total - sum(planned)) <= 1, (kind, total, planned)
        assert servers[kind].settled_count()["total"] - before == total, kind
        return seconds_of(done, "started", len(planned)), planned

    def check(attempt):
        for kind, (seen, planned) in side_by_side(starts_of).items():
            if_quiet(SLOW or all(abs(a - b) <= STARTS_MOVED for a, b in zip(seen, planned, strict=True)), (kind, seen, planned))

    in_a_quiet_moment(check)


def chi_squared(counts, weights):
    all_counts, all_weights = sum(counts), sum(weights)
    return sum((n - all_counts * w / all_weights) ** 2 / (all_counts * w / all_weights) for n, w in zip(counts, weights))


@pytest.mark.parametrize("loop", ['users = 8, iterations = 3000', 'rate = "1000/s", duration = "3s"'])
def test_the_mix_of_tasks_is_that_of_their_weights(target, tmp_path, loop):
    """With a fixed seed it is the same mix each time: 11.34 is exceeded by 1 of 100 seeds (3 degrees of freedom)."""
    weights = {"/health": 70, "/api/models": 15, "/api/status": 10, "/work": 5}
    tasks = ", ".join(f'{{ name = "{path}", weight = {w}, run = function() http.get("{path}") end }}'
                      for path, w in weights.items())
    path = write(tmp_path, f"{{ {loop} }}", f"tasks = {{ {tasks} }}")
    counted = []
    for threads in (1, 2):
        server = target()
        done = run(path, "--target", server.url, "--seed", 5, "-t", threads, cwd=tmp_path)
        counts = server.settled_count()["paths"]
        counted.append([counts.get(p, 0) for p in weights])
        assert sum(counted[-1]) == 3000 == done.report["totals"]["started"], done.told()
        assert chi_squared(counted[-1], weights.values()) < 11.34, counted[-1]
    if "rate" in loop:
        assert counted[0] == counted[1], "what an arrival does is drawn by the seed alone"


MIX = """pelt.load.mix {
    chat = { users = 3, duration = "3s", tasks = { "chat", "health" } },
    feed = { rate = "40/s", start = "1s", duration = "1s", iteration = function() http.get("/api/models") end },
    after = { users = 2, start_after = "feed", duration = "1s", iteration = get("/work") },
}"""
MIX_TASKS = 'tasks = { { name = "chat", run = get("/api/status") }, { name = "health", weight = 3, run = get("/health") } }'


@pytest.mark.alone
@pytest.mark.idle
@THREADS
def test_several_loads_run_side_by_side_each_with_its_tasks(target, tmp_path, threads):
    path = write(tmp_path, MIX, MIX_TASKS)

    def check(attempt):
        server = target()
        done = run(path, "--target", server.url, "-t", threads, cwd=tmp_path)
        assert done.code == PASSED, done.told()
        outcomes_add_up(done.report)
        paths = server.settled_count()["paths"]
        assert {p for p, n in paths.items() if n} == {"/api/status", "/health", "/api/models", "/work"}, paths
        assert paths["/api/models"] == 40
        assert sum(paths.values()) == done.report["totals"]["started"]
        assert server.stop() == 0
        first = server.requests()[0]["begin_ns"]
        begun = {p: [(r["begin_ns"] - first) / 1e9 for r in server.requests() if r["path"] == p] for p in paths if paths[p]}
        users = seconds_of(done, "users", 3)
        if_quiet(users[0] == 3 and users[2] >= 5, users)
        if_quiet(abs(begun["/api/models"][0] - 1) < 0.1 and begun["/api/models"][-1] < 2.1, begun["/api/models"])
        if_quiet(abs(begun["/work"][0] - 2) < 0.1 and begun["/work"][-1] < 3.1, begun["/work"])
        if_quiet(begun["/health"][0] < 0.1 and 2.8 < begun["/health"][-1] < 3.1, begun["/health"][-1])

    in_a_quiet_moment(check)


def test_the_users_of_several_loads_have_ids_and_rows_of_their_own(target, tmp_path):
    """Whatever the number of threads: each user and each arrival takes the row that is its own."""
    (tmp_path / "rows.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(40)))
    load = """pelt.load.mix {
        a = { users = 3, iterations_per_user = 1 }, b = { users = 2, iterations_per_user = 1 },
        c = { rate = "100/s", duration = "50ms" }, d = { rate = "100/s", duration = "30ms" },
    }"""
    rest = """iteration = function(user) http.get("/health") print("took", rows:next().n) end"""
    for threads in (1, 2):
        path = write(tmp_path, load, rest)
        path.write_text(path.read_text().replace("\nreturn", '\nlocal rows = pelt.data.csv("rows.csv")\nreturn', 1))
        done = pelt("run", path, "--target", target().url, "-t", threads, "--no-run-file", "--allow-invalid", cwd=tmp_path)
        took = sorted((int(row), int(user)) for user, row in re.findall(r"user (\d+): took\t(\d+)", done.err))
        assert [row for row, _ in took] == list(range(13)), done.told()
        assert took[:5] == [(n, n) for n in range(5)], took
        assert all(user >= 5 for _, user in took[5:]), took


@pytest.mark.one_thread
def test_options_that_several_loads_cannot_have_are_refused_by_name(tmp_path):
    path = write(tmp_path, MIX, MIX_TASKS)
    for option, value in {"--users": 5, "--rate": "5/s", "--iterations": 5, "--ramp": "1s"}.items():
        done = pelt("run", path, option, value, cwd=tmp_path)
        assert done.code == USAGE and f"{option}: " in done.err and "3 loads side by side" in done.err, done.told()


# ---- replay ----

def access_log(folder, offsets):
    """Lines out of order, as a server writes them when requests end; times are whole seconds."""
    drawn = random.Random(4)
    lines = [f'10.0.0.1 - - [10/Oct/2023:13:55:{30 + s:02d} +0200] "GET /work?n={i} HTTP/1.1" 200 5 "-" "x"'
             for i, s in enumerate(offsets)]
    drawn.shuffle(lines)
    lines[3:3] = ["no request", ""]
    path = folder / "access.log"
    path.write_text("\n".join(lines) + "\n")
    return path


@THREADS
def test_a_replayed_log_comes_when_it_came(target, tmp_path, threads):
    offsets = [0] * 4 + [1] * 9 + [3] * 2
    access_log(tmp_path, offsets)
    path = write(tmp_path, 'pelt.load.replay("access.log", { speed = 2 })', "")

    def check(attempt):
        server = target()
        done = run(path, "--target", server.url, "-t", threads, cwd=tmp_path)
        assert done.code == PASSED, done.told()
        assert "1 of 16 lines are no request and are left out; the first is line 4" in done.err, done.told()
        assert server.stop() == 0
        seen = server.requests()
        assert sorted(r["path"] for r in seen) == ["/work"] * 15
        first = seen[0]["begin_ns"]
        at = [(r["begin_ns"] - first) / 1e9 for r in seen]
        due = [0, 1 / 4, 2 / 4, 3 / 4] + [1 + n / 9 for n in range(9)] + [3, 3.5]
        if_quiet(all(abs(a - b / 2) < 0.05 for a, b in zip(at, due, strict=True)), at)

    in_a_quiet_moment(check)


@pytest.mark.one_thread
def test_a_trace_of_json_lines_says_what_to_send(target, tmp_path):
    rows = [
        {"t": 1000.25, "method": "POST", "path": "/api/chat", "body": json.dumps({"message": "hello"}),
         "headers": {"Content-Type": "application/json"}},
        {"t": "1970-01-01T00:16:40Z", "path": "/health"},
    ]
    (tmp_path / "trace.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    server = target()
    done = run(write(tmp_path, 'pelt.load.replay("trace.jsonl")', ""), "--target", server.url, cwd=tmp_path)
    assert done.code == PASSED and done.report["totals"]["outcomes"] == {"ok": 2}, done.told()
    assert server.stop() == 0
    seen = server.requests()
    assert [r["path"] for r in seen] == ["/health", "/api/chat"]


def test_a_script_takes_the_row_of_its_arrival(target, tmp_path):
    access_log(tmp_path, list(range(3)))
    path = tmp_path / "kind.lua"
    path.write_text("""
local pelt = require "pelt"
local trace = pelt.load.replay("access.log", { speed = 10 })
return { load = trace, iteration = function()
    local row = trace:next()
    pelt.http.request(row.method, "/as" .. row.path .. "&t=" .. row.t, { name = "replayed", expect = 404 })
end }
""")
    server = target()
    for threads in (1, 2):
        done = run(path, "--target", server.url, "-t", threads, cwd=tmp_path)
        assert done.code == PASSED and done.report["totals"]["started"] == 3, done.told()
    done = run(path, "--target", server.url, "--rate", "5/s", cwd=tmp_path)
    assert done.code == USAGE and "a trace with times of its own" in done.err, done.told()


# ---- going ----

def test_users_are_told_when_the_plan_wants_them_no_more(target, tmp_path):
    """Iterations that last until they are told to end: with the ramp-down, and at the load's end, long before the grace."""
    path = write(tmp_path, '{ users = 4, duration = "2s", ramp_down = "1s", grace = "20s" }', """
    iteration = function(user)
        http.get("/health")
        while not pelt.stopping() do pelt.sleep("20ms") end
    end,
    user_exit = function() http.get("/work") end""")
    server = target()
    done = run(path, "--target", server.url, "-t", 2, cwd=tmp_path)
    assert done.code == PASSED and done.seconds < 12, done.told()
    assert server.stop() == 0
    left = [r["begin_ns"] for r in server.requests() if r["path"] == "/work"]
    first = server.requests()[0]["begin_ns"]
    assert len(left) == 4
    assert (left[0] - first) / 1e9 < (left[-1] - first) / 1e9 - 0.3, "they leave one after the other"


# ---- what docs/SCENARIOS.md shows ----

def examples(section):
    text = (ROOT / "docs/SCENARIOS.md").read_text().split(f"\n### {section}\n", 1)[1].split("\n##", 1)[0]
    return re.findall(r"```lua\n(.*?)```", text, re.S)


@pytest.mark.one_thread
def test_the_documented_mix_and_replays_run(target, tmp_path):
    url = target().url
    access_log(tmp_path, [0, 1])
    (tmp_path / "trace.jsonl").write_text('{"t": 1, "path": "/models"}\n{"t": 1.5, "path": "/status"}\n')
    replays = examples("Replay: the requests of a trace")
    for source in (*examples("Several loads side by side"), 'local pelt = require "pelt"\n' + replays[0], replays[1]):
        path = tmp_path / "shown.lua"
        path.write_text(source)
        done = run(path, "--target", url, cwd=tmp_path)
        assert done.code == PASSED, (source, done.told())
        assert done.report["totals"]["outcomes"].keys() == {"ok"}, (source, done.told())


@pytest.mark.one_thread
@pytest.mark.parametrize("section", ["Sustained: does anything change meanwhile?",
                                     "Burst: what do spikes do, and how long is recovery?", "Benchmark: a figure to compare"])
def test_the_documented_loads_are_loads(tmp_path, section):
    lines = re.findall(r"^load = .*$", "\n".join(examples(section)), re.M)
    assert lines
    for line in lines:
        path = tmp_path / "shown.lua"
        path.write_text(f'local pelt = require "pelt"\nreturn {{ {line}, iteration = print }}\n')
        done = pelt("check", path, cwd=tmp_path)
        assert done.code == PASSED, (line, done.told())
