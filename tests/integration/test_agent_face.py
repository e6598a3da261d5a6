"""What pelt-agent answers over HTTP: its pages, the stream and its grid, and clients that do not behave."""
import concurrent.futures
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from agents import AGENT, NO_LIMIT, SHIM, Agent
from program import SLOW, if_quiet, in_a_quiet_moment, tried_until_quiet

MS = 1_000_000  # nanoseconds
TICK = 100 * MS

pytestmark = pytest.mark.sanitize


def run(*options, timeout=20):
    return subprocess.run([str(AGENT), *map(str, options)], capture_output=True, text=True, timeout=timeout)


# ---- pages ----

def test_info_says_who_and_what(agent):
    info = agent("--name", "api-1").info()
    assert info["schema"] == "pelt-agent/1"
    assert info["name"] == "api-1"
    assert re.fullmatch("[0-9a-f]{32}", info["boot"])
    assert info["host"]["cpus"] > 0 and info["host"]["kernel"]
    assert info["tick_ns_least"] == TICK
    assert [figure["i"] for figure in info["figures"]] == list(range(len(info["figures"])))
    assert {figure["kind"] for figure in info["figures"]} <= {"limit", "gauge", "counter", "cache"}
    assert {figure["tier"] for figure in info["figures"]} <= {"fast", "medium", "slow"}
    assert all(figure["unit"] and figure["source"] for figure in info["figures"] if figure["kind"] != "cache")
    assert len({(figure["name"], figure["target"]) for figure in info["figures"]}) == len(info["figures"])


def test_the_host_name_can_be_left_out(agent):
    info = agent("--redact-hostname").info()
    assert (info["name"], info["host"]["hostname"]) == ("agent", "agent")


def test_another_process_is_another_boot(agent):
    assert agent().info()["boot"] != agent().info()["boot"]


def test_a_sample_has_every_figure_once(agent):
    instance = agent()
    info, sample = instance.info(), instance.get("/v1/sample")
    cells = {"limit": 3, "gauge": 1, "counter": 1, "cache": 5}
    assert sorted([i for i, *_ in sample["v"]] + [i for i, _ in sample["unreadable"]]) == \
        [figure["i"] for figure in info["figures"]]
    assert all(len(values) == cells[info["figures"][i]["kind"]] for i, *values in sample["v"])
    assert "k" not in sample
    assert sample["self"]["rss_bytes"] > 0 and sample["self"]["cpu_ns"] > 0


def test_the_clock_is_this_hosts(agent):
    instance = agent()
    before = time.monotonic_ns()
    clock = instance.get("/v1/clock")
    assert before <= clock["t2_ns"] <= clock["t3_ns"] <= time.monotonic_ns()


@pytest.mark.parametrize("offset_s, ppm", [(300, 0), (-300, 100)])
def test_the_shim_shows_another_clock(agent, offset_s, ppm):
    instance = agent(program=SHIM, env={"PELT_AGENT_CLOCK": f"{offset_s * 10**9},{ppm}"})

    def shown(t_ns):
        return max(0, t_ns + offset_s * 10**9 + int(t_ns * ppm / 1e6))

    def check(_):
        before = time.monotonic_ns()
        t2 = instance.get("/v1/clock")["t2_ns"]
        assert shown(before) - 1000 <= t2 <= shown(time.monotonic_ns()) + 1000
        if t2 > 0:  # else this host started less than the offset ago
            stream = instance.stream(epoch_ns=t2, tick_ns=TICK)
            ks = [frame["k"] for frame in stream.take(3)]
            stream.close()
            if_quiet(ks == [1, 2, 3], ks)

    in_a_quiet_moment(check)


def test_health_at_four_depths(agent):
    instance = agent()
    for path in ("/health", "/health/live", "/health/ready"):
        assert instance.get(path) == {"status": "ok"}
    detailed = instance.get("/health/detailed")
    assert detailed["status"] == "ok"
    assert detailed["figures"] == len(instance.info()["figures"])
    assert detailed["collectors"] and detailed["streams"]["most"] == 64
    assert len(detailed["unreadable"]) == len(instance.get("/v1/sample")["unreadable"])


def test_what_is_not_there_or_not_allowed_is_told_in_a_line(agent):
    instance = agent()
    for method, path, body, status, word in [
            ("GET", "/", None, 404, "/v1/info"), ("GET", "/v1/info/", None, 404, "no such page"),
            ("GET", "/../etc/passwd", None, 404, "no such page"),
            ("POST", "/v1/info", "x", 405, "only GET"), ("DELETE", "/metrics", None, 405, "only GET"),
            ("HEAD", "/v1/stream", None, 405, ""), ("GET", "/v1/info", "x", 400, "no body"),
            ("GET", "/v1/stream?tick_ns=99999999", None, 400, "tick_ns=99999999"),
            ("GET", "/v1/stream?tick_ns=-1", None, 400, "tick_ns"),
            ("GET", "/v1/stream?epoch_ns=x", None, 400, "epoch_ns=x"),
            ("GET", "/v1/stream?k=99999999999999999999", None, 400, "k=9999"),
            ("GET", "/v1/stream?k=99999999999999", None, 400, "a day ahead"),
            ("GET", "/v1/stream?interval=1", None, 400, '"interval"')]:
        got, headers, text = instance.ask(path, method, body=body)
        assert got == status, (method, path, got, text)
        assert headers["Content-Type"] == "application/json"
        if method != "HEAD":
            assert word in json.loads(text)["error"], text
    assert instance.ask("/v1/info", "HEAD")[0] == 200
    assert instance.ask("/v1/info?x=y")[0] == 200


# ---- OpenMetrics ----

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
SAMPLE = re.compile(r'([a-z_]+)\{?((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\}? (-?[0-9.e+-]+)')


def families(text):
    """{family: (type, {(sample name, labels): value})}, by the rules of OpenMetrics 1.0."""
    assert text.endswith("\n# EOF\n") and text.count("# EOF") == 1
    found, name = {}, None
    for line in text.splitlines()[:-1]:
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in found, f"{name} is in two places"
        elif line.startswith("# TYPE "):
            _, _, named, kind = line.split(" ")
            assert named == name and kind in ("gauge", "counter", "info"), line
            found[name] = (kind, {})
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            sample, labels, value = match.groups()
            kind, samples = found[name]
            assert sample == name + {"counter": "_total", "info": "_info", "gauge": ""}[kind], line
            assert (sample, labels) not in samples, line
            assert kind != "counter" or float(value) >= 0, line
            samples[sample, labels] = float(value)
    return found


def test_openmetrics_is_what_the_sample_is(agent):
    instance = agent()
    instance.wait_for(lambda sample: isinstance(sample["cpu", ""], list))  # reckoned between two samples
    status, headers, text = instance.ask("/metrics", headers={"Accept": OPENMETRICS})
    assert status == 200
    assert headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    found = families(text)
    readable = found["pelt_agent_readable"][1]
    assert len(readable) == len(instance.info()["figures"])
    assert sum(readable.values()) == len(instance.get("/v1/sample")["v"])
    # A label's value is as it is told elsewhere; the limit is one that does not change.
    cores = found["pelt_agent_limit_max"][1]["pelt_agent_limit_max", 'limit="cpu",unit="cores"']
    assert cores == instance.info()["host"]["cpus"]


def test_who_asks_for_no_openmetrics_gets_the_older_text(agent):
    status, headers, text = agent().ask("/metrics")
    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "# EOF" not in text
    assert "# TYPE pelt_agent_cpu_seconds_total counter\npelt_agent_cpu_seconds_total " in text


def test_promtool_finds_nothing_wrong(agent):
    text = agent().ask("/metrics")[2]
    told = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


# ---- streams ----

@tried_until_quiet
def test_a_stream_keeps_to_its_grid(agent):
    instance = agent()
    epoch = time.monotonic_ns() + 250 * MS
    stream = instance.stream(epoch_ns=epoch, tick_ns=TICK, k=1)
    frames = stream.take(8)
    assert frames[0]["k"] >= 1
    if_quiet(frames[0]["k"] == 1, frames[0])  # later: the agent was asked when that had passed
    ks = [frame["k"] for frame in frames]
    assert ks == sorted(set(ks))
    for frame in frames:
        assert frame["due_ns"] == epoch + frame["k"] * TICK
        assert frame["at_ns"] > frame["due_ns"] - 50 * MS  # from a sample just taken, if there is one
        assert frame["late"] == (frame["at_ns"] > frame["due_ns"] + TICK // 2)
    known = {i for i, *_ in frames[0]["v"]} | {i for i, _ in frames[0]["unreadable"]}
    assert known == {figure["i"] for figure in instance.info()["figures"]}
    # Later ones have what was read since: not what is read once a second, but for one of them.
    assert min(len(frame["v"]) for frame in frames) < len(frames[0]["v"])
    assert all(frame["self"]["tick_ns"] == TICK for frame in frames)
    stream.close()


@pytest.mark.one_thread  # of times, for which ThreadSanitizer is too slow
@pytest.mark.alone
def test_frames_come_when_they_are_due(agent):
    instance = agent()
    epoch = time.monotonic_ns()  # of all attempts: a stream the agent still has from the one before takes no sample in between

    def attempt(_):
        stream = instance.stream(epoch_ns=epoch, tick_ns=TICK)
        stream.next()
        for _ in range(10):
            frame = stream.next()
            if_quiet(SLOW or frame["at_ns"] - frame["due_ns"] < 2 * MS, frame)
            if_quiet(SLOW or stream.received_ns - frame["at_ns"] < 5 * MS, (stream.received_ns, frame))
        stream.close()

    in_a_quiet_moment(attempt)


def test_the_head_comes_before_the_first_frame(agent):
    begun = time.monotonic_ns()
    stream = agent().stream(epoch_ns=begun, tick_ns=3600 * 10**9)
    assert stream.answer.status == 200
    assert stream.answer.getheader("Content-Type") == "application/x-ndjson"
    stream.close()


def test_two_grids_do_not_disturb_each_other(agent):
    instance = agent()
    epoch = time.monotonic_ns()
    one = instance.stream(epoch_ns=epoch, tick_ns=TICK)
    other = instance.stream(epoch_ns=epoch + TICK // 2, tick_ns=2 * TICK)
    for frame in one.take(6):
        assert frame["due_ns"] == epoch + frame["k"] * TICK
    for frame in other.take(3):
        assert frame["due_ns"] == epoch + TICK // 2 + frame["k"] * 2 * TICK
        assert frame["self"]["tick_ns"] == 2 * TICK
    one.close()
    other.close()


def test_ticks_too_near_share_a_sample(agent):
    instance = agent()
    epoch = time.monotonic_ns()
    streams = [instance.stream(epoch_ns=epoch + i * MS, tick_ns=TICK) for i in range(8)]
    times = {frame["at_ns"] for stream in streams for frame in stream.take(5)}
    assert all(later - earlier >= 50 * MS for earlier, later in zip(sorted(times), sorted(times)[1:]))
    for stream in streams:
        stream.close()


def test_sixty_four_streams_and_no_more(agent):
    instance = agent()
    streams = [instance.stream(tick_ns=TICK) for _ in range(64)]
    status, _, text = instance.ask("/v1/stream")
    assert status == 503 and "64 streams" in json.loads(text)["error"]
    assert instance.get("/health/detailed")["streams"]["open"] == 64
    assert all(len(stream.take(2)) == 2 for stream in streams)
    for stream in streams:
        stream.close()
    deadline = time.monotonic() + 10
    while instance.get("/health/detailed")["streams"]["open"] > 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_who_does_not_read_loses_frames_and_is_told(agent):
    """With many figures, so that what may wait is full soon. A good client beside it gets every frame."""
    instance = agent(*(word for i in range(25) for word in ("--pid", f"p{i}={os.getpid()}")))
    stuck = socket.socket()
    stuck.settimeout(20)
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    stuck.connect(("127.0.0.1", instance.port))
    stuck.sendall(b"GET /v1/stream?tick_ns=100000000 HTTP/1.0\r\n\r\n")  # 1.0: not in chunks
    good = instance.stream(tick_ns=TICK)
    frames = good.take(2)
    while instance.get("/health/detailed")["streams"]["lost_frames"] == 0:
        frames += good.take(2)
        assert len(frames) < 300
    file = stuck.makefile("rb")
    while file.readline() != b"\r\n":
        pass
    told = json.loads(file.readline())
    while told["self"]["lost"] == 0:
        last, told = told, json.loads(file.readline())
    # "ks" that were not missed for other reasons: each of them is a lost frame.
    assert told["k"] - last["k"] - 1 - (told["self"]["overruns"] - last["self"]["overruns"]) <= told["self"]["lost"]
    assert told["k"] - last["k"] > 1
    assert frames[-1]["self"]["lost"] == 0
    stuck.close()
    good.close()


@tried_until_quiet
def test_a_stream_ends_politely_when_the_agent_does(agent):
    instance = agent()
    stream = instance.stream(tick_ns=TICK)
    stream.next()
    idle = instance.stream(tick_ns=3600 * 10**9)
    begun = time.monotonic()
    instance.process.send_signal(signal.SIGTERM)
    while stream.next():
        pass
    assert idle.next() is None  # a last chunk: http.client would raise otherwise
    assert instance.process.wait(10) == 0
    took_s = time.monotonic() - begun
    if_quiet(took_s < (10 if SLOW else 2), took_s)


def test_sigint_ends_it_as_well(agent):
    instance = agent()
    instance.process.send_signal(signal.SIGINT)
    assert instance.process.wait(10) == 0


def test_slow_connections_do_not_shut_out_good_ones(agent):
    """Many that never finish their head: each new one ends the oldest of them."""
    instance = agent()
    stream = instance.stream(tick_ns=TICK)
    slow = []
    for i in range(300):
        connection = socket.create_connection(("127.0.0.1", instance.port), timeout=10)
        connection.sendall(b"GET /v1/info HTTP/1.1\r\nX-Slow: ")
        slow.append(connection)
    assert instance.get("/health") == {"status": "ok"}
    assert stream.take(2)
    for connection in slow:
        connection.close()
    stream.close()


# ---- own cost ----

def test_it_costs_less_than_it_may(agent):
    instance = agent(slows_down=True)
    stream = instance.stream(tick_ns=TICK)
    frames = stream.take(5)
    assert frames[-1]["self"]["cpu_ns"] > frames[0]["self"]["cpu_ns"]
    if not SLOW:
        assert frames[-1]["self"]["rss_bytes"] < 10 * 2**20
    stream.close()


@pytest.mark.slow
def test_above_its_limit_it_slows_down_and_says_so(agent):
    instance = agent("--cpu-limit", "0.0001%", slows_down=True)
    stream = instance.stream(epoch_ns=time.monotonic_ns(), tick_ns=TICK)
    frame = stream.next()
    while not frame["self"]["degraded"]:
        frame = stream.next()
    event = next(event for event in frame["events"] if event["kind"] == "degraded")
    assert "more than 0.00%" in event["text"] or "%" in event["text"]
    frames = stream.take(3)
    factor = frames[0]["self"]["tick_ns"] // TICK
    assert factor >= 2 and all(later["k"] - earlier["k"] >= 2 for earlier, later in zip(frames, frames[1:]))
    assert instance.get("/health")["status"] == "degraded"
    stream.close()


# ---- the command ----

def test_probe_prints_what_can_be_read():
    done = run("--probe", *NO_LIMIT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("FIGURE")
    assert re.search(r"^cpu +[0-9.]+ of \d+ cores +/proc/stat$", done.stdout, re.M)
    readable, _ = map(int, re.search(r"^(\d+) can be read, (\d+) cannot", done.stdout, re.M).groups())
    assert readable > 20


def test_a_probe_that_cannot_be_printed_fails():
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(AGENT), "--probe", *NO_LIMIT], stdout=full, stderr=subprocess.PIPE, text=True, timeout=20)
    assert done.returncode == 1 and done.stderr.endswith(  # a sanitizer's build says first that it has no filter
        "pelt-agent: cannot print what can be read: No space left on device\n"), done


def test_a_taken_port_is_told(agent):
    done = run("--listen", f"127.0.0.1:{agent().port}")
    assert done.returncode == 1
    assert "Address already in use; another with --listen" in done.stderr


def test_what_is_not_there_is_told():
    for option, value in (("--pid", 999999999), ("--unit", "no-such.service"), ("--cgroup", "no/such"), ("--port", 1)):
        done = run(option, value)
        assert done.returncode == 1, done.stderr  # a service is started again; a bad option it is not
        assert done.stderr.count("\n") == 1 and str(value) in done.stderr
    assert run("--port", "web").returncode == 2


def test_a_port_file_is_no_way_to_write_elsewhere(tmp_path):
    """Who may write to its folder has put a link where the file is made before it is renamed."""
    theirs = tmp_path / "theirs"
    theirs.write_text("as it was")
    (tmp_path / "port.part").symlink_to(theirs)
    instance = Agent(tmp_path)
    try:
        assert theirs.read_text() == "as it was" and not (tmp_path / "port").is_symlink()
        assert instance.info()["name"]
    finally:
        instance.stop()


def test_a_fresh_sample_is_begun_when_it_is_asked_for(agent):
    instance = agent()
    slow = next(i for i, f in enumerate(instance.info()["figures"]) if f["tier"] == "slow" or f["tier"] == "medium")
    for _ in range(3):
        asked_ns = time.monotonic_ns()
        frame = instance.get("/v1/sample?fresh=1")
        assert frame["at_ns"] >= asked_ns and any(i == slow for i, *_ in [*frame["v"], *frame["unreadable"]])
    status, _, body = instance.ask("/v1/sample?fresh=yes")
    assert status == 400 and "fresh=1" in body


def test_many_who_want_fresh_samples_share_them_and_the_end_keeps_none_waiting(agent):
    instance = agent()
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        before = instance.get("/health/detailed")["samples"]
        asked = [pool.submit(instance.get, "/v1/sample?fresh=1") for _ in range(30)]
        began = time.monotonic()
        instance.get("/v1/clock")
        waited = time.monotonic() - began
        assert all(each.result()["at_ns"] for each in asked)
        assert instance.get("/health/detailed")["samples"] - before <= 10
        last = [pool.submit(instance.ask, "/v1/sample?fresh=1") for _ in range(8)]
        time.sleep(0.05)
        assert instance.stop() == 0
        assert all(each.exception() or each.result()[0] in (200, 503) for each in last)
    assert waited < 5  # none waits for a sample


def test_help_names_every_option_and_what_the_exits_mean():
    done = run("--help")
    assert "something to watch is not there now; 2: a bad option." in done.stdout
    assert done.returncode == 0
    for option in ("--pid", "--port", "--unit", "--cgroup", "--cache", "--listen", "--probe", "--cpu-limit"):
        assert option in done.stdout
