"""How pelt joins agents, keeps them and joins them again: against an agent of the test's own, which has faults."""
import re
import ssl
import time

import pytest

import certs
from fakeagent import FIGURES, FakeAgent
from program import SLOW, if_quiet, in_a_quiet_moment, tried_until_quiet
from watchprobe import Probe, value, watch

pytestmark = pytest.mark.sanitize

TICK_NS = 100_000_000
ATTEMPT = 3 if SLOW else 1


@pytest.fixture(name="fake")
def fake_agents():
    """fake(**how) starts one; it is stopped after the test."""
    started = []

    def start(**how):
        started.append(FakeAgent(**how).start())
        return started[-1]

    yield start
    for instance in started:
        instance.stop()


# ---- what cannot be joined ----

@pytest.mark.parametrize("fault, says", [
    ("html", "answers an HTML page"),
    ("schema", "speaks pelt-agent/2"),
    ("not_found", "/v1/info with status 404"),
    ("not_http", "no HTTP"),
    ("old_sample", "GET /v1/sample with a time that cannot be"),
])
def test_what_is_no_agent_is_told_in_one_line(fake, fault, says):
    agent = fake(faults=[fault])
    told = watch(agent.url)
    assert told.code == 2 and told.err.count("\n") == 1, told
    assert agent.url in told.err and says in told.err, told.err


def test_an_agent_that_is_not_there_is_told(fake):
    agent = fake()
    agent.stop()
    told = watch(agent.url)
    assert told.code == 6 and f"agent {agent.url}: cannot connect" in told.err, told
    agent.start()


@tried_until_quiet
def test_an_agent_that_does_not_answer_is_given_up_after_3_seconds(fake):
    good, silent = fake(), fake(faults=["silent"])
    secure = silent.url.replace("http", "https")
    began = time.monotonic()
    told = watch(good.url, silent.url, secure)
    assert told.code == 6 and told.err == (
        f"agent {silent.url}: no answer to GET /v1/info within 3 s: is it a pelt-agent?\n"
        f"agent {secure}: no TLS handshake within 3 s: does it want http:// ?\n"), told
    took_s = time.monotonic() - began
    if_quiet(took_s < 3 + 2 * ATTEMPT, took_s)


def test_a_token_is_asked_for_and_checked(fake, tmp_path):
    agent = fake(token="s3cret")
    assert "give --agent-token-file" in watch(agent.url).err
    (tmp_path / "wrong").write_text("guess\n")
    told = watch("-T", tmp_path / "wrong", agent.url)
    assert told.code == 2 and "refuses the token (401: no such token)" in told.err, told
    (tmp_path / "right").write_text("s3cret\n")
    assert watch("-T", tmp_path / "right", "-d", "0.1", agent.url).code == 0


def test_two_agents_of_one_name_are_refused(fake):
    told = watch(fake().url, fake().url)
    assert told.code == 2 and 'both named "fake-1"' in told.err and "--name" in told.err, told


def test_one_agent_given_twice_is_refused_as_that(fake):
    agent = fake()
    for other in (agent.url, agent.url.replace("127.0.0.1", "localhost")):
        told = watch(agent.url, other)
        assert told.code == 2 and "--name" not in told.err and told.err.count("\n") == 1, told
        assert ("given twice" if other == agent.url else "one and the same") in told.err and agent.url in told.err, told


def test_tls_is_trusted_by_its_ca(fake):
    ca = certs.shared()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca.path("ordered.pem"), ca.path("leaf.key"))
    agent = fake(tls=context)
    told = watch("-c", ca.path("root.crt"), "-d", "0.4", agent.url)
    assert told.code == 0 and len(told.frames()) >= 2, told
    told = watch(agent.url)
    assert told.code == 2 and f"agent {agent.url}: TLS: " in told.err, told
    told = watch(agent.url.replace("https", "http"))
    assert told.code != 0 and told.err.count("\n") == 1 and "does it want https:// ?" in told.err, told


# ---- frames ----

@pytest.mark.parametrize("offset_s, ppm", [(-300, 100), (300, -100), (-200_000, 0)])
def test_frames_are_those_of_the_runs_ticks(fake, offset_s, ppm):
    agent = fake(offset_ns=offset_s * 10**9, ppm=ppm)
    if agent.clock_ns() < 0:  # its host was started after the run's second 0
        agent.offset_ns += 5 * 10**9 - agent.clock_ns()
    probe = Probe("-d", "20", agent.url)
    probe.frames(6)
    told = probe.end()
    assert told.code == 0, told
    frames, epoch = told.frames(), told.one("start")["epoch_ns"]
    assert [f["k"] for f in frames] == sorted({f["k"] for f in frames})
    for f in frames:
        assert f["due_ns"] == epoch + f["k"] * TICK_NS
        drifted_ns = abs(ppm) / 1e6 * (f["now_ns"] - epoch + TICK_NS)  # since the agent was told of the ticks
        assert f["at_ns"] - f["due_ns"] >= -f["clock"]["bound_ns"] - drifted_ns, f
        error = abs(f["clock"]["offset_ns"] - agent.true_offset_ns(f["now_ns"]))
        # The offset was told between at_ns and now_ns, and the truth goes on meanwhile.
        assert error <= f["clock"]["bound_ns"] + abs(ppm) / 1e6 * (f["now_ns"] - f["at_ns"]) + 1, f
    baseline = told.one("baseline")
    assert value(baseline, "nofile") and baseline["unreadable"] == [["memory_rss", "port 80", "EACCES"]]


def test_stop_waits_for_the_frames_that_are_due(fake):
    agent = fake()

    def check(_):
        told = watch("-d", "0.3", agent.url)
        end, epoch = told.one("end"), told.one("start")["epoch_ns"]
        due = -(-(end["stop_ns"] - epoch) // TICK_NS)
        if_quiet([f["k"] for f in told.frames()] == list(range(due)), told.mail)
        if_quiet(end["now_ns"] - end["stop_ns"] < 250_000_000, end)

    in_a_quiet_moment(check)


# ---- gaps ----

@tried_until_quiet
def test_a_restarted_agent_is_joined_again_and_its_counts_go_on(fake):
    agent = fake()
    probe = Probe("-d", "20", agent.url)
    probe.frames(4)
    agent.stop()
    lost = probe.wait_for(lambda m: m["mail"] == "lost")
    before = [m for m in probe.mail if m["mail"] == "frame"][-1]
    agent.figures = [{**f, "i": 3 - f["i"]} for f in reversed(FIGURES)]  # another order
    restarted = time.monotonic()
    agent.start()
    joined = probe.wait_for(lambda m: m["mail"] == "joined")
    took_s = time.monotonic() - restarted
    probe.frames(2, after=before["k"])
    told = probe.end()
    if_quiet(took_s < 3, took_s)
    assert lost["from_ns"] == before["due_ns"] + TICK_NS and "agent fake-1: lost: " in lost["text"], lost
    assert joined["restarted"] and joined["from_ns"] == lost["from_ns"], joined
    after = [f for f in told.frames() if f["k"] > before["k"]]
    assert joined["to_ns"] == after[0]["due_ns"] and after[0]["missed"] == 0
    count = value(before, "tcp_retransmits")[0]
    assert value(after[0], "tcp_retransmits")[0] > count
    assert value(after[0], "nofile")[0] < count  # what is not counted is as it is
    assert value(after[0], "response")[0] > value(before, "response")[0]
    assert len(told.of("lost")) == len(told.of("joined")) == 1
    assert {f["clock"]["jumps"] for f in told.frames()} == {0}


@pytest.mark.parametrize("fault, says", [("garbage", "no JSON"), ("future", "which is not due"),
                                         ("elsewhen", "which was sampled at another time"), ("again", "no frame for 2 s")])
def test_frames_that_make_no_sense_are_a_gap_and_no_value(fake, fault, says):
    agent = fake(faults=[fault])
    probe = Probe("-d", "20", agent.url)
    lost = probe.wait_for(lambda m: m["mail"] == "lost")
    agent.faults.clear()
    probe.wait_for(lambda m: m["mail"] == "joined")
    told = probe.end()
    assert says in lost["text"], lost
    assert [f["k"] for f in told.frames()] == sorted({f["k"] for f in told.frames()})


def test_an_agent_that_comes_and_goes_is_tried_ever_less_often(fake):
    agent = fake(faults=["garbage"])
    probe = Probe("-d", "20", agent.url)
    probe.wait_for(lambda _: sum(m["mail"] == "lost" for m in probe.mail) >= 6)
    told = probe.end()
    lost = [m["from_ns"] for m in told.of("lost")]
    assert lost[5] - lost[0] > 1_500_000_000, lost  # 50, 100 ... 800 ms


def test_what_happened_before_it_was_asked_is_not_told(fake):
    probe = Probe("-d", "20", fake().url)
    probe.frames(2)
    told = probe.end()
    assert not [event for m in told.mail for event in m.get("events", [])], told.mail


def test_a_stream_that_falls_silent_is_opened_again(fake):
    agent = fake()
    probe = Probe("-d", "20", agent.url)
    probe.frames(2)
    agent.faults.add("mute")
    lost = probe.wait_for(lambda m: m["mail"] == "lost")
    agent.faults.clear()
    probe.wait_for(lambda m: m["mail"] == "joined")
    probe.end()
    assert "no frame for 2 s" in lost["text"], lost


@tried_until_quiet
def test_a_jump_of_the_clock_is_told_and_frames_go_on_in_their_ticks(fake):
    agent = fake()
    probe = Probe("-d", "20", agent.url)
    probe.frames(3)
    agent.offset_ns -= 40_000_000
    jumped = probe.wait_for(lambda m: m["mail"] == "jumped")
    regrid = probe.wait_for(lambda m: m["mail"] == "frame" and m["clock"]["regrids"] > 0)
    probe.frames(2, after=regrid["k"])
    told = probe.end()
    by_ms, bound_ms = map(float, re.search(r"jumped by (\S+) ms \(give or take (\S+)\)", jumped["text"]).groups())
    assert abs(by_ms + 40) <= bound_ms + 0.001, jumped  # both are told to the microsecond
    if_quiet(-50 < by_ms < -30 and bound_ms < 10, jumped)
    after = [f for f in told.frames() if f["clock"]["regrids"] > 0]
    assert min(abs(f["at_ns"] - f["due_ns"]) for f in after) < TICK_NS // 4, after
    assert [f["k"] for f in told.frames()] == sorted({f["k"] for f in told.frames()})
    assert not told.of("lost")
