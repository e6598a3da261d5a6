"""Caches and pools that pelt-agent asks, live: what was planted by known keys is what it counts, exactly."""
import http.client
import os
import signal
import socket
import subprocess
import time

import pytest

import cache_servers
from agents import AGENT
from nginx import free_port
from program import SLOW, if_quiet, in_a_quiet_moment

pytestmark = pytest.mark.sanitize

HITS, MISSES, EVICTIONS, USED, MOST = range(5)
IS_ROOT = os.geteuid() == 0


@pytest.fixture
def started(tmp_path):
    """started(server) keeps a server up to the end of the test; started.folder() is a new one."""
    all_of_them = []

    def keep(server):
        all_of_them.append(server)
        return server

    def folder():
        path = tmp_path / f"server-{len(all_of_them)}"
        path.mkdir()
        return path

    keep.folder = folder
    yield keep
    for server in reversed(all_of_them):
        server.stop()


@pytest.fixture
def watching(agent):
    """watching(*options): an agent that samples each 100 ms, as in a run."""
    streams = []

    def start(*options):
        a = agent(*options)
        streams.append(a.stream(tick_ns=100_000_000, epoch_ns=0))
        return a

    yield start
    for stream in streams:
        stream.close()


def counted(agent, name, hits, misses):
    """The cells of a cache once it has these counts."""
    key = (name, "")
    sample = agent.wait_for(lambda s: isinstance(s[key], list) and s[key][:2] == [hits, misses], timeout=20)
    return sample[key]


def unreadable(agent, name, why):
    """Why it cannot be read, once that is said."""
    return agent.wait_for(lambda s: isinstance(s[name, ""], str) and why in s[name, ""], timeout=20)[name, ""]


def talk(port, text):
    """All that redis or memcached answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
        s.sendall(text + b"quit\r\n")
        got = b""
        while piece := s.recv(65536):
            got += piece
    return got


def get(port, paths):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for path in paths:
        connection.request("GET", path, headers={"User-Agent": "test HIT"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, path
    connection.close()


def test_redis_hits_and_evictions(started, watching):
    server = started(cache_servers.redis(started.folder(), "--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru"))
    agent = watching("--cache", f"sessions=redis={server.address}")
    counted(agent, "sessions", 0, 0)
    keys = 1500
    # What is set last is there, and short: answers that are not read yet take of the memory, too, and could drive it out.
    sets = b"".join(b"SET key:%d %s\r\n" % (i, b"x" * (2000 if i < keys - 1 else 1)) for i in range(keys))
    talk(server.port, sets)
    talk(server.port, b"GET key:%d\r\n" % (keys - 1) * 70 + b"GET other\r\n" * 30)

    def left():
        return int(talk(server.port, b"DBSIZE\r\n").split()[0][1:])

    assert 0 < left() < keys
    counted(agent, "sessions", 70, 30)
    # Whoever asks takes of the memory, so that more may be driven out.
    cells = agent.wait_for(lambda s: s["sessions", ""][EVICTIONS] == keys - left())["sessions", ""]
    assert cells[MOST] == 3 << 20 and 0 < cells[USED] <= 1.1 * cells[MOST]
    limit = agent.sample()["cache_connections", "sessions"]
    assert limit[0] >= 1 and limit[1] > limit[0] and limit[2] == 0


def test_a_fresh_sample_has_what_was_looked_up_before_it(started, watching):
    redis = started(cache_servers.redis(started.folder()))
    agent = watching("--cache", f"redis={redis.address}")
    talk(redis.port, b"SET a 1\r\n")
    before = agent.sample("/v1/sample?fresh=1")
    for i in range(1, 4):
        talk(redis.port, b"GET a\r\n" * 7 + b"GET b\r\n")
        now = agent.sample("/v1/sample?fresh=1")
        assert [now["redis", ""][n] - before["redis", ""][n] for n in (0, 1)] == [7 * i, i]


def test_a_redis_that_counts_anew_and_one_that_is_gone(started, watching):
    folder = started.folder()
    server = cache_servers.redis(folder)
    try:
        agent = watching("--cache", f"redis={server.address}")
        counted(agent, "redis", 0, 0)
        talk(server.port, b"SET a 1\r\n" + b"GET a\r\n" * 5)
        counted(agent, "redis", 5, 0)
        talk(server.port, b"CONFIG RESETSTAT\r\n")
    finally:
        server.stop()
    assert "refused" in unreadable(agent, "redis", "Connection refused")
    started(cache_servers.redis(folder, port=server.port))
    counted(agent, "redis", 5, 0)  # what was counted stays
    talk(server.port, b"GET none\r\n" * 3)
    counted(agent, "redis", 5, 3)


def ask_redis(port, hits, misses):
    talk(port, b"SET a 1\r\n" + b"GET a\r\n" * hits + b"GET none\r\n" * misses)


@pytest.mark.one_thread
def test_hits_and_misses_belong_together_after_a_restart(started, agent):
    """A redis that was started again between two readings and has counted more hits, but fewer misses, by then."""
    folder = started.folder()
    server = cache_servers.redis(folder)
    watcher = agent("--cache", f"redis={server.address}")
    counted(watcher, "redis", 0, 0)
    ask_redis(server.port, 100, 900)
    counted(watcher, "redis", 100, 900)
    # Nothing is read while the agent stands still: all that follows is one reading to it.
    watcher.process.send_signal(signal.SIGSTOP)
    server.stop()
    started(cache_servers.redis(folder, port=server.port))
    ask_redis(server.port, 400, 400)
    watcher.process.send_signal(signal.SIGCONT)
    counted(watcher, "redis", 500, 1300)
    assert "redis: it was started again: it counts from 0" in watcher.errors.read_text()
    assert "cache_restarted" in [event["kind"] for event in watcher.get("/v1/sample")["events"]]
    watcher.process.send_signal(signal.SIGSTOP)
    talk(server.port, b"CONFIG RESETSTAT\r\n")
    ask_redis(server.port, 70, 1)
    watcher.process.send_signal(signal.SIGCONT)
    counted(watcher, "redis", 570, 1301)
    assert "redis: it was told to count from 0" in watcher.errors.read_text()


@pytest.mark.one_thread
def test_a_memcached_that_was_started_again(started, agent):
    folder = started.folder()
    server = cache_servers.memcached(folder, IS_ROOT)
    watcher = agent("--cache", f"memcached={server.address}")
    counted(watcher, "memcached", 0, 0)
    talk(server.port, b"get a\r\n" * 5)
    counted(watcher, "memcached", 0, 5)
    watcher.process.send_signal(signal.SIGSTOP)
    server.stop()
    time.sleep(1.1)  # it tells when it began in whole seconds
    started(cache_servers.memcached(folder, IS_ROOT, port=server.port))
    talk(server.port, b"set a 0 0 1\r\nx\r\n" + b"get a\r\n" * 20 + b"get b\r\n" * 30)
    watcher.process.send_signal(signal.SIGCONT)
    counted(watcher, "memcached", 20, 35)
    assert "memcached: it was started again" in watcher.errors.read_text()


@pytest.mark.one_thread
def test_another_redis_at_the_same_address_is_counted_from_now_on(started, agent):
    """What a replica has counted before it took over is of nobody's run."""
    first = started(cache_servers.redis(started.folder()))
    other = started(cache_servers.redis(started.folder()))
    ask_redis(other.port, 900, 90)
    way = started(cache_servers.Way(first.port))
    watcher = agent("--cache", f"redis={way.address}")
    counted(watcher, "redis", 0, 0)
    ask_redis(first.port, 5, 1)
    counted(watcher, "redis", 5, 1)
    time.sleep(3)  # so that it is older than what the agent has read last
    way.port_behind = other.port
    first.stop()
    watcher.wait_for(lambda _: "redis: another server answers" in watcher.errors.read_text(), timeout=20)
    ask_redis(other.port, 7, 2)
    counted(watcher, "redis", 12, 3)


def page(hits, misses):
    return f"pages_hits_total {hits}\npages_misses_total {misses}\n"


def test_a_page_that_counts_anew_adds_to_no_cell(started, watching):
    """Whether a page's counts begin at 0 is not known: they may have lost a series."""
    origin = started(cache_servers.Origin(page(300, 150)))
    names = "hit=pages_hits_total,miss=pages_misses_total"
    watcher = watching("--cache", f"pages=prometheus={origin.url}#{names}")
    counted(watcher, "pages", 0, 0)
    origin.page = page(400, 20)
    watcher.wait_for(lambda _: "pages: it counts anew" in watcher.errors.read_text())
    origin.page = page(403, 21)
    counted(watcher, "pages", 3, 1)


def test_lookups_that_are_read_a_little_late_are_no_restart(started, watching):
    """Misses are lookups less hits: hits that are read later make them fall for a moment."""
    origin = started(cache_servers.Origin("h_total 300\nl_total 450\n"))
    watcher = watching("--cache", f"pages=prometheus={origin.url}#hit=h_total,lookups=l_total")
    counted(watcher, "pages", 0, 0)
    origin.page = "h_total 310\nl_total 459\n"
    counted(watcher, "pages", 10, 0)
    origin.page = "h_total 310\nl_total 465\n"
    counted(watcher, "pages", 10, 5)
    assert "anew" not in watcher.errors.read_text()


@pytest.mark.one_thread
def test_what_is_driven_as_soon_as_it_says_that_it_answers_is_counted(started, agent):
    def check(_):
        slow = started(cache_servers.Origin(page(5, 5), delay_s=0.4))
        watcher = agent("--cache", f"pages=prometheus={slow.url}#hit=pages_hits_total,miss=pages_misses_total")
        first = watcher.sample()["pages", ""]  # who waits for --port-file has to wait for nothing else
        if_quiet(isinstance(first, list), first)  # an answer may take 0.9 s
        assert first[:2] == [0, 0]
        slow.page = page(12, 6)
        counted(watcher, "pages", 7, 1)

    in_a_quiet_moment(check)


def test_redis_with_a_password(started, agent, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("open sesame!\n")
    secret.chmod(0o600)
    server = started(cache_servers.redis(started.folder(), "--requirepass", "open sesame!"))
    a = agent("--cache", f"redis={server.address}#password-file={secret}", "--cache", f"shut=redis={server.address}")
    counted(a, "redis", 0, 0)
    unreadable(a, "shut", "redis wants a password: give #password-file=FILE")
    assert "sesame" not in a.errors.read_text() + a.ask("/v1/info")[2]
    secret.chmod(0o644)
    refused = subprocess.run([AGENT, "--cache", f"redis={server.address}#password-file={secret}"], text=True,
                             capture_output=True, timeout=20)
    assert refused.returncode == 2 and "chmod 600" in refused.stderr


def test_memcached_hits_and_evictions(started, watching):
    server = started(cache_servers.memcached(started.folder(), IS_ROOT, "-m", "2"))
    agent = watching("--cache", f"memcached={server.address}")
    counted(agent, "memcached", 0, 0)
    keys, value = 3000, b"x" * 8000
    sets = b"".join(b"set key%d 0 0 %d\r\n%s\r\n" % (i, len(value), value) for i in range(keys))
    stored = talk(server.port, sets).count(b"STORED")
    assert stored == keys
    found = talk(server.port, b"".join(b"get key%d\r\n" % i for i in range(keys))).count(b"VALUE")
    assert 0 < found < keys
    cells = counted(agent, "memcached", found, keys - found)
    assert cells[EVICTIONS] == keys - found


def test_haproxy_cache(started, watching):
    origin = started(cache_servers.Origin())
    server = started(cache_servers.haproxy(started.folder(), origin))
    agent = watching("--cache", f"edge=haproxy={server.url}")
    counted(agent, "edge", 0, 0)
    paths = [f"/item/{i}" for i in range(10)]
    get(server.port, paths * 5)
    assert origin.counts == {path: 1 for path in paths}
    counted(agent, "edge", 40, 10)
    assert agent.sample()["cache_connections", "edge"][1] == 200


def test_hits_and_lookups_swapped_and_names_that_are_not_there(started, watching):
    origin = started(cache_servers.Origin())
    server = started(cache_servers.haproxy(started.folder(), origin))
    hits, lookups = "haproxy_backend_http_cache_hits_total", "haproxy_backend_http_cache_lookups_total"
    bad = subprocess.run([AGENT, "--cache", f"a=haproxy={server.url}#hit={lookups},lookups={hits}"], text=True,
                         capture_output=True, timeout=20)
    assert bad.returncode == 2 and "swap them" in bad.stderr, bad.stderr
    # Names that do not tell: the numbers do.
    requests = "haproxy_frontend_http_requests_total"
    agent = watching("--cache", f"swapped=haproxy={server.url}#hit={requests},lookups={lookups}",
                     "--cache", f"typo=haproxy={server.url}#hit=haproxy_backend_http_cache_hit_total,lookups={lookups}",
                     "--pool", f"queue={server.url}/metrics#used=haproxy_backend_current_queue,limit=50")
    get(server.port, ["/a"] * 8)
    assert requests in unreadable(agent, "swapped", "is above lookups")
    assert f"nearest: {hits}" in unreadable(agent, "typo", "haproxy_backend_http_cache_hit_total is not there")
    assert agent.sample()["pool_queue", ""] == [0, 50, None]
    assert "swapped" in agent.errors.read_text() and "typo" in agent.errors.read_text()


def test_nginx_cache_by_its_log(started, watching):
    origin = started(cache_servers.Origin())
    server = started(cache_servers.nginx(started.folder(), IS_ROOT, origin))
    log = server.folder / "access.log"
    get(server.port, ["/before"])
    agent = watching("--cache", f"pages=nginx={log}", "--cache", f"wrong=nginx={log}#field=2")
    counted(agent, "pages", 0, 0)
    get(server.port, [f"/page/{i}" for i in range(8)] * 4 + ["/page/0?fresh=1"] * 3 + ["/plain"] * 5)
    counted(agent, "pages", 24, 8)  # what is bypassed is not looked up
    unreadable(agent, "wrong", "field 2 is no $upstream_cache_status: give #field=NUMBER")
    log.rename(server.folder / "access.log.1")
    get(server.port, ["/page/1"])  # into the old file, which is still open
    server.process.send_signal(signal.SIGUSR1)
    agent.wait_for(lambda _: log.exists())
    get(server.port, ["/page/2", "/page/new"])
    counted(agent, "pages", 26, 9)


def test_statsd_is_heard(watching):
    port = free_port()
    agent = watching("--cache", f"app=statsd=127.0.0.1:{port}#hit=app.hit,miss=app.miss,used=app.entries,limit=500")
    unreadable(agent, "app", "app.hit is not there")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", port))
        for _ in range(100):
            s.send(b"app.hit:1|c\napp.hit:2|c|@0.5\napp.lookup:3.2|ms")
            s.send(b"app.miss:1|c")
        s.send(b"app.entries:321|g\nnot statsd")
    assert counted(agent, "app", 500, 100)[USED:] == [321, 500]
    sample = agent.sample()
    assert sample["cache_lines_unreadable", "app"] == [1]
    assert sample["cache_datagrams_lost", "app"] == [0]


def test_pages_that_are_none_and_pages_that_are_slow(started, watching):
    html = started(cache_servers.Origin("<html>hello</html>", "text/html"))
    slow = started(cache_servers.Origin("db_used 7\ndb_max 20\ndb_waiting 3\ndb_timeouts_total 2\n", delay_s=0.02))
    agent = watching("--cache", f"llm=vllm={html.url}",
                     "--pool", f"db={slow.url}/metrics#used=db_used,limit=db_max,waiters=db_waiting,"
                               "timeouts=db_timeouts_total")
    unreadable(agent, "llm", "no page of metrics")
    sample = agent.wait_for(lambda s: s["pool_db", ""] == [7, 20, 0])
    assert sample["pool_db_waiters", ""] == [3]
    stream = agent.stream(tick_ns=100_000_000, epoch_ns=0)
    agent.wait_for(lambda s: isinstance(s["cache_answer_time", "db"], list) and s["cache_answer_time", "db"][0] >= 0.02)
    asked = slow.counts["/metrics"]
    events = [event for _ in range(12) for event in stream.next()["events"]]
    stream.close()
    assert slow.counts["/metrics"] - asked < 10  # less often than each 100 ms
    assert html.counts == {"/metrics": 1}  # never again
    told = agent.errors.read_text()
    assert "it is asked each 0." in told and "it is not asked again" in told, (told, events)


def test_servers_that_send_what_they_like(started, watching):
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
    servers = {  # protocol, what is sent first, what is sent for ever, and what is said of it
        "line": ("http", page + b"\r\n" + b"x" * 100_000, b"x", "no answer in time"),
        "page": ("http", page + b"\r\n", (b"#" * 8000 + b"\n") * 100, "longer than 4 MiB"),
        "head": ("http", b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 1000, "no HTTP"),
        "noise": ("http", bytes(range(256)) * 16, b"", "no HTTP"),
        "chunk": ("http", page + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", b"x", "no HTTP"),
        "short": ("redis", b"$100\r\nkeyspace_hits:1\r\n", b"", "before its answer"),
        "bulk": ("redis", b"$4000000000\r\n", b"x" * 65536, "it answered $4000000000"),
        "reply": ("redis", b"", (b"+" + b"O" * 200 + b"\r\n") * 1000, "longer than 4 MiB"),
        "stats": ("memcached", b"", (b"STAT " + b"a" * 8000 + b" 1\r\n") * 100, "longer than 4 MiB"),
    }
    options = []
    for name, (protocol, first, again, _) in servers.items():
        server = started(cache_servers.Hostile(first, again, pause_s=0.02 if again == b"x" else 0.0))
        options += ["--cache", f"{name}=vllm={server.url}" if protocol == "http" else
                    f"{name}={protocol}={server.address}"]
    good = started(cache_servers.redis(started.folder()))
    agent = watching(*options, "--cache", f"good=redis={good.address}")
    counted(agent, "good", 0, 0)
    talk(good.port, b"GET a\r\n" * 10)
    counted(agent, "good", 0, 10)
    for name, (_, _, _, why) in servers.items():
        unreadable(agent, name, why)  # on a busy host it may be late at first, and is given more time then
    frame = agent.get("/v1/sample")
    if not SLOW:
        assert frame["self"]["rss_bytes"] < 16_000_000


@pytest.mark.parametrize("option, says", [
    (("--cache", "redsi=127.0.0.1:6379"), "no kind 'redsi': did you mean redis?"),
    (("--cache", "prometheus=http://127.0.0.1:1"), "needs a pair of counters"),
    (("--cache", "redis=127.0.0.1:1", "--cache", "redis=127.0.0.1:2"), "two are called 'redis'"),
    (("--cache", "a=statsd=0.0.0.0:8125#hit=a,miss=b"), "loopback only"),
    (("--cache", "redis=127.0.0.1:99999"), "--cache '127.0.0.1:99999': "),
    (("--pool", "db=http://127.0.0.1:1/metrics"), "used or limit is missing"),
])
def test_options_that_cannot_be(option, says):  # a service is not started again
    refused = subprocess.run([AGENT, *option], text=True, capture_output=True, timeout=20)
    assert refused.returncode == 2, refused
    assert says in refused.stderr and refused.stderr.count("\n") == 1, refused.stderr


def test_what_may_be_there_later_is_no_bad_option(tmp_path):
    """A service is started again after it: a name, a port and a mount point may come with other services."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        for option, says in (("--cache=redis=nobody.invalid:6379", "'nobody.invalid'"), (f"--disk={tmp_path}/none", "No such file"),
                             (f"--cache=a=statsd=127.0.0.1:{port}#hit=a,miss=b", "Address already in use")):
            refused = subprocess.run([AGENT, option], text=True, capture_output=True, timeout=20)
            assert refused.returncode == 1 and says in refused.stderr, (option, refused)
