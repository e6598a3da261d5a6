"""The live page in a real browser: what it draws is what was measured, and it lives through a lost connection."""
import socket

import pytest

import browser
from live import Live
from program import PASSED

pytestmark = pytest.mark.skipif(browser.program() is None, reason="no Chromium on this host: install chromium")

HOSTILE = 'x <img src=x onerror=alert(1)> "\' </script>'


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    one = browser.Browser(tmp_path_factory.mktemp("browser"))
    yield one
    one.stop()


@pytest.fixture
def live(tmp_path):
    started = []

    def start(*arguments, **options):
        folder = tmp_path / f"live-{len(started)}"
        folder.mkdir()
        started.append(Live(*arguments, cwd=folder, **options))
        if "built without the chart library" in started[-1].text("/"):
            pytest.fail("this pelt was built without uPlot, so it has no pages: ci/demo fetches it")
        return started[-1]

    yield start
    for one in started:
        one.stop()


def scenario(folder, duration):
    path = folder / "page.lua"
    path.write_text(f"""local pelt = require "pelt"
return {{ name = [[{HOSTILE}]], target = pelt.env("TARGET"), load = pelt.load.burst {{ base = 4, peak = 12, every = "3s", length = "1s", duration = "{duration}" }},
  thresholds = {{ "http_response p50 < 5s" }},
  alerts = {{ {{ alert = "Many", metric = "users", stat = "max", max = 8 }} }},
  iteration = function(user) pelt.http.get("/health", {{ name = [[{HOSTILE}]] }}) pelt.sleep("50ms") end }}
""")
    return path


STATE = "document.documentElement && document.documentElement.dataset.state"
SECONDS = "+(document.documentElement && document.documentElement.dataset.seconds || 0)"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.mark.slow
def test_the_page_draws_what_was_measured_and_ends_with_the_verdict(live, target, chromium, tmp_path):
    run = live("run", scenario(tmp_path, "6s"), "--set", f"TARGET={target().url}")
    page = chromium.page()
    page.theme("dark")
    page.open(run.url, f"{SECONDS} >= 2")
    assert page.eval(STATE) == "live" and page.eval("document.documentElement.dataset.theme") == "dark"
    assert page.eval("document.querySelectorAll('.chart .plot canvas').length") >= 3
    page.wait(f"{STATE} === 'ended'", 40)
    done = run.wait()
    assert done.code == PASSED, done.told()
    report = done.report
    tile = "+document.querySelector('[data-tile=\"%s\"]').dataset.v"
    assert page.eval(tile % "requests") == report["totals"]["started"]
    assert page.eval(tile % "ended ok") == report["totals"]["outcomes"]["ok"]
    assert page.eval(SECONDS) == len(report["seconds"])
    assert page.eval("document.getElementById('name').textContent") == HOSTILE
    assert page.eval("document.querySelector('#requests td').textContent") == report["requests"][0]["name"]
    assert page.eval("document.getElementById('verdict-status').textContent") == report["verdict"]["status"]
    assert page.eval("document.querySelector('#alerts .badge').textContent") in ("resolved", "firing")
    assert page.eval("document.querySelector('#thresholds .badge').textContent") == "target"
    assert page.eval("document.images.length") == 0
    assert page.complaints() == []
    assert {url.removeprefix(run.url) for url in page.requests()} == {"", "events"}


@pytest.mark.alone
@pytest.mark.idle
@pytest.mark.slow(10)
def test_the_page_waits_for_a_lost_run_and_shows_the_one_that_comes(live, target, chromium, tmp_path):
    server, port = target(), free_port()
    first = live("run", scenario(tmp_path, "60s"), "--set", f"TARGET={server.url}", web=f"127.0.0.1:{port}")
    page = chromium.page()
    page.theme("light")
    page.open(first.url, f"{SECONDS} >= 2")
    first.stop()
    page.wait(f"{STATE} === 'lost'", 20)
    assert page.eval(SECONDS) >= 2, "what was there stays"
    second = live("run", scenario(tmp_path, "8s"), "--set", f"TARGET={server.url}", web=f"127.0.0.1:{port}")
    page.wait(f"{STATE} === 'live'", 20)
    page.wait(f"{STATE} === 'ended'", 40)
    done = second.wait()
    assert page.eval(SECONDS) == len(done.report["seconds"]), "the first run's seconds are gone"
    assert page.eval("+document.querySelector('[data-tile=\"requests\"]').dataset.v") == done.report["totals"]["started"]
