"""Language models: what pelt counts of answers is what the server says of them: by pelt-target's truth log and knobs, and by
a server that goes wrong on purpose."""
import json
import re

import pytest

from modelserver import ModelServer
from program import MISSED, PASSED, ROOT, SLOW, USAGE, if_quiet, in_a_quiet_moment, outcomes_add_up, pelt, report_of, run

pytestmark = [pytest.mark.sanitize]

SCENARIO = """local pelt = require "pelt"
local llm = pelt.llm
%s
return { load = { users = %d, iterations_per_user = %d, duration = "1m" }, iteration = function(user)
%s
end }
"""

# Asks, and says in the log what came, a JSON object a line; `tostring` of what JSON has not.
ASK = """local function ask(options)
    local r = llm.chat("/v1/chat/completions", options)
    pelt.log("warning", "ANSWER " .. pelt.json.encode(r))
    return r
end
"""


def asks(folder, users, times, body, top=""):
    path = folder / "llm.lua"
    path.write_text(SCENARIO % (ASK + top, users, times, body))
    return path


def answers(done):
    return [json.loads(text) for text in re.findall(r"ANSWER (\{.*\})", done.err)]


def metrics(done, name="chat"):
    """The metrics of this request's name: stats by name."""
    return {row["name"]: row["stats"] for row in done.report["metrics"] if row["tags"] == {"name": name}}


# ---- against pelt-target: counts and times ----

@pytest.mark.alone
def test_tokens_and_times_are_those_of_the_service(tmp_path, target):
    """20 answers of 12 tokens: first after 30 ms, then one each 5 ms. Times are held against the moments at which the service
    sent the first and the last token of each answer."""
    def check(attempt):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        server = target("--chat-tokens", 12, "--chat-first", "constant:30ms", "--chat-gap", "constant:5ms")
        path = asks(folder, 2, 10, 'ask { name = "chat", prompt = "one two three", slo = { ttft = "10s" } }')
        done = run(path, "--target", server.url, cwd=folder)
        assert done.code == PASSED, done.told()
        outcomes_add_up(done.report)
        seen = metrics(done)
        assert done.report["totals"]["outcomes"] == {"ok": 20}
        assert seen["llm_output_tokens"]["count"] == 240 and seen["llm_prompt_tokens"]["count"] == 60, seen
        assert seen["llm_complete"] == {"share": 1.0, "count": 20} == seen["llm_goodput"], seen
        assert seen["llm_good"]["count"] == 20
        assert [seen[name]["count"] for name in ("llm_ttft", "llm_ttft_due", "llm_ttfo", "llm_tpot", "llm_icl", "llm_e2e",
                                                 "llm_e2e_due")] == [20, 20, 20, 20, 220, 20, 20]
        assert "llm_cached_tokens" not in seen
        assert server.stop() == 0
        log = [line for line in server.requests() if line.get("tokens")]
        assert len(log) == 20 and all(line["tokens"] == 12 for line in log)
        said = answers(done)
        assert all(r["text"].startswith("You said: one two three") for r in said)
        assert all((r["tokens"], r["chunks"], r["finish_reason"]) == (12, 12, "stop") for r in said), said
        # The service's own spans between first and last token, per answer and in sum.
        spans = sorted((line["last_ns"] - line["first_ns"]) / 1e9 for line in log)
        mine = sorted(r["e2e"] - r["ttft"] for r in said)
        for r in said:
            assert abs(r["tpot"] - (r["e2e"] - r["ttft"]) / 11) < 1e-9
            assert r["ttft"] == r["ttfo"] and r["ttft_due"] >= r["ttft"] >= 0.030 and r["e2e_due"] >= r["e2e"]
        apart = max(abs(a - b) for a, b in zip(spans, mine))
        if_quiet(SLOW or apart < 0.002, (apart, spans, mine))
        firsts = sorted((line["first_ns"] - line["begin_ns"]) / 1e9 for line in log)
        late = max(abs(a - b) for a, b in zip(firsts, sorted(r["ttft"] for r in said)))
        if_quiet(SLOW or late < 0.002, late)
        if_quiet(SLOW or (abs(seen["llm_tpot"]["p50"] - 5) < 0.5 and abs(seen["llm_icl"]["p50"] - 5) < 0.5), seen)
        speed = seen["llm_tokens_per_s"]
        assert speed["count"] == 20
        if_quiet(SLOW or abs(speed["mean"] - 200) < 20, speed)
        if_quiet(SLOW or 85 <= seen["llm_e2e"]["p50"] <= 90, seen)

    in_a_quiet_moment(check)


def test_goodput_is_the_share_of_answers_within_the_slo(tmp_path, target):
    """Gaps of 0 or, in 3 of 10 iterations, of 20 ms: an SLO of 10 ms tells them apart."""
    quick, slow = target("--chat-tokens", 5), target("--chat-tokens", 5, "--chat-gap", "constant:20ms")
    path = asks(tmp_path, 1, 20, f"""
        local url = user.iteration % 10 < 3 and "{slow.url}" or "{quick.url}"
        local r = llm.chat(url .. "/v1/chat/completions", {{
            name = "chat", prompt = "hello", slo = {{ tpot = "10ms", ttft = "30s" }} }})
        pelt.log("warning", "ANSWER " .. pelt.json.encode(r))
    """)

    def check(attempt):
        done = run(path, "--threshold", "llm_goodput{chat} share >= 60%", "--threshold", "llm_goodput{chat} share > 80%",
                   cwd=tmp_path)
        said = answers(done)
        good = sum(r["tpot"] <= 0.010 for r in said)
        seen = metrics(done)
        assert seen["llm_goodput"] == {"share": good / 20, "count": 20} and [r["good"] for r in said].count(True) == good, seen
        assert seen["llm_good"]["count"] == good
        if_quiet(good == 14, said)
        assert done.code == MISSED, done.told()
        levels = [(t["name"], t["stat"], t["level"]) for t in done.report["thresholds"]]
        assert levels == [("chat", "share", "target"), ("chat", "share", "missed")], levels

    in_a_quiet_moment(check)


def test_what_is_reckoned_is_said(tmp_path, target):
    server = target("--chat-tokens", 3)
    path = asks(tmp_path, 1, 1, 'ask { name = "chat", prompt = "hello" }')
    file = tmp_path / "one.pelt"
    done = pelt("run", path, "--target", server.url, "--run-file", file, "--out", f"json={tmp_path / 'r.json'}", cwd=tmp_path)
    assert done.code in (PASSED, 4), done.told()
    assert done.out.count("llm_tpot = (e2e - ttft) / (output tokens - 1)") == 1, done.out
    assert "llm_ttft{chat}" in done.out and "llm_ttft = first content - sent" in done.out
    rows = json.loads((tmp_path / "r.json").read_text())["metrics"]
    assert {row["name"]: row.get("definition") for row in rows}["llm_ttft_due"] == "first content - due"
    later = pelt("report", file, "--out", "json=-", cwd=tmp_path)
    assert json.loads(later.out)["metrics"] == rows


def test_from_due_counts_what_users_waited(tmp_path, target):
    """20 arrivals a second for one user, each answer of 100 ms: the queue grows by half of them. From sent nothing of it shows."""
    server = target("--chat-tokens", 2, "--chat-first", "constant:100ms")
    path = asks(tmp_path, 1, 1, 'ask { name = "chat", prompt = "hello" }')
    path.write_text(path.read_text().replace('users = 1, iterations_per_user = 1, duration = "1m"',
                                             'rate = "20/s", users = 1, duration = "1s"'))
    done = run(path, "--target", server.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    seen = metrics(done)
    assert seen["llm_ttft"]["count"] == 20 == seen["llm_ttft_due"]["count"]
    assert seen["llm_ttft"]["min"] >= 100
    # The last one comes at 0.95 s and is answered after 20 answers at the earliest.
    assert seen["llm_ttft_due"]["max"] >= 2000 - 950 and seen["llm_e2e_due"]["max"] >= 2000 - 950, seen
    said = answers(done)
    assert all(r["ttft_due"] >= r["ttft"] and r["e2e_due"] >= r["e2e"] for r in said)
    assert max(r["ttft_due"] - r["ttft"] for r in said) >= 1.9 - 0.95, said  # 19 answers before it


# ---- caches ----

def test_popular_prompts_hit_the_response_cache_as_the_service_counts(tmp_path, target):
    """Of a pool of 40 prompts, a hit is each that was asked before: the service's cache, which holds all, counts the same."""
    server = target("--cache", "10m", "--chat-tokens", 3)
    path = asks(tmp_path, 1, 120, """
        local p = prompts:next()
        pelt.log("warning", "NUMBER " .. p.number)
        pelt.check("whole", llm.chat("/v1/chat/completions", { prompt = p, stream = false, name = "chat" }).ok)
    """, top="local prompts = llm.prompts { words = 12, reuse = { prompts = 40, zipf = 1.1 } }")
    done = run(path, "--target", server.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    numbers = [int(n) for n in re.findall(r"NUMBER (\d+)", done.err)]
    assert len(numbers) == 120 == metrics(done)["llm_complete"]["count"]
    assert server.stop() == 0
    looked = [line["cache"] for line in server.requests()]
    assert (looked.count("miss"), looked.count("hit")) == (len(set(numbers)), 120 - len(set(numbers))), looked
    assert looked == ["hit" if n in numbers[:i] else "miss" for i, n in enumerate(numbers)]


def test_shared_beginnings_hit_as_often_as_they_are_shared(tmp_path, target):
    """Prompts that are a group's beginning and nothing more: as many misses as groups."""
    server = target("--cache", "10m", "--chat-tokens", 3)
    path = asks(tmp_path, 1, 100, """
        local p = prompts:next()
        pelt.check("whole", llm.chat("/v1/chat/completions", { prompt = p, stream = false, name = "chat" }).ok)
        if p.group then pelt.log("warning", "GROUP " .. p.group) end
    """, top="local prompts = llm.prompts { words = 0, prefix = { groups = 5, words = 9, share = 1 } }")
    done = run(path, "--target", server.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert len(re.findall("GROUP", done.err)) == 100
    assert server.stop() == 0
    looked = [line["cache"] for line in server.requests()]
    assert (looked.count("miss"), looked.count("hit")) == (5, 95), looked


def test_cached_tokens_are_those_of_usage(tmp_path):
    with ModelServer() as server:
        path = asks(tmp_path, 1, 4, """
            ask { name = "chat", prompt = "cached 3" }
            ask { name = "whole", prompt = "cached 3", stream = false }
            ask { name = "none", prompt = "ok 3" }
        """)
        done = run(path, "--target", server.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    for name in ("chat", "whole"):
        seen = metrics(done, name)
        assert (seen["llm_cached_tokens"]["count"], seen["llm_prompt_tokens"]["count"]) == (20, 28), seen
    assert "llm_cached_tokens" not in metrics(done, "none")
    assert all(r["usage"]["prompt_tokens"] == 7 for r in answers(done))


# ---- dialects ----

def test_chunks_tokens_and_reasoning_are_told_apart(tmp_path):
    with ModelServer() as server:
        path = asks(tmp_path, 1, 1, """
            ask { name = "chat", prompt = "bundle 8" }
            ask { name = "chat", prompt = "bare 5" }
            ask { name = "chat", prompt = "think 6" }
            ask { name = "chat", prompt = "tools" }
        """)
        done = run(path, "--target", server.url, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    bundle, bare, think, tools = answers(done)
    assert (bundle["tokens"], bundle["chunks"]) == (8, 4) and bundle["text"] == " t0 t1 t2 t3 t4 t5 t6 t7"
    assert (bare["tokens"], bare["chunks"]) == (5, 5) and "usage" not in bare
    assert (think["tokens"], think["chunks"], think["reasoning"], think["text"]) == (6, 6, " r0 r1", " t0 t1 t2 t3")
    assert think["ttfo"] >= 0.03 and think["ttfo"] >= think["ttft"], think
    assert (tools["tokens"], tools["chunks"], tools["text"]) == (1, 1, "") and "tpot" not in tools
    seen = metrics(done)
    assert seen["llm_output_tokens"]["count"] == 8 + 5 + 6 + 1
    assert seen["llm_icl"]["count"] == 3 + 4 + 5 and seen["llm_tpot"]["count"] == 3


def test_what_is_asked_arrives(tmp_path):
    with ModelServer() as server:
        path = asks(tmp_path, 1, 1, """
            ask { name = "chat", prompt = "ok 1", model = "m", max_tokens = 9, temperature = 0.5, body = { ignore_eos = true } }
            ask { name = "chat", prompt = "ok 1", usage = false }
            ask { name = "chat", prompt = "ok 1", stream = false }
            llm.chat("/v1/completions", { prompt = "ok 1" })
        """)
        done = run(path, "--target", server.url, cwd=tmp_path)
        first, second, third, fourth = server.bodies
    assert done.code == PASSED, done.told()
    said = [{"role": "user", "content": "ok 1"}]
    assert first == {"messages": said, "model": "m", "max_tokens": 9, "temperature": 0.5, "ignore_eos": True, "stream": True,
                     "stream_options": {"include_usage": True}}
    assert second == {"messages": said, "stream": True} and third == {"messages": said}
    assert fourth["prompt"] == "ok 1" and "messages" not in fourth
    assert {row["name"] for row in done.report["requests"]} == {"chat", "POST /v1/completions"}
    assert metrics(done, "POST /v1/completions")["llm_complete"]["count"] == 1


# ---- what goes wrong ----

WRONG = {  # prompt: outcome of the exchange, r.error, words of r.message, chunks with content
    "refuse 429": ("http_status", "http_status", "no: 429", 0),
    "refuse 500": ("http_status", "http_status", "no: 500", 0),
    "cut 3": ("truncated", "truncated", "", 3),
    "noend 3": ("ok", "llm_cut", "without finish_reason", 3),
    "error 3": ("ok", "llm_error", "out of memory", 3),
    "garbage 3": ("ok", "llm_bad_chunk", "{oops", 3),
}


@pytest.mark.one_thread
@pytest.mark.parametrize("prompt", WRONG, ids=[prompt.split()[0] + prompt.split()[1] for prompt in WRONG])
def test_an_answer_that_is_none_is_counted_as_what_it_is(tmp_path, prompt):
    outcome, error, words, chunks = WRONG[prompt]
    with ModelServer() as server:
        path = asks(tmp_path, 2, 5, f"""
            ask {{ name = "chat", prompt = "{prompt}", slo = {{ ttft = "10s" }} }}
            ask {{ name = "chat", prompt = "ok 2", slo = {{ ttft = "10s" }} }}
        """)
        done = run(path, "--target", server.url, cwd=tmp_path)
        assert len(server.bodies) == 20
    assert done.code in (PASSED, MISSED), done.told()
    outcomes_add_up(done.report)
    assert done.report["totals"]["outcomes"] == ({"ok": 20} if outcome == "ok" else {"ok": 10, outcome: 10})
    seen = metrics(done)
    assert seen["llm_complete"] == {"share": 0.5, "count": 20} == seen["llm_goodput"], seen
    assert seen["llm_e2e"]["count"] == 10 == seen["llm_tpot"]["count"]
    assert seen["llm_output_tokens"]["count"] == 20
    assert seen["llm_ttft"]["count"] == 10 + (10 if chunks else 0), seen
    assert seen["llm_icl"]["count"] == 10 + 10 * max(chunks - 1, 0)
    wrong = [r for r in answers(done) if not r["ok"]]
    assert len(wrong) == 10
    for r in wrong:
        assert r["error"] == error and words in r["message"] and r["chunks"] == chunks and r["good"] is False, r
        assert r["status"] == (int(prompt.split()[1]) if "refuse" in prompt else 200), r


def test_refusals_of_an_answer_in_one_piece_are_told_too(tmp_path):
    with ModelServer() as server:
        path = asks(tmp_path, 1, 1, 'ask { name = "chat", prompt = "refuse 503", stream = false }')
        done = run(path, "--target", server.url, cwd=tmp_path)
    (r,) = answers(done)
    assert (r["error"], r["status"], r["message"], r["ok"]) == ("http_status", 503, "no: 503", False)
    assert metrics(done)["llm_complete"] == {"share": 0.0, "count": 1}


@pytest.mark.one_thread
@pytest.mark.parametrize("call, words", [
    ('llm.chat("/x", { promt = "a" })', "unknown key 'promt': did you mean 'prompt'?"),
    ('llm.chat("/x", {})', "what is asked? Give prompt"),
    ('llm.chat("/x", { prompt = "a", slo = { tftt = 1 } })', "did you mean 'ttft'?"),
    ('llm.chat("/x", { prompt = "a", slo = { ttft = "5 parsecs" } })', "slo.ttft"),
    ('llm.chat({}, "/x", { prompt = "a" })', "a client (http.client) or nil"),
    ('llm.chat("x", { prompt = "a" })', "x"),
    ('llm.prompts { words = 5 }', "where the file is loaded"),
    ('prompts:at(1)', "say reuse = { prompts = 1000 }"),
])
def test_mistakes_are_told_with_their_line(tmp_path, target, call, words):
    path = asks(tmp_path, 1, 1, f"local line = 10\n{call}", top="local prompts = llm.prompts { words = 5 }")
    line = path.read_text().splitlines().index(call) + 1
    done = run(path, "--target", target().url, cwd=tmp_path)
    assert done.code == USAGE and f"llm.lua:{line}: " in done.err and words in done.err, done.told()


# ---- sessions ----

def test_a_conversation_grows_by_what_was_said(tmp_path):
    (tmp_path / "asks.jsonl").write_text("".join(f'{{"prompt": "{text}"}}\n' for text in ("ok 2", "refuse 500", "ok 1")))
    with ModelServer() as server:
        path = asks(tmp_path, 1, 1, """
            local talk = prompts:session()
            while talk:next() do talk:chat("/v1/chat/completions", { name = "turn" }) end
        """, top='local prompts = llm.prompts { file = "asks.jsonl", turns = 3, system = "be short", think = 0.01 }')
        done = run(path, "--target", server.url, cwd=tmp_path)
        bodies = [[m["content"] for m in body["messages"]] for body in server.bodies]
    assert done.code in (PASSED, MISSED), done.told()
    assert bodies == [["be short", "ok 2"], ["be short", "ok 2", " t0 t1", "refuse 500"],
                      ["be short", "ok 2", " t0 t1", "ok 1"]], bodies


def test_prompts_are_the_same_on_any_number_of_threads(tmp_path, target):
    server = target("--chat-tokens", 1)
    told = []
    for threads in (1, 3):
        path = asks(tmp_path, 6, 4, """
            local p = prompts:next()
            pelt.log("warning", ("DREW %d %d %s"):format(user.id, user.iteration, p.text))
        """, top="local prompts = llm.prompts { words = { 'lognormal', mean = 9, sigma = 1 }, prefix = { groups = 3, words = 4, "
                 "share = 0.5 } }")
        done = run(path, "--target", server.url, "--threads", threads, "--seed", 5, cwd=tmp_path)
        assert done.code == PASSED, done.told()
        told.append(sorted(re.findall(r"DREW .*", done.err)))
    assert told[0] == told[1] and len(told[0]) == 24


# ---- thresholds on pelt's own metrics ----

def test_a_name_in_braces_is_that_of_the_request(tmp_path):
    with ModelServer() as server:
        path = asks(tmp_path, 1, 8, """
            ask { name = "chat", prompt = "ok 2" }
            pelt.group("shop", function() ask { name = "help", prompt = "ok 3" } end)
        """)
        text = path.read_text().replace("return { load", """return { thresholds = {
            "llm_output_tokens{chat} count >= 16", "llm_output_tokens{shop / help} count >= 24", "llm_icl count >= 24",
            { metric = "llm_ttft", name = "chat", stat = "p50", target = "10s", warning = "20s", critical = "30s" },
            { metric = "llm_complete", name = "name=chat", stat = "share", min = "100%" },
            "llm_ttft{chta} p50 < 1s" }, load""")
        path.write_text(text)
        done = run(path, "--target", server.url, "--out", f"csv={tmp_path / 'csv'}", cwd=tmp_path)
    assert done.code == MISSED, done.told()
    rows = done.report["thresholds"]
    assert [(t["metric"], t["name"], t["level"]) for t in rows] == [
        ("llm_output_tokens", "chat", "target"), ("llm_output_tokens", "shop / help", "target"), ("llm_icl", None, "target"),
        ("llm_ttft", "chat", "target"), ("llm_complete", "chat", "target"), ("llm_ttft", "chta", "unjudged")], rows
    lines = (tmp_path / "csv" / "thresholds.csv").read_text().splitlines()
    assert lines[1].startswith("llm_output_tokens,chat,count,") and lines[2].startswith("llm_output_tokens,shop / help,count,")
    assert 'the name "chta" stands nowhere' in done.err and 'did you mean "chat"?' in done.err, done.err
    assert "name=chat" not in done.err


def test_a_run_may_end_by_one_and_its_file_tells_the_same(tmp_path, target):
    server, file = target("--chat-tokens", 3), tmp_path / "run.pelt"
    path = tmp_path / "llm.lua"
    path.write_text("""local pelt = require "pelt"
return { load = { users = 1, duration = "1m" }, think = "10ms", thresholds = {
    "llm_ttft{chat} p50 < 30s over 1s", { metric = "llm_ttft", name = "chat", stat = "p50", max = 0.000001, abort = true } },
    iteration = function() pelt.llm.chat("/v1/chat/completions", { prompt = "hello", name = "chat" }) end }
""")
    done = pelt("run", path, "--target", server.url, "--run-file", file, "--allow-invalid", cwd=tmp_path)
    assert done.code == MISSED and done.seconds < 40, done.told()
    window, stopped = report_of(file, tmp_path)["thresholds"]
    assert (window["metric"], window["name"], window["level"], window["over_s"]) == ("llm_ttft", "chat", "target", 1), window
    assert (stopped["name"], stopped["level"], stopped["abort"]) == ("chat", "missed", True), stopped


def test_bench_says_where_such_metrics_come_from(tmp_path):
    done = pelt("bench", "http://127.0.0.1:1/", "--threshold", "llm_ttft p95 < 1s", cwd=tmp_path)
    assert done.code == USAGE and "measured by what a scenario calls" in done.err, done.told()


# ---- what comes with pelt ----

def test_the_scenario_of_the_project_runs(tmp_path, target):
    server = target("--chat-tokens", "lognormal:10,0.5", "--chat-first", "exponential:5ms", "--chat-gap", "1ms")
    done = run(ROOT / "scenarios/llm.lua", "--set", f"TARGET={server.url}", "--set", "THINK=20ms",
               "--duration", "3s", "--rate", "30/s", cwd=tmp_path)
    assert done.code in (PASSED, MISSED), done.told()
    outcomes_add_up(done.report)
    seen = metrics(done)
    assert seen["llm_complete"]["count"] == done.report["totals"]["started"] == server.settled_count()["total"]
    assert done.report["totals"]["outcomes"] == {"ok": done.report["totals"]["started"]}, done.told()
    assert seen["llm_complete"]["share"] == 1.0


@pytest.mark.one_thread
def test_the_examples_of_the_documentation_run(tmp_path, target):
    text = (ROOT / "docs" / "SCENARIOS.md").read_text()
    section = text.split("\n## Language models\n")[1].split("\n## ")[0]
    server = target()
    examples = [example for example in re.findall(r"```lua\n(.*?)```", section, re.S) if "return {" in example]
    assert len(examples) == 2
    for example in examples:
        path = tmp_path / "example.lua"
        path.write_text(example)
        done = run(path, "--target", server.url, cwd=tmp_path)
        assert done.code in (PASSED, MISSED) and done.report["totals"]["started"] > 5, example + done.told()
        assert done.report["totals"]["outcomes"] == {"ok": done.report["totals"]["started"]}, done.told()
