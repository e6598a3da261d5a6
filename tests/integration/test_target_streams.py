"""pelt-target's streamed chat: first-token delay, gaps and count of tokens are as planted, and the stamps of its events true.
Clients are bare sockets and know nothing of pelt."""
import json
import re
import statistics
import time
from pathlib import Path

import pytest

from program import SLOW, if_quiet, in_a_quiet_moment, tried_until_quiet
from sse import Stream, text, tokens
from test_target_limits import ask, ask_json, events, limit, metrics, turn, wait_until

MS = 1_000_000  # nanoseconds


def streamed(target, **more):
    with Stream(target.port, **more) as stream:
        return stream.events()


def gaps_ns(stream):
    planned = [event.planned_ns for event in tokens(stream)]
    return [later - earlier for earlier, later in zip(planned, planned[1:])]


# ---- the shape ----

@pytest.mark.sanitize
@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_a_streamed_answer_has_the_shape_of_openais(target, path):
    instance = target()
    with Stream(instance.port, path, message="größer  than\n", model="m-1", stream_options={"include_usage": True}) as s:
        assert s.status == 200 and b"Content-Type: text/event-stream" in s.head
        got = s.events()
    assert got[-1].data == "[DONE]"
    chunks = [event.json() for event in got[:-1]]
    assert {(c["id"], c["object"], c["model"]) for c in chunks} == {(chunks[0]["id"], "chat.completion.chunk", "m-1")}
    assert chunks[0]["choices"] == [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]
    assert text(got) == "You said: größer  than\n"
    assert chunks[-2]["choices"] == [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}
    assert len(tokens(got)) == 4 and len(chunks) == 7


@pytest.mark.sanitize
def test_usage_is_told_only_where_it_is_asked_for(target):
    assert all("usage" not in event.json() for event in streamed(target())[:-1])


@pytest.mark.sanitize
def test_an_answer_in_one_piece_has_the_shape_of_openais(target):
    instance = target()
    conversation = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "no"},
                    {"role": "assistant", "content": None},
                    {"role": "user", "content": [{"type": "text", "text": "a "}, {"type": "image"},
                                                 {"type": "text", "text": "b"}]}]
    status, answer = ask_json(instance, "POST", "/v1/chat/completions", json.dumps({"messages": conversation}))
    assert status == 200 and answer["object"] == "chat.completion" and answer["model"] == "pelt-target-1"
    assert answer["choices"] == [{"index": 0, "message": {"role": "assistant", "content": "You said: a b"},
                                  "finish_reason": "stop"}]
    assert answer["usage"] == {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9}
    assert abs(answer["created"] - time.time()) < 60


@pytest.mark.sanitize
@pytest.mark.parametrize("body, said", [
    ("{", "not JSON"), ("[]", '"messages"'), ('{"messages": []}', "not empty"), ('{"messages": [1]}', "messages[0]"),
    ('{"messages": [{"role": "assistant", "content": "x"}]}', 'role "user"'),
    ('{"messages": [{"role": "user", "content": []}], "stream": true}', 'role "user"'),
    ('{"messages": [{"role": "user", "content": "x"}], "max_tokens": 0}', '"max_tokens"'),
])
def test_a_wrong_conversation_is_told(target, body, said):
    status, answer = ask_json(target(), "POST", "/v1/chat/completions", body)
    assert status == 400 and answer["error"]["type"] == "invalid_request" and said in answer["error"]["message"]


@pytest.mark.sanitize
def test_clients_limit_the_tokens(target):
    instance = target("--chat-tokens", 50)
    assert len(tokens(streamed(instance))) == 50
    got = streamed(instance, max_tokens=7)
    assert len(tokens(got)) == 7 and got[-2].json()["choices"][0]["finish_reason"] == "length"
    _, answer = ask_json(instance, "POST", "/api/chat", '{"message": "x", "max_completion_tokens": 2}')
    assert answer["answer"] == "You said:" and answer["usage"]["completion_tokens"] == 2


@pytest.mark.sanitize
def test_an_answer_that_would_be_too_long_is_refused_but_streamed(target):
    instance = target("--chat-tokens", 100)
    body = {"message": "x" * 900_000}
    status, answer = ask_json(instance, "POST", "/api/chat", json.dumps(body))
    assert status == 400 and "16 MiB" in answer["error"]["message"]
    got = streamed(instance, path="/api/chat", message=body["message"], max_tokens=4)
    assert len(text(got)) > 900_000 and len(tokens(got)) == 4


# ---- tokens, delay and gaps ----

@pytest.mark.sanitize
def test_tokens_delay_and_gaps_are_planned_as_planted(target):
    instance, instance_off = target("--chat-tokens", 20, "--chat-first", "100ms", "--chat-gap", "3ms"), target("--chat-tokens", 20)

    def check(_):
        asked_ns = time.monotonic_ns()
        with Stream(instance.port) as stream:
            got = stream.events()
        assert len(tokens(got)) == 20 and set(gaps_ns(got)) == {3 * MS}
        assert got[0].planned_ns == tokens(got)[0].planned_ns >= asked_ns + 100 * MS, "the role comes with the first token"
        assert {event.planned_ns for event in got[-2:-1]} == {tokens(got)[-1].planned_ns}
        assert all(event.planned_ns <= event.sent_ns <= event.arrived_ns for event in got[:-1])
        if_quiet(stream.head_ns < got[0].planned_ns, "the head does not wait for the first token")
        off = streamed(instance_off)
        assert set(gaps_ns(off)) == {0}
        if_quiet(off[-2].arrived_ns - off[0].sent_ns < 57 * MS, (off[-2], off[0]))

    in_a_quiet_moment(check)


@pytest.mark.alone
def test_events_leave_when_planned_and_stamps_are_when_they_arrive(target):
    instance = target("--chat-tokens", 100, "--chat-first", "30ms", "--chat-gap", "3ms")

    def check(_):
        with Stream(instance.port) as stream:
            got = tokens(stream.events())
        late_ms = [(event.sent_ns - event.planned_ns) / MS for event in got]
        away_ms = [(event.arrived_ns - event.sent_ns) / MS for event in got]
        first_ms = (got[0].arrived_ns - stream.head_ns) / MS
        if_quiet(statistics.median(late_ms) < 0.3 and statistics.quantiles(late_ms, n=20)[18] < 1, late_ms)
        if_quiet(statistics.median(away_ms) < 0.3 and statistics.quantiles(away_ms, n=20)[18] < 1, away_ms)
        if_quiet(first_ms == pytest.approx(30, abs=1), first_ms)

    in_a_quiet_moment(check)


@pytest.mark.sanitize
def test_draws_depend_on_seed_and_arrival_only(target):
    options = ("--chat-tokens", "lognormal:20,0.7", "--chat-first", "exponential:2ms", "--chat-gap", "exponential:1ms")

    def plan(*more):
        """Of four answers: first-token delays cannot be seen exactly, tokens and gaps can."""
        instance = target(*options, *more)
        return [gaps_ns(streamed(instance)) for _ in range(4)]

    first = plan("--seed", 7, "--threads", 1)
    assert first == plan("--seed", 7, "--threads", 2) and first != plan("--seed", 8)
    assert len({len(gaps) for gaps in first}) > 1 and len({gap for gaps in first for gap in gaps}) > 40


@pytest.mark.sanitize
def test_drawn_gaps_and_counts_follow_their_laws(target):
    instance = target("--chat-tokens", "exponential:40", "--chat-gap", "exponential:100us")
    got = [streamed(instance) for _ in range(60)]
    gaps = [gap for stream in got for gap in gaps_ns(stream)]
    assert statistics.mean(gaps) == pytest.approx(0.1 * MS, rel=0.12)
    assert statistics.median(gaps) == pytest.approx(0.0693 * MS, rel=0.15)
    assert statistics.mean(len(tokens(stream)) for stream in got) == pytest.approx(40, rel=0.45)


@pytest.mark.sanitize
def test_knobs_are_turned_for_the_next_answer(target):
    instance = target()
    assert len(tokens(streamed(instance))) == 4
    body = turn(instance, chat_tokens="9", chat_gap="2ms")
    assert body["chat-tokens"]["value"] == "constant:9" and body["chat-gap"]["value"] == "constant:2ms"
    assert gaps_ns(streamed(instance)) == [2 * MS] * 8
    assert turn(instance, chat_tokens="answer", chat_gap="0")["chat-tokens"]["value"] == "answer"
    assert gaps_ns(streamed(instance)) == [0] * 3
    status, answer = ask_json(instance, "PUT", "/admin/knobs/chat-tokens", '"none"')
    assert status == 400 and "law of counts" in answer["error"]["message"]


@pytest.mark.sanitize
def test_stalls_hold_events(target):
    instance = target("--stall", "200ms/500ms", "--chat-tokens", 90, "--chat-gap", "10ms")
    got = tokens(streamed(instance))
    instance.stop()
    start_ns = instance.start_ns()
    # An event that was begun just before a stall may be stamped just inside it, on a busy host.
    inside = [event for event in got if 10 * MS < (event.sent_ns - start_ns) % (500 * MS) < 200 * MS
              and event.sent_ns - start_ns > 500 * MS]
    held = [event for event in got if event.sent_ns - event.planned_ns > 50 * MS]
    assert len(got) == 90 and inside == [] and len(held) >= 10
    assert all(a.sent_ns <= b.sent_ns for a, b in zip(got, got[1:]))


@pytest.mark.sanitize
def test_service_time_and_workers_come_before_the_stream(target):
    instance = target("--service-time", "40ms", "--workers", 1)
    began = time.monotonic_ns()
    with Stream(instance.port) as first:
        assert first.head_ns - began >= 40 * MS
        first.events()
    assert limit(instance, "workers")["used"] == 0


# ---- the truth ----

@pytest.mark.sanitize
def test_the_truth_log_tells_tokens_and_their_times(target):
    instance = target("--chat-tokens", 5, "--chat-gap", "2ms")
    got = tokens(streamed(instance))
    assert ask(instance, "POST", "/api/chat", '{"message": "x"}')[0] == 200
    figures = metrics(instance)
    assert figures['pelt_target_events_total{system="chat",event="token"}'] == 5
    assert figures['pelt_target_events_total{system="chat",event="stream_whole"}'] == 1
    assert limit(instance, "streams")["used"] == 0
    instance.stop()
    stream, whole = instance.requests()
    assert (stream["status"], stream["sent"], stream["tokens"]) == (200, True, 5)
    assert (stream["first_ns"], stream["last_ns"]) == (got[0].sent_ns, got[-1].sent_ns)
    assert "tokens" not in whole


@pytest.mark.sanitize
@tried_until_quiet
def test_a_client_that_leaves_in_the_middle_is_noticed(target):
    instance = target("--chat-tokens", 1000, "--chat-gap", "5ms")
    with Stream(instance.port) as stream:
        for _ in range(10):
            stream.event()
        assert limit(instance, "streams")["used"] == 1
    wait_until(lambda: limit(instance, "streams")["used"] == 0)
    assert metrics(instance)['pelt_target_events_total{system="chat",event="stream_left"}'] == 1
    instance.stop()
    [line] = instance.requests()
    assert line["sent"] is False and 9 <= line["tokens"] < 500
    if_quiet(line["end_ns"] - line["last_ns"] < 100 * MS or SLOW, line)


def memory_kb(target):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{target.process.pid}/status").read_text())[1])


@pytest.mark.sanitize
def test_a_client_that_does_not_read_holds_up_nobody_and_costs_no_memory(target):
    instance = target("--threads", 1, "--chat-tokens", 40_000)
    streamed(instance, max_tokens=20)
    before_kb = memory_kb(instance)
    with Stream(instance.port) as slow:
        wait_until(lambda: limit(instance, "streams")["used"] == 1)
        time.sleep(0.2)
        assert len(tokens(streamed(instance, max_tokens=20))) == 20
        assert SLOW or memory_kb(instance) - before_kb < 2000
        got = slow.events()
    assert len(tokens(got)) == 40_000


# ---- sessions ----

def make_session(target):
    status, headers, body = ask(target, "POST", "/sessions")
    assert status == 201
    session = json.loads(body)["id"]
    assert headers["Set-Cookie"] == f"pelt_session={session}; Path=/; HttpOnly" and headers["X-Session-ID"] == session
    return session


@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
def test_a_session_is_sticky_by_cookie_and_by_header(target, threads):
    instance = target("--threads", threads, "--sessions-messages", 2)
    session, other = make_session(instance), make_session(instance)
    by_cookie, by_header = {"Cookie": f"a=b; pelt_session={session}"}, {"X-Session-ID": session}
    for number, headers in enumerate((by_cookie, by_header, by_cookie, by_header), 1):
        status, answered, _ = ask(instance, "POST", "/api/chat", f'{{"message": "m{number}"}}', headers=headers)
        assert (status, answered["X-Session-Turn"]) == (200, str(number))
    with Stream(instance.port, headers=by_header.items(), message="m5") as stream:
        assert b"X-Session-Turn: 5" in stream.head
        stream.events()
    status, told = ask_json(instance, "GET", "/sessions", headers=by_cookie)
    assert (status, told) == (200, {"id": session, "turns": 5, "ttl_s": 1800, "messages": ["m4", "m5"]})
    assert ask_json(instance, "GET", "/sessions", headers={"X-Session-ID": other})[1]["turns"] == 0
    assert "X-Session-Turn" not in ask(instance, "POST", "/api/chat", '{"message": "x"}')[1]
    assert ask_json(instance, "DELETE", "/sessions", headers=by_cookie) == (200, {"status": "ended"})
    for method, path, body in (("GET", "/sessions", None), ("DELETE", "/sessions", None),
                               ("POST", "/api/chat", '{"message": "x"}')):
        status, answer = ask_json(instance, method, path, body, headers=by_cookie)
        assert (status, answer["error"]["type"]) == (404, "session_not_found")
    assert ask(instance, "GET", "/sessions")[0] == 400


@pytest.mark.sanitize
@tried_until_quiet
def test_sessions_are_bounded_and_end_by_themselves(target):
    instance = target("--sessions", 2, "--sessions-ttl", "400ms")
    first, second = make_session(instance), make_session(instance)
    status, headers, _ = ask(instance, "POST", "/sessions")
    if_quiet(status == 503, "the first was over")
    assert headers["Retry-After"] == "1"
    used = limit(instance, "sessions")
    if_quiet(used == {"used": 2, "limit": 2, "waiters": 0, "events": 1}, used)
    deadline = time.monotonic() + 0.6
    while time.monotonic() < deadline:
        if_quiet(ask(instance, "GET", "/sessions", headers={"X-Session-ID": second})[0] == 200, "it was asked for too late")
        time.sleep(0.05)
    assert ask(instance, "GET", "/sessions", headers={"X-Session-ID": first})[0] == 404
    assert limit(instance, "sessions")["used"] == 1
    make_session(instance)
    instance.stop()
    told = events(instance, "sessions")
    assert [line["event"] for line in told[:3]] == ["full", "expired", "free"] and told[1]["session"] == first


@pytest.mark.sanitize
def test_sessions_can_be_off(target):
    instance = target("--sessions", 0)
    assert ask(instance, "POST", "/sessions")[0] == 503
