"""pelt-target's WebSockets: what is echoed is byte for byte what was sent, the chat is paced as planted, hostile frames are
closed with the right code, and everything is counted. Clients are bare sockets and know nothing of pelt."""
import asyncio
import json
import random
import re
import resource
import socket
import statistics
import struct
import threading
import time
from pathlib import Path

import pytest

from program import SLOW, if_quiet, in_a_quiet_moment, tried_until_quiet
from test_target_limits import ask, ask_json, events, limit, metrics, turn, wait_until
from wsclient import BINARY, CLOSE, CONTINUED, PING, PONG, TEXT, WebSocket, frame

MS = 1_000_000  # nanoseconds


def websockets(target):
    """Lines of the truth log, in order of their begin."""
    return sorted((line for line in target.log() if line["type"] == "websocket"), key=lambda line: line["begin_ns"])


def count(target, event):
    return metrics(target).get(f'pelt_target_events_total{{system="websocket",event="{event}"}}', 0)


# ---- the handshake ----

@pytest.mark.sanitize
@pytest.mark.parametrize("path", ["/ws/echo", "/ws/chat"])
def test_a_handshake_is_proven(target, path):
    instance = target()
    with WebSocket(instance.port, path) as client:
        assert client.status == 101 and client.is_proven
        assert limit(instance, "websockets") == {"used": 1, "limit": float("inf"), "waiters": 0, "events": 0}
        assert client.close(1000) == 1000
    wait_until(lambda: limit(instance, "websockets")["used"] == 0)
    assert instance.count()["paths"] == {path: 1} and instance.count()["statuses"] == {"101": 1}


GOOD = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


@pytest.mark.sanitize
@pytest.mark.parametrize("change, status", [
    ({}, 101), ({"Upgrade": "h2c, WebSocket"}, 101), ({"Connection": "keep-alive , upgrade"}, 101),
    ({"Upgrade": None}, 426), ({"Upgrade": "h2c"}, 426), ({"Sec-WebSocket-Version": "8"}, 426),
    ({"Sec-WebSocket-Version": None}, 426), ({"Connection": "keep-alive"}, 400), ({"Sec-WebSocket-Key": None}, 400),
    ({"Sec-WebSocket-Key": "c2hvcnQ="}, 400), ({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZ!=="}, 400),
    ({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQAB"}, 400),
])
def test_handshakes_are_checked(target, change, status):
    headers = {name: value for name, value in {**GOOD, **change}.items() if value}
    with socket.create_connection(("127.0.0.1", target().port), timeout=20) as client:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        client.sendall(f"GET /ws/echo HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
        head = client.recv(65536).decode()
    assert head.startswith(f"HTTP/1.1 {status} "), head
    assert ("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head) == (status == 101), "the example of RFC 6455"
    assert ("Sec-WebSocket-Version: 13" in head) == (status == 426)


@pytest.mark.sanitize
def test_other_methods_and_old_http_are_refused(target):
    instance = target()
    assert ask(instance, "POST", "/ws/echo")[0] == 405
    with socket.create_connection(("127.0.0.1", instance.port), timeout=20) as client:
        lines = "".join(f"{name}: {value}\r\n" for name, value in GOOD.items())
        client.sendall(f"GET /ws/echo HTTP/1.0\r\nHost: x\r\n{lines}\r\n".encode())
        assert b" 426 " in client.recv(65536).partition(b"\r\n")[0]


@pytest.mark.sanitize
def test_connections_are_limited(target):
    instance = target("--ws-connections", 2)
    with WebSocket(instance.port), WebSocket(instance.port, "/ws/chat"):
        assert WebSocket(instance.port).status == 503
        assert limit(instance, "websockets") == {"used": 2, "limit": 2, "waiters": 0, "events": 1}
        turn(instance, ws_connections=3)
        with WebSocket(instance.port) as third:
            assert third.status == 101
    wait_until(lambda: limit(instance, "websockets")["used"] == 0)
    with WebSocket(instance.port) as again:
        assert again.status == 101


# ---- the echo ----

@pytest.mark.sanitize
def test_what_is_echoed_is_byte_for_byte_what_was_sent(target):
    instance = target("--ws-message", "4m", "--ws-queue", "4m")
    draw, sent, messages = random.Random(1), 0, 0
    with WebSocket(instance.port) as client:
        for length in (0, 1, 125, 126, 127, 65535, 65536, 1_500_000):
            payload = draw.randbytes(length)
            client.send(BINARY, payload, mask=draw.randbytes(4))
            assert client.read() == (BINARY, payload)
            sent, messages = sent + length, messages + 1
        client.send(TEXT, "größer 🚀".encode())
        assert client.read() == (TEXT, "größer 🚀".encode())
        sent, messages = sent + len("größer 🚀".encode()), messages + 1
        assert client.close() == 1000
    instance.stop()
    [line] = websockets(instance)
    assert (line["path"], line["code_sent"], line["code_received"]) == ("/ws/echo", 1000, 1000)
    assert (line["messages_in"], line["messages_out"], line["bytes_in"], line["bytes_out"]) == (
        messages, messages, sent, sent)


@pytest.mark.sanitize
def test_fragments_with_pings_between_come_back_as_one_message(target):
    draw = random.Random(2)
    with WebSocket(target().port) as client:
        for _ in range(20):
            payload = draw.randbytes(draw.randrange(1, 20_000))
            cuts = sorted(draw.randrange(len(payload) + 1) for _ in range(4))
            pieces = [payload[a:b] for a, b in zip((0, *cuts), (*cuts, len(payload)))]
            stream = b"".join(frame(CONTINUED if i else BINARY, piece, fin=i == 4, mask=draw.randbytes(4))
                              + (frame(PING, b"p%d" % i) if i < 4 else b"") for i, piece in enumerate(pieces))
            while stream:  # cut anywhere: frames do not come as reads
                cut = draw.randrange(1, 4000)
                client.socket.sendall(stream[:cut])
                stream = stream[cut:]
            assert [client.read() for _ in range(4)] == [(PONG, b"p%d" % i) for i in range(4)]
            assert client.read() == (BINARY, payload)


@pytest.mark.sanitize
def test_a_character_may_be_cut_between_fragments(target):
    text = "größer 🚀".encode()
    with WebSocket(target().port) as client:
        for i, byte in enumerate(text):
            client.send(CONTINUED if i else TEXT, bytes([byte]), fin=i == len(text) - 1)
        assert client.read() == (TEXT, text)


@pytest.mark.sanitize
def test_what_comes_with_the_handshake_is_not_lost(target):
    with WebSocket(target().port, early=frame(TEXT, b"early") + frame(PING, b"bird")) as client:
        assert sorted([client.read(), client.read()]) == [(TEXT, b"early"), (PONG, b"bird")]
        client.send(TEXT, b"late")
        assert client.read() == (TEXT, b"late")


@pytest.mark.sanitize
@pytest.mark.parametrize("path", ["/ws/echo", "/ws/chat"])
@pytest.mark.parametrize("early", [b"", frame(TEXT, b"x"), frame(CLOSE), frame(TEXT, b"x")[:3], b"\xff\xff"],
                         ids=["nothing", "a text", "a close", "part of a text", "no frame"])
@pytest.mark.parametrize("leaving", ["fin", "reset", "close"])
def test_who_leaves_with_the_handshake_leaves_nothing_behind(target, path, early, leaving):
    """The library still has the socket when such a member ends. Another one keeps the set awake."""
    instance = target("--threads", 1)
    asked = "".join(f"{name}: {value}\r\n" for name, value in GOOD.items())
    with WebSocket(instance.port) as other:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", instance.port), timeout=20) as client:
                client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{asked}\r\n".encode() + early)
                if leaving == "fin":
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass
                elif leaving == "reset":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            other.send(TEXT, b"there?")
            assert other.read() == (TEXT, b"there?")
        wait_until(lambda: limit(instance, "websockets")["used"] == 1)
    assert instance.stop() == 0


@pytest.mark.sanitize
def test_pongs_and_empty_pings_are_taken(target):
    with WebSocket(target().port) as client:
        client.send(PONG, b"unasked")
        client.send(PING)
        assert client.read() == (PONG, b"")


# ---- the close handshake and hostile frames ----

@pytest.mark.sanitize
@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
def test_a_close_is_answered_with_its_code(target, code):
    with WebSocket(target().port) as client:
        assert client.close(code) == code


@pytest.mark.sanitize
def test_a_close_without_a_code_is_answered_without_one(target):
    with WebSocket(target().port) as client:
        client.send(CLOSE)
        assert client.read_close() is None
        client.at_end()


HOSTILE = [
    ("unmasked", frame(TEXT, b"x", mask=None), 1002),
    ("a reserved bit", frame(TEXT, b"x", rsv=4), 1002),
    ("a reserved opcode", frame(3, b"x"), 1002),
    ("a reserved control opcode", frame(11, b"x"), 1002),
    ("a ping of 126 bytes", frame(PING, b"x" * 126), 1002),
    ("a fragmented ping", frame(PING, b"x", fin=False), 1002),
    ("a continuation of nothing", frame(CONTINUED, b"x"), 1002),
    ("a message inside another", frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),
    ("text that is not UTF-8", frame(TEXT, b"\xff\xfe"), 1007),
    ("text cut in a character", frame(TEXT, b"\xc3"), 1007),
    ("a surrogate", frame(TEXT, b"\xed\xa0\x80"), 1007),
    ("text that is not UTF-8 over fragments", frame(TEXT, b"\xf0\x9f", fin=False) + frame(CONTINUED, b"\x41"), 1007),
    ("a close of one byte", frame(CLOSE, b"\x03"), 1002),
    ("a close code that may not be sent", frame(CLOSE, struct.pack("!H", 1005)), 1002),
    ("a close reason that is not UTF-8", frame(CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007),
    ("a message above the limit", frame(BINARY, b"x" * 2000), 1009),
    ("fragments above the limit", frame(BINARY, b"x" * 800, fin=False) + frame(CONTINUED, b"x" * 800), 1009),
    ("a length beyond all limits", frame(BINARY, b"", length=1 << 62), 1009),
    ("a length with the highest bit", frame(BINARY, b"", length=(1 << 63) + 5), 1002),
]


@pytest.mark.sanitize
@pytest.mark.parametrize("what, frames, code", HOSTILE, ids=[what for what, *_ in HOSTILE])
@pytest.mark.parametrize("path", ["/ws/echo", "/ws/chat"])
def test_hostile_frames_are_closed_with_the_right_code(target, path, what, frames, code):
    instance = target("--ws-message", 1024)
    with WebSocket(instance.port, path) as client, WebSocket(instance.port) as other:
        client.socket.sendall(frames + frame(TEXT, b"unheard"))
        assert client.read_close() == code
        client.at_end()
        other.send(TEXT, b"not my fault")
        assert other.read() == (TEXT, b"not my fault")
    wait_until(lambda: limit(instance, "websockets")["used"] == 0)
    assert count(instance, "message_out") == 1


@pytest.mark.sanitize
def test_what_follows_an_error_is_dropped_and_resets_nothing(target):
    with WebSocket(target().port) as client:
        client.socket.sendall(frame(TEXT, b"x", mask=None) + b"x" * 300_000)
        assert client.read_close() == 1002
        client.socket.sendall(b"x" * 1000)
        client.at_end()


@pytest.mark.sanitize
@pytest.mark.parametrize("bytes_sent", [b"", b"\x81", frame(TEXT, b"hello")[:-1], frame(BINARY, b"x", fin=False)])
def test_a_client_that_vanishes_is_gone_at_once(target, bytes_sent):
    instance = target()
    with WebSocket(instance.port) as client:
        client.socket.sendall(bytes_sent)
        wait_until(lambda: limit(instance, "websockets")["used"] == 1)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", len(bytes_sent) % 2, 0))
    wait_until(lambda: limit(instance, "websockets")["used"] == 0)
    instance.stop()
    [line] = websockets(instance)
    assert (line["code_sent"], line["code_received"], line["messages_in"]) == (1006, 1006, 0)


@pytest.mark.sanitize
@tried_until_quiet
def test_who_does_not_close_after_an_error_is_closed_after_a_second(target):
    instance = target()
    with WebSocket(instance.port) as client:
        client.send(TEXT, b"x", mask=None)
        assert client.read_close() == 1002
        began = time.monotonic()
        wait_until(lambda: limit(instance, "websockets")["used"] == 0)
        took_s = time.monotonic() - began
        if_quiet(took_s < (1.5 if not SLOW else 5), took_s)


def memory_kb(target):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{target.process.pid}/status").read_text())[1])


@pytest.mark.sanitize
def test_who_does_not_read_is_bounded_and_closed(target):
    instance = target("--ws-queue", "256k", "--threads", 1)
    with WebSocket(instance.port) as slow, WebSocket(instance.port) as other:
        before_kb = memory_kb(instance)
        slow.socket.settimeout(0.5)
        with pytest.raises(OSError):
            for _ in range(4000):
                slow.send(BINARY, b"x" * 16384)
        other.send(TEXT, b"I read")
        assert other.read() == (TEXT, b"I read")
        assert SLOW or memory_kb(instance) - before_kb < 2000
        wait_until(lambda: limit(instance, "websockets")["used"] == 1)
        assert count(instance, "slow") == 1
    instance.stop()
    [event] = events(instance, "websocket")
    assert event["event"] == "slow" and event["queued_bytes"] <= 256 * 1024
    line = websockets(instance)[0]
    assert 0 < line["messages_out"] < line["messages_in"] < 4000


@pytest.mark.sanitize
def test_who_reads_again_finds_the_code_1013(target):
    instance = target("--ws-queue", "64k", "--ws-message", "16m")
    with WebSocket(instance.port) as client:
        payload = b"x" * 12_000_000
        client.send(BINARY, payload)
        client.send(BINARY, b"y" * 100_000)
        wait_until(lambda: count(instance, "slow") == 1)
        assert client.read() == (BINARY, payload), "the message that was begun is ended"
        assert client.read_close() == 1013


@pytest.mark.sanitize
def test_pings_that_nobody_hears_are_bounded(target):
    instance = target("--threads", 1)
    with WebSocket(instance.port) as client:
        before_kb = memory_kb(instance)
        client.socket.settimeout(0.5)
        with pytest.raises(OSError):
            for _ in range(4000):
                client.socket.sendall(frame(PING, b"p" * 125) * 200)
        assert SLOW or memory_kb(instance) - before_kb < 4000
        wait_until(lambda: limit(instance, "websockets")["used"] == 0)
        assert count(instance, "slow") == 1


# ---- the chat ----

def said(client):
    """The messages of one answer, each with the moment of its arrival."""
    found = []
    while not found or found[-1]["type"] == "token":
        opcode, payload, arrived_ns = client.read_stamped()
        assert opcode == TEXT
        found.append({**json.loads(payload), "arrived_ns": arrived_ns})
    return found


def ask_ws(client, message="one two", **more):
    client.send(TEXT, json.dumps({"message": message, **more}).encode())
    return said(client)


def gaps_ns(answer):
    planned = [message["planned_ns"] for message in answer[:-1]]
    return [later - earlier for earlier, later in zip(planned, planned[1:])]


@pytest.mark.sanitize
def test_the_chat_answers_in_tokens(target):
    with WebSocket(target().port, "/ws/chat") as client:
        for message in ("one two", "größer 🚀"):
            answer = ask_ws(client, message, model="m-1")
            assert "".join(token["content"] for token in answer[:-1]) == f"You said: {message}"
            assert [token["index"] for token in answer[:-1]] == [0, 1, 2, 3]
            assert (answer[-1]["type"], answer[-1]["finish_reason"], answer[-1]["model"]) == ("done", "stop", "m-1")
            assert answer[-1]["usage"] == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}
        assert ask_ws(client, max_tokens=1)[-1]["finish_reason"] == "length"


@pytest.mark.sanitize
def test_wrong_questions_are_told_and_the_next_one_is_answered(target):
    with WebSocket(target("--chat-first", "100ms").port, "/ws/chat") as client:
        for opcode, payload, what in ((TEXT, b"{", "not JSON"), (TEXT, b"{}", '"message"'), (BINARY, b"{}", "text")):
            client.send(opcode, payload)
            [answer] = said(client)
            assert answer["type"] == "error" and what in answer["message"]
        client.send(TEXT, b'{"message": "x"}')
        [busy] = ask_ws(client)
        assert busy["type"] == "error" and "on its way" in busy["message"]
        assert said(client)[-1]["type"] == "done"


@pytest.mark.sanitize
def test_the_chat_is_paced_as_planted(target):
    instance = target("--chat-tokens", 20, "--chat-first", "30ms", "--chat-gap", "3ms")
    with WebSocket(instance.port, "/ws/chat") as client:
        began_ns = time.monotonic_ns()
        answer = ask_ws(client)
        assert len(answer) == 21 and set(gaps_ns(answer)) == {3 * MS}
        assert answer[0]["planned_ns"] >= began_ns + 30 * MS
        assert all(m["planned_ns"] <= m["sent_ns"] <= m["arrived_ns"] for m in answer)
        turn(instance, chat_gap="0", chat_tokens="3")
        assert gaps_ns(ask_ws(client)) == [0, 0]


@pytest.mark.alone
def test_messages_leave_when_planned_and_stamps_are_when_they_arrive(target):
    instance = target("--chat-tokens", 100, "--chat-first", "30ms", "--chat-gap", "3ms")

    def check(_):
        with WebSocket(instance.port, "/ws/chat") as client:
            began_ns = time.monotonic_ns()
            answer = ask_ws(client)[:-1]
        late_ms = [(message["sent_ns"] - message["planned_ns"]) / MS for message in answer]
        away_ms = [(message["arrived_ns"] - message["sent_ns"]) / MS for message in answer]
        first_ms = (answer[0]["arrived_ns"] - began_ns) / MS
        if_quiet(statistics.median(late_ms) < 0.3 and statistics.quantiles(late_ms, n=20)[18] < 1, late_ms)
        if_quiet(statistics.median(away_ms) < 0.3 and statistics.quantiles(away_ms, n=20)[18] < 1, away_ms)
        if_quiet(first_ms == pytest.approx(30, abs=1), first_ms)

    in_a_quiet_moment(check)


@pytest.mark.sanitize
def test_draws_of_the_chat_depend_on_the_seed_only(target):
    def plan(seed):
        instance = target("--chat-tokens", "exponential:20", "--chat-gap", "exponential:200us", "--seed", seed)
        with WebSocket(instance.port, "/ws/chat") as client:
            return [gaps_ns(ask_ws(client)) for _ in range(3)]

    first = plan(5)
    assert first == plan(5) and first != plan(6)


@pytest.mark.sanitize
@tried_until_quiet
def test_stalls_hold_echo_and_chat(target):
    instance = target("--stall", "200ms/500ms", "--chat-gap", "10ms", "--chat-tokens", 90)
    stamps = []
    with WebSocket(instance.port) as echo, WebSocket(instance.port, "/ws/chat") as chat:
        chat.send(TEXT, b'{"message": "x"}')
        deadline = time.monotonic() + 0.9
        while time.monotonic() < deadline:
            sent_ns = time.monotonic_ns()
            echo.send(TEXT, b"x")
            stamps.append((sent_ns, echo.read_stamped()[2]))
            time.sleep(0.002)
        answer = said(chat)[:-1]
    instance.stop()
    phases = [(message["sent_ns"] - instance.start_ns()) / MS for message in answer]
    # A message that was begun just before a stall may be stamped just inside it, on a busy host far inside.
    if_quiet(all(phase < 500 or phase % 500 >= 200 or phase % 500 < 10 for phase in phases), phases)
    if_quiet(max(arrived - sent for sent, arrived in stamps) > 150 * MS, "no echo was begun within a stall")
    assert len(answer) == 90


@pytest.mark.sanitize
def test_the_truth_log_tells_each_answer(target):
    instance = target("--chat-gap", "5ms")
    with WebSocket(instance.port, "/ws/chat") as client:
        whole = ask_ws(client)
        client.send(TEXT, b'{"message": "x"}')
        client.read()
        assert client_close_in_the_middle(client) in (1, 2)
    instance.stop()
    first, second = events(instance, "websocket")
    assert (first["event"], first["tokens"], first["whole"]) == ("answer", 4, True)
    assert (first["first_ns"], first["last_ns"]) == (whole[0]["sent_ns"], whole[-2]["sent_ns"])
    assert second["whole"] is False and websockets(instance)[0]["tokens"] == 4 + second["tokens"]


def client_close_in_the_middle(client):
    """How many tokens came until then."""
    client.send(CLOSE, b"\x03\xe8")
    tokens_read = 1
    while client.read()[0] == TEXT:
        tokens_read += 1
    return tokens_read


@pytest.mark.sanitize
def test_a_client_of_a_library_is_understood(target):
    """python3-websockets, with its own masks, fragments, pings and compression offered."""
    client = pytest.importorskip("websockets")
    instance = target()

    async def use():
        async with client.connect(f"ws://127.0.0.1:{instance.port}/ws/echo", max_size=None) as echo:
            for message in ("größer 🚀", b"\x00\xff" * 50_000, ""):
                await echo.send(message)
                assert await echo.recv() == message
            await echo.send(["in ", "three ", "pieces"])
            assert await echo.recv() == "in three pieces"
            await asyncio.wait_for(await echo.ping(), 5)
        assert echo.close_code == 1000
        async with client.connect(f"ws://127.0.0.1:{instance.port}/ws/chat") as chat:
            await chat.send('{"message": "x"}')
            assert [json.loads(await chat.recv())["type"] for _ in range(4)] == ["token"] * 3 + ["done"]

    asyncio.run(use())


@pytest.mark.sanitize
def test_a_session_goes_on_over_a_websocket(target):
    instance = target()
    session = ask_json(instance, "POST", "/sessions")[1]["id"]
    by_cookie = {"Cookie": f"pelt_session={session}"}
    assert ask(instance, "POST", "/api/chat", '{"message": "a"}', headers=by_cookie)[1]["X-Session-Turn"] == "1"
    with WebSocket(instance.port, "/ws/chat", headers=by_cookie.items()) as client:
        assert ask_ws(client, "b")[-1]["turn"] == 2
        assert ask_json(instance, "GET", "/sessions", headers=by_cookie)[1]["messages"] == ["a", "b"]
        assert ask(instance, "DELETE", "/sessions", headers=by_cookie)[0] == 200
        [answer] = ask_ws(client, "c")
        assert answer["type"] == "error" and "no such session" in answer["message"]
    assert WebSocket(instance.port, "/ws/chat", headers=by_cookie.items()).status == 404


# ---- many ----

@pytest.mark.sanitize
@pytest.mark.parametrize("threads", [1, 2])
def test_counts_are_exact_both_ways(target, threads):
    instance = target("--threads", threads)
    draw, sent = random.Random(3), [0, 0]

    def use(number):
        local = random.Random(number)
        with WebSocket(instance.port) as client:
            for _ in range(50):
                payload = local.randbytes(local.randrange(0, 300))
                client.send(BINARY, payload)
                assert client.read() == (BINARY, payload)
                totals.append(len(payload))
            assert client.close(1000) == 1000

    totals = []
    users = [threading.Thread(target=use, args=(draw.random(),)) for _ in range(20)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert len(totals) == 1000
    assert [count(instance, e) for e in ("message_in", "message_out")] == [1000, 1000]
    assert [count(instance, e) for e in ("byte_in", "byte_out")] == [sum(totals)] * 2
    wait_until(lambda: limit(instance, "websockets")["used"] == 0)
    instance.stop()
    lines = websockets(instance)
    assert len(lines) == 20 and sum(line["bytes_out"] for line in lines) == sum(totals)


def cpu_s(target):
    fields = Path(f"/proc/{target.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.mark.alone
def test_five_thousand_users_at_once(target):
    """Echo and chat by turns: all are answered rightly, all is counted, and each costs at most 16 KB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 6000:
        pytest.skip(f"5,000 connections need 6,000 file descriptors, the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 6000), hard))
    instance = target("--chat-gap", "2ms")
    WebSocket(instance.port).socket.close()
    before_kb = memory_kb(instance)
    clients = [WebSocket(instance.port, "/ws/chat" if i % 2 else "/ws/echo") for i in range(5000)]
    try:
        assert limit(instance, "websockets")["used"] == 5000
        for i, client in enumerate(clients):
            client.send(TEXT, b'{"message": "x"}' if i % 2 else b"%d" % i)
        for i, client in enumerate(clients):
            if i % 2:
                assert [message["type"] for message in said(client)] == ["token"] * 3 + ["done"]
            else:
                assert client.read() == (TEXT, b"%d" % i)
        assert (count(instance, "message_in"), count(instance, "message_out")) == (5000, 2500 + 4 * 2500)
        assert (memory_kb(instance) - before_kb) / 5000 < 16
    finally:
        for client in clients:
            client.socket.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: limit(instance, "websockets")["used"] == 0)


@pytest.mark.alone
def test_a_thousand_idle_websockets_cost_no_cpu(target):
    instance = target()
    clients = [WebSocket(instance.port) for _ in range(1000)]
    time.sleep(0.2)
    before = cpu_s(instance)
    time.sleep(2)
    assert cpu_s(instance) - before <= 0.02
    for client in clients:
        client.socket.close()
    wait_until(lambda: limit(instance, "websockets")["used"] == 0)
