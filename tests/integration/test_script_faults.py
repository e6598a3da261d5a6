"""What a scenario can do wrong while it runs: one line names file and line, the exit code is right, and the other users go on."""
import os
import re
import resource
import statistics
import subprocess

import pytest

from program import PASSED, SLOW, USAGE, Running, if_quiet, in_a_quiet_moment, pelt, run

USERS = 20
CULPRIT = 7
EACH = 30  # iterations of a user: they go on long after the fault

# A culprit's whole iteration; the line that runs on is marked.
HOLDERS = {
    "loop": """
        while true do end --<
    """,
    "pcall": """
        local function again()
            while true do pcall(again) end --<
        end
        again()
    """,
    "xpcall": """
        xpcall(function()
            while true do end --<
        end, function() while true do end end)
    """,
    "coroutine": """
        local inner = coroutine.wrap(function()
            while true do end --<
        end)
        while true do pcall(inner) end
    """,
    "generator": """
        local deep = coroutine.create(function()
            coroutine.wrap(function()
                while true do coroutine.wrap(function() coroutine.yield() end)() end --<
            end)()
        end)
        while true do coroutine.resume(deep) end
    """,
    "find": """
        local text = ("a"):rep(30000)
        return text:find(".-.-.-.-b") --<
    """,
    "gsub": """
        local text = ("a"):rep(30000)
        while true do pcall(string.gsub, text, ".-.-.-.-b", "") end --<
    """,
    "sort": """
        local list = {}
        for i = 1, 200000 do list[i] = i % 1000 end
        table.sort(list, function(a, b)
            for _ = 1, 1000000 do a = a end --<
            return a < b
        end)
    """,
    "closing": """
        local guard <close> = setmetatable({}, { __close = function()
            while true do end --<
        end })
        error("first")
    """,
    "error's text": """
        error(setmetatable({}, { __tostring = function()
            while true do end --<
        end }))
    """,
}


def scenario(tmp_path, culprit, until):
    """Its path, and the number of the marked line. All users but the culprit send a request each 10 ms."""
    text = f"""
local pelt = require "pelt"
return {{
    load = {{ users = {USERS}, {until} }},
    iteration = function(user)
        if user.id == {CULPRIT} then
            {culprit}
        end
        pelt.http.get("/health", {{ name = "user " .. user.id }})
        pelt.sleep("10ms")
    end,
}}
"""
    path = tmp_path / "scenario.lua"
    path.write_text(text)
    marked = [number for number, line in enumerate(text.splitlines(), 1) if "--<" in line]
    return path, marked[0] if marked else None


def behind():
    """For a program that takes all of a core: it leaves other tests theirs."""
    os.nice(10)


def children_cpu_s():
    """Of those that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def answered(done):
    """Requests that each user had answered."""
    return {int(row["name"].split()[1]): row["outcomes"].get("ok", 0) for row in done.report["requests"]}


def error_lines(done):
    return [line for line in done.err.splitlines() if line.startswith("script: error: ")]


@pytest.mark.skipif(SLOW, reason="a sanitizer holds signals back, or is too slow to compare")
@pytest.mark.parametrize("kind", HOLDERS)
def test_holder_of_its_loop_is_stopped_by_name(tmp_path, target, kind):
    service = target()

    load_s = 8  # a second of one's own CPU time can take a busy host five

    def check(_attempt):
        path, line = scenario(tmp_path, HOLDERS[kind], f'duration = "{load_s}s"')
        done = run(path, "--target", service.url, "--threads", 1, cwd=tmp_path)
        assert done.code == USAGE, done.told()
        lines = error_lines(done)
        expected = f"scenario.lua:{line}: user {CULPRIT} held its loop for 1 s and is stopped"
        assert [text for text in lines if expected in text], done.told()
        assert len(lines) <= (2 if kind == "closing" else 1), done.told()
        if_quiet(done.seconds < load_s + 5.5, done.told())
        if_quiet(min(answered(done).values()) > 20 and len(answered(done)) == USERS - 1, done.told())

    in_a_quiet_moment(check)


@pytest.mark.alone
@pytest.mark.skipif(SLOW, reason="a sanitizer holds signals back")
def test_others_lose_at_most_five_percent(tmp_path, target):
    """Of a run of 30 s, to be exact: all users share one thread, which is held from the start. An undisturbed second says what
    they would have sent in the first three."""
    path, _ = scenario(tmp_path, HOLDERS["pcall"], 'duration = "6s"')
    url = target().url

    def check(_):
        done = run(path, "--target", url, "--threads", 1, cwd=tmp_path)
        assert done.code == USAGE, done.told()
        seconds = [second["ok"] for second in done.report["seconds"]]
        usual = statistics.median(seconds)
        lost = 3 * usual - sum(seconds[:3])
        if_quiet(0.8 * usual < lost < 0.05 * usual * 30, seconds)

    in_a_quiet_moment(check)


@pytest.mark.slow
@pytest.mark.skipif(SLOW, reason="a sanitizer holds signals back")
def test_users_that_all_hold_their_loop_end_soon(tmp_path, target):
    """Of the CPU's time, which no other program makes longer: three have a second, then each 0.15 s; it would be 50 s."""
    users = 50
    text = f'return {{ load = {{ users = {users}, duration = "2s", grace = "100s" }}, iteration = function() while true do end end }}\n'
    (tmp_path / "all.lua").write_text(text)
    url = target().url

    def check(_):
        before_s = children_cpu_s()
        done = run(tmp_path / "all.lua", "--target", url, "--threads", 1, cwd=tmp_path)
        cpu_s = children_cpu_s() - before_s
        assert done.code == USAGE, done.told()
        lines = error_lines(done)
        assert len(lines) == users and [" right after others " in line for line in lines] == [False] * 3 + [True] * (users - 3), done.told()
        if_quiet(cpu_s < 20, (cpu_s, done.told()))

    in_a_quiet_moment(check)


ONCE = {"file": 2, "setup": 3, "teardown": 4}  # and the line that runs on


def once(where):
    loop = "while true do pcall(error) end"
    return f"""local pelt = require "pelt"
{loop if where == "file" else ""}
local function setup() {loop if where == "setup" else ""} end
local function teardown() {loop if where == "teardown" else ""} end
return {{ load = {{ users = 1, duration = "100ms" }}, setup = setup, teardown = teardown,
    iteration = function() pelt.http.get("/health") end }}
"""


@pytest.mark.slow
@pytest.mark.skipif(SLOW, reason="a sanitizer holds signals back")
def test_what_runs_once_is_stopped_after_10_s(tmp_path, target):
    """Side by side, as each takes 10 s, and behind the other tests on this host, as each takes all of a core."""
    (tmp_path / "endless.lua").write_text("-- nothing\nrepeat until false\n")
    for where in ONCE:
        (tmp_path / f"{where}.lua").write_text(once(where))

    def check(_):
        checking = Running("check", "endless.lua", cwd=tmp_path, preexec_fn=behind)
        services = {where: target() for where in ONCE}
        runs = {where: Running("run", f"{where}.lua", "--target", services[where].url, "--no-run-file", cwd=tmp_path,
                               preexec_fn=behind) for where in ONCE}
        ended = {where: running.wait() for where, running in runs.items()}
        done = checking.wait()
        assert done.code == USAGE, done.told()
        assert "endless.lua:2: the script held its thread for 10 s" in done.err.splitlines()[0], done.told()
        if_quiet(done.seconds < 20, done.told())
        for where, line in ONCE.items():
            done = ended[where]
            assert done.code == USAGE and done.seconds > 9, done.told()
            assert f"{where}.lua:{line}: the script held its thread for 10 s" in done.err, done.told()
            if where != "teardown":
                assert "/health" not in services[where].count()["paths"]
            if_quiet(done.seconds < 20, done.told())

    in_a_quiet_moment(check)


# --- faults that end by themselves

# Whichever comes first: filling that much takes a slow host a second.
ENOUGH = "not enough memory: the limit of a state|held its loop"
FAULTS = {
    "1 GB string": ('local s = ("x"):rep(1000000000) --<', "not enough memory: the limit of a state"),
    "1 GB by doubling": ('local s = "x" while true do s = s .. s end --<', ENOUGH),
    "1 GB of tables": ("local t = {} while true do t[#t + 1] = {} end --<", ENOUGH),
    "1 GB by concat": ('return table.concat(setmetatable({}, { __index = function() return ("x"):rep(1000000) end }), '
                       '"", 1, 1000) --<', ENOUGH),
    "empty string for years": ('local s = (""):rep(1 << 60) error("after " .. #s) --<', "after 0"),
    "move for years": ("table.move({}, 1, 1 << 60, 2) --<", "too many elements to move"),
    "deep recursion": ("local function deep() return 1 + deep() end deep() --<", "stack overflow"),
    "deep recursion in pcall": ("local function deep() return pcall(deep) end\nassert(deep()) error('unwound') --<", ""),
    "insert for years": ("table.insert(setmetatable({}, { __len = function() return 1 << 50 end,\n"
                         "__index = type, __newindex = type }), 1, 1) --<", "held its loop|position out of bounds"),
    "concat for years": ("return table.concat(setmetatable({}, { __index = type }), '', 1, 1 << 60) --<", ENOUGH),
    "JSON of a table in itself, 30 deep": ("local t = {} for _ = 1, 30 do t = { t, t } end pelt.json.encode(t) --<",
                                           "more than 64 MiB of JSON|held its loop"),
    "write to a library": ("math.x = 1 --<", "math.x is written after the file was loaded"),
    "rawset of a global": ("rawset(_G, 'x', 1) --<", "global 'x' is written after the file was loaded"),
    "yield": ("coroutine.yield() --<", "coroutine.yield() outside a coroutine of the script's own"),
    "write to a global": ("counter = 1 --<", "global 'counter' is written after the file was loaded"),
    "error in sort": ('table.sort({ 3, 1, 2 }, function() error("in sort") end) --<', "in sort"),
    "error in gsub": ('("abc"):gsub(".", function() error("in gsub") end) --<', "in gsub"),
    "error in a metamethod": ('return setmetatable({}, { __index = function() error("in index") end }).x --<', "in index"),
    "error in a coroutine": ('coroutine.wrap(function() error("inside") end)() --<', "inside"),
    "error in close": ('local x <close> = setmetatable({}, { __close = function() error("in close") end }) --<', "in close"),
    "error, and another in close": ('local x <close> = setmetatable({}, { __close = function() pelt.http.get("/never") end }) '
                                    'error("first") --<', "first; and then in __close: "),
    "error in an error's text": ('error(setmetatable({}, { __tostring = function() error("inside") end })) --<',
                                 "error object is a table value, whose __tostring failed: "),
    "error in a message handler": ("assert(xpcall(error, function() error() end)) --<", ""),
    "error without text": ("error({}) --<", "error object is a table value"),
    "malformed pattern": ('return ("x"):find("[a") --<', "malformed pattern (missing ']')"),
    "finalizer": ("setmetatable({}, { __gc = function() end }) --<", "no __gc in a scenario"),
}


@pytest.mark.sanitize
@pytest.mark.one_thread
@pytest.mark.parametrize("kind", FAULTS)
def test_fault_of_one_user_names_its_line_and_leaves_the_others_alone(tmp_path, target, kind):
    def check(_):
        culprit, words = FAULTS[kind]
        once = f"if user.iteration > 0 then return user:stop() end pelt.sleep('100ms');\n{culprit}"
        path, line = scenario(tmp_path, once, f"iterations_per_user = {EACH}")
        service = target()
        done = run(path, "--target", service.url, "--threads", 1, cwd=tmp_path)
        assert done.code == USAGE, done.told()
        lines = error_lines(done)
        assert 0 < len(lines) <= 2, done.told()
        if_quiet(any(part in lines[0] for part in words.split("|")), done.told())  # else it took a second
        assert re.search(rf"scenario\.lua(:{line})?:", lines[0]), done.told()
        assert answered(done) == {user: EACH for user in range(USERS) if user != CULPRIT}, done.told()
        assert service.count()["total"] == EACH * (USERS - 1)

    in_a_quiet_moment(check)


@pytest.mark.one_thread
@pytest.mark.skipif(SLOW, reason="filling that much takes seconds")
@pytest.mark.parametrize("load", ["users = 3", 'rate = "200/s"'])
def test_user_that_needs_more_memory_than_there_is_is_stopped(tmp_path, target, load):
    """In each of its iterations it would hold the thread that all users share; all others are whole."""
    text = f"""
local pelt = require "pelt"
return {{
    load = {{ {load}, iterations = 120 }},
    iteration = function(user)
        if user.id == 0 then
            local s = "x" while true do s = s .. s end --<
        end
        pelt.http.get("/health", {{ name = "user " .. user.id }})
        pelt.sleep("50ms")
    end,
}}
"""
    (tmp_path / "hog.lua").write_text(text)
    done = run("hog.lua", "--target", target().url, "--threads", 1, cwd=tmp_path)
    assert done.code == USAGE, done.told()
    lines = error_lines(done)
    assert len(lines) == 1 and "hog.lua:7: " in lines[0], done.told()
    said = "not enough memory: the limit of a state, which is shared by up to 250 users, is 512 MiB, and user 0 is stopped"
    assert said in lines[0] or "user 0 held its loop" in lines[0], done.told()
    assert re.search(r"script errors +1 ", done.out), done.told()
    assert 0 not in answered(done) and sum(answered(done).values()) == 119, done.told()


@pytest.mark.sanitize
@pytest.mark.one_thread
@pytest.mark.parametrize("value, key", [
    ("{ f = print }", "data.f"), ("{ list = { 1, 2, x = 3 } }", "data.list"), ("0/0", "data"),
    ("coroutine.create(print)", "data"), ("{ [1.5] = 2 }", "data"), ("(function() local t = {} t.t = t return t end)()", "data.t"),
])
def test_setup_value_that_is_not_json_names_the_key(tmp_path, target, value, key):
    (tmp_path / "setup.lua").write_text(f"""local pelt = require "pelt"
return {{ load = {{ users = 1, duration = "1s" }}, iteration = function() pelt.http.get("/health") end,
    setup = function() return {value} end }}
""")
    service = target()
    done = run("setup.lua", "--target", service.url, cwd=tmp_path)
    assert done.code == USAGE, done.told()
    said = [reason for reason in done.report["result"]["reasons"] if "JSON-like" in reason]
    assert len(said) == 1 and key in said[0] and "setup.lua:3: the value" in said[0], done.told()
    assert "/health" not in service.count()["paths"]


@pytest.mark.sanitize
@pytest.mark.one_thread
def test_memory_that_runs_out_while_the_file_is_loaded_names_its_line(tmp_path):
    (tmp_path / "large.lua").write_text('local s = "x"\nfor i = 1, 40 do\n    s = s .. s\nend\nreturn {}\n')
    done = pelt("check", "large.lua", cwd=tmp_path)
    assert done.code == USAGE, done.told()
    first = done.err.splitlines()[0]
    if SLOW and "held its thread for 10 s" in first:  # which filling that much can take
        assert "large.lua:3: " in first, done.told()
    else:
        assert "large.lua:3: not enough memory: the limit of a state" in first and "512 MiB" in first, done.told()


PRINTS = """
local pelt = require "pelt"
return {
  load = { users = 4, iterations = 2000 },
  setup = function() for i = 1, 150 do print("begin") end end,
  iteration = function() print("again") end,
}
"""


def test_a_script_that_prints_each_time_does_not_flood_the_terminal(tmp_path):
    """Each line is shown or counted as left out."""
    path = tmp_path / "prints.lua"
    path.write_text(PRINTS)
    done = pelt("run", path, "--no-run-file", "--allow-invalid", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    shown = sum(line.endswith((": again", ": begin")) for line in done.err.splitlines())
    left_out = [int(number) for number in re.findall(r"(\d+) more lines? of print left out", done.err)]
    assert shown + sum(left_out) == 2150, done.told()
    assert shown < 1000 and 1 <= len(left_out) <= shown // 100 + 1, done.told()


def test_check_once_shows_all_that_is_printed(tmp_path):
    path = tmp_path / "prints.lua"
    path.write_text(PRINTS)
    done = pelt("check", "--once", path, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert done.err.count("begin") == 150 and done.err.count("again") == 1 and "left out" not in done.err, done.told()


# ---- whose fault it is ----

def test_a_script_that_others_keep_from_its_core_is_not_stopped(target, tmp_path):
    """300 ms of computing take seconds where others have most of the core: the script held its thread for 300 ms."""
    (tmp_path / "s.lua").write_text("""
        local pelt = require "pelt"
        local function cpu_s(seconds)
            local began = os.clock()
            while os.clock() - began < seconds do end
        end
        return { load = { users = 1, iterations = 1 }, iteration = function()
            cpu_s(0.3)
            pelt.http.get("/api/status")
        end }""")
    core = max(os.sched_getaffinity(0))
    burner = subprocess.Popen(["sh", "-c", "while :; do :; done"], preexec_fn=lambda: os.sched_setaffinity(0, {core}))

    def nearly_without():
        os.sched_setaffinity(0, {core})
        os.nice(9)

    try:
        done = pelt("run", "s.lua", "--target", target().url, "--allow-invalid", cwd=tmp_path, preexec_fn=nearly_without)
    finally:
        burner.kill()
        burner.wait()
    assert done.code == PASSED and "held its loop" not in done.err, done.told()
    assert done.seconds > 1.5, "else nobody kept it from its core"
