"""Data rows and shared objects: the contract's formulas on one thread and on four, held against what the server was asked."""
import collections
import json
import re

import pytest

from program import PASSED, ROOT, USAGE, pelt, run

pytestmark = pytest.mark.sanitize

THREADS = [1, 4]

CLOSED = """
local pelt = require "pelt"
local rows = pelt.data.csv("rows.csv", {options})
return {{
  load = pelt.load.sustained {{ users = {users}, duration = "20s" }},
  iteration = function(user)
    local row = rows:next()
    echo(user.id, user.count or 0, row.id)
    user.count = (user.count or 0) + 1
    if user.count == {times} then user:stop() end
  end,
}}
"""

OPEN = """
local pelt = require "pelt"
local rows = pelt.data.csv("rows.csv", {options})
return {{
  load = pelt.load.rate {{ rate = "{rate}/s", duration = "{seconds}s", arrivals = "{arrivals}" }},
  iteration = function()
    local first, second = rows:next().id, rows:next().id
    echo(first, second)
  end,
}}
"""


def write_rows(tmp_path, count):
    text = "id,text\r\n" + "".join(f'{i},"row ""{i}"", the text"\r\n' for i in range(count))
    (tmp_path / "rows.csv").write_text(text)


# Tells the server some numbers, and the log what the server says that they were.
ECHO = """
local pelt = require "pelt"
local function echo(...)
  local r = pelt.http.post("/echo", { body = table.concat({ ... }, ",") })
  pelt.log("warning", "asked " .. r:json("/body"))
end
"""


def asked(done):
    """The numbers that each request to /echo carried."""
    return [tuple(map(int, line.split(","))) for line in re.findall(r"asked ([\d,]+)$", done.err, re.M)]


def drive(tmp_path, target, text, threads, code=PASSED, seed=7):
    server = target()
    path = tmp_path / "data.lua"
    path.write_text(ECHO + text)
    done = run(path, "--target", server.url, "-t", threads, "--seed", seed, cwd=tmp_path)
    assert done.code == code, done.told()
    got = asked(done)
    assert len(got) == server.count()["total"]
    return done, got


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("users, rows, times", [(10, 7, 5), (300, 1000, 4), (4, 1, 3)])
def test_turn_i_of_user_u_takes_row_u_plus_i_times_users(tmp_path, target, threads, users, rows, times):
    write_rows(tmp_path, rows)
    _, got = drive(tmp_path, target, CLOSED.format(options="nil", users=users, times=times), threads)
    assert sorted(got) == [(u, i, (u + i * users) % rows) for u in range(users) for i in range(times)]


@pytest.mark.parametrize("order", ["random", "shuffle"])
def test_drawn_rows_come_from_the_seed_not_from_threads(tmp_path, target, order):
    write_rows(tmp_path, 50)
    text = CLOSED.format(options=f'{{ order = "{order}" }}', users=20, times=10)
    (_, one), (_, four), (_, other) = (drive(tmp_path, target, text, threads, seed=seed)
                                       for threads, seed in ((1, 7), (4, 7), (1, 8)))
    assert sorted(one) == sorted(four)
    assert sorted(one) != sorted(other)
    times = collections.Counter(row for _, _, row in one)
    if order == "shuffle":  # 200 turns are four passes
        assert set(times.values()) == {4} and len(times) == 50
    else:
        assert len(times) > 40


@pytest.mark.parametrize("threads", THREADS)
def test_unique_rows_come_once_and_then_users_stop(tmp_path, target, threads):
    write_rows(tmp_path, 1003)
    done, got = drive(tmp_path, target, CLOSED.format(options='{ order = "unique" }', users=20, times=10**9), threads)
    assert sorted(row for _, _, row in got) == list(range(1003))
    assert all(row == u + i * 20 for u, i, row in got)
    assert done.seconds < 15, "the load ends when no user is left"


@pytest.mark.parametrize("threads", THREADS)
def test_unique_rows_that_run_out_can_be_an_error(tmp_path, target, threads):
    write_rows(tmp_path, 10)
    text = CLOSED.format(options='{ order = "unique", on_end = "error" }', users=4, times=10**9)
    text = text.replace('"20s"', '"1s"')
    done, got = drive(tmp_path, target, text, threads, code=USAGE)
    assert sorted(row for _, _, row in got) == list(range(10))
    assert re.search(r"data\.lua:13: .*rows\.csv: no row is left of 10", done.err), done.told()


@pytest.mark.parametrize("arrivals", ["uniform", "poisson"])
def test_in_open_loop_the_arrival_stands_for_the_user(tmp_path, target, arrivals):
    """Two rows an arrival: k and k + planned. The plan's arrivals are those that the run had."""
    write_rows(tmp_path, 10_000)
    text = OPEN.format(options="nil", rate=400, seconds=1, arrivals=arrivals)
    (_, one), (_, four) = (drive(tmp_path, target, text, threads) for threads in THREADS)
    planned = len(one)
    assert sorted(one) == [(k, k + planned) for k in range(planned)]
    assert sorted(one) == sorted(four)
    assert arrivals == "poisson" or planned == 400


@pytest.mark.parametrize("threads", THREADS)
def test_unique_rows_never_repeat_in_open_loop(tmp_path, target, threads):
    write_rows(tmp_path, 500)
    text = OPEN.format(options='{ order = "unique" }', rate=400, seconds=1, arrivals="uniform")
    _, got = drive(tmp_path, target, text, threads)
    assert sorted(got) == [(k, k + 400) for k in range(100)]


@pytest.mark.parametrize("threads", THREADS)
def test_rows_of_arrivals_are_the_same_if_users_take_one_first(tmp_path, target, threads):
    """Whoever serves: an arrival that finds nobody free makes a user, whose user_init takes the arrival's first row."""
    write_rows(tmp_path, 1000)
    _, got = drive(tmp_path, target, """
local rows = pelt.data.csv("rows.csv", { order = "unique" })
return {
  load = pelt.load.rate { rate = "100/s", duration = "1s" },
  user_init = function() echo(0, rows:next().id) end,
  iteration = function() echo(1, rows:next().id) pelt.sleep("100ms") end,
}
""", threads)
    entered = [row for of, row in got if of == 0]
    served = sorted(row for of, row in got if of == 1)
    assert served == list(range(100, 200))
    assert 0 < len(entered) < 100 and len(set(entered)) == len(entered) and set(entered) < set(range(100))


@pytest.mark.parametrize("threads", THREADS)
def test_shared_counter_and_queue_are_exact(tmp_path, target, threads):
    """Setup fills a queue, users empty it; the counter numbers what they took, teardown sees the sum."""
    text = """
local pelt = require "pelt"
local jobs, taken = pelt.shared.queue("jobs"), pelt.shared.counter("taken")
return {
  load = pelt.load.sustained { users = 20, duration = "20s" },
  setup = function() for i = 0, 999 do jobs:push { number = i } end end,
  iteration = function(user)
    local job = jobs:pop()
    if not job then return user:stop() end
    echo(job.number, taken:add(1))
  end,
  teardown = function() assert(taken:get() == 1000 and jobs:len() == 0) end,
}
"""
    _, got = drive(tmp_path, target, text, threads)
    assert sorted(job for job, _ in got) == list(range(1000))
    assert sorted(number for _, number in got) == list(range(1, 1001))


def test_the_end_of_unique_rows_is_told_once(tmp_path, target):
    write_rows(tmp_path, 10)
    path = tmp_path / "data.lua"
    path.write_text(ECHO + CLOSED.format(options='{ order = "unique" }', users=4, times=10**9))
    done = pelt("run", path, "--target", target().url, "-t", 4, "--allow-invalid", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert done.err.count("rows.csv: all 10 rows were taken: users that ask for one stop") == 1, done.told()


def test_memory_of_a_file_is_told_before_the_run(tmp_path, target):
    write_rows(tmp_path, 10_000)
    path = tmp_path / "data.lua"
    path.write_text(ECHO + CLOSED.format(options="nil", users=2, times=3))
    done = pelt("run", path, "--target", target().url, "-t", 2, "--allow-invalid", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    told = r"rows\.csv: 10000 rows of 2 columns, \d+(\.\d+)? KiB in memory"
    assert len(re.findall(r"data: .*" + told + ", read once for all threads", done.err)) == 1, done.told()
    checked = pelt("check", path, cwd=tmp_path)
    assert checked.code == PASSED and re.search(r"^data       .*" + told, checked.out, re.M), checked.told()


def test_data_that_nothing_uses_is_named(tmp_path, target):
    write_rows(tmp_path, 3)
    (tmp_path / "note.txt").write_text("a note")
    (tmp_path / "deal.lua").write_text("""local rows = require("pelt").data.csv("rows.csv")
return { next = function() return rows:next() end }
""")
    path = tmp_path / "data.lua"
    path.write_text("""local pelt = require "pelt"
local deal, rows = require "deal", pelt.data.csv("rows.csv")
local queue = pelt.shared.queue("jobs")
local note = pelt.file("note.txt")
return {
  load = { users = 1, duration = "1s" },
  iteration = function(user)
    if user.iteration == 1 then deal.next() end
    user:stop()
  end,
}
""")
    done = pelt("check", "--once", path, cwd=tmp_path)
    lines = done.err.splitlines()
    assert done.code == PASSED and len(lines) == 3, done.told()
    for line, (number, what) in zip(lines, [(2, 'pelt.data.csv("rows.csv")'), (3, 'pelt.shared.queue("jobs")'),
                                            (4, 'pelt.file("note.txt")')]):
        assert f"data.lua:{number}: {what} is opened and never used: " in line, done.told()
    assert re.search(r"^data       .*rows\.csv: no row was taken$", done.out, re.M), done.told()
    done = run(path, "--target", target().url, cwd=tmp_path)
    assert done.code == PASSED and done.err.count("is opened and never used") == 3, done.told()


BAD = {
    "no header": ("csv", "1,ann\n2,bob\n", ["rows.csv:1", "'1' is a number", "names the columns"]),
    "ragged": ("csv", "id,name\n1,ann\n2\n", ["rows.csv:3", "1 field", "names 2 (id,name)"]),
    "empty": ("csv", "", ["rows.csv", "is empty"]),
    "header only": ("csv", "id,name\n", ["rows.csv", "no rows"]),
    "UTF-16": ("csv", "\ufeffid,name\n".encode("utf-16"), ["rows.csv", "UTF-16", "UTF-8"]),
    "open quote": ("csv", 'id,name\n1,"ann\n', ["rows.csv:2", "never closes"]),
    "no list": ("json", '{"id": 1}\n', ["rows.json:1", "list of objects", "pelt.data.jsonl"]),
    "broken": ("jsonl", '{"id": 1}\n{"id": \n', ["rows.jsonl:2"]),
    "missing": ("csv", None, ["rows.csv", "No such file", "scenario's folder"]),
}


@pytest.mark.one_thread
@pytest.mark.parametrize("kind, content, words", BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_named_with_line_and_remedy(tmp_path, kind, content, words):
    if content is not None:
        (tmp_path / f"rows.{kind}").write_bytes(content if isinstance(content, bytes) else content.encode())
    path = tmp_path / "data.lua"
    path.write_text(f"""local pelt = require "pelt"
local rows = pelt.data.{kind}("rows.{kind}")
return {{ load = {{ users = 1, duration = "1s" }}, iteration = function() rows:next() end }}
""")
    done = pelt("run", path, cwd=tmp_path)
    assert done.code == USAGE and done.out == "", done.told()
    line = done.err.splitlines()[0]
    assert not [word for word in ["data.lua:2: ", *words] if word not in line], done.told()


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "rows.csv").write_bytes("\ufeffid,name\n1,änn\n".encode())
    path = tmp_path / "data.lua"
    path.write_text("""local pelt = require "pelt"
local rows = pelt.data.csv("rows.csv")
return { iteration = function() local row = rows:next() assert(row.id == "1" and row.name == "änn") end }
""")
    done = pelt("check", "--once", path, cwd=tmp_path)
    assert done.code == PASSED, done.told()


def test_the_examples_of_the_documentation_run(tmp_path, target):
    """Whole scenarios in the sections on rows and shared objects of docs/SCENARIOS.md."""
    text = (ROOT / "docs" / "SCENARIOS.md").read_text()
    (tmp_path / "users.csv").write_text("name,mail\nann,ann@example.com\nbob,bob@example.com\n")
    (tmp_path / "prompts.json").write_text(json.dumps([{"text": "hello", "tokens": 5}]))
    (tmp_path / "orders.jsonl").write_text('{"id": 1, "items": ["a"]}\n')
    url = target().url
    ran = 0
    for title in ("Data rows", "Shared objects"):
        section = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
        for example in re.findall(r"```lua\n(.*?)```", section, re.S):
            path = tmp_path / "example.lua"
            path.write_text(example)
            done = pelt("check", "--once", path, "--target", url, cwd=tmp_path)
            assert done.code == PASSED and "not ok" not in done.out, example + done.told()
            ran += 1
    assert ran >= 2
