"""The HTML report in a real Chromium: what it draws is what the JSON report says, nothing is asked of anybody, cursor and
zoom are one for all charts, and a hostile server's texts stay texts."""
import json
import re
import subprocess

import pytest

import browser as chromium
from program import BIN, PASSED, if_quiet, in_a_quiet_moment, pelt, report_of

READY = "document.readyState === 'complete' && !!document.getElementById('foot').textContent"
DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.S)


def made(folder, *words):
    """The run file that a helper of the unit tests writes from a seed."""
    path = folder / f"{words[1] if words[0] == 'queue_run_file' else 'run'}.pelt"
    program, *rest = words
    arguments = [*rest, path] if program == "queue_run_file" else [path, *rest]
    done = subprocess.run([str(BIN / program), *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return path


def page_of(run_file, folder):
    """The page and the JSON report of the same run."""
    html = folder / (run_file.stem + ".html")
    done = pelt("report", run_file, "--out", f"html={html}", cwd=folder)
    assert done.code == PASSED, done.told()
    return html, report_of(run_file, folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("html")


@pytest.fixture(scope="module")
def browser(folder):
    if chromium.program() is None:
        pytest.fail("no Chromium on this host: install chromium")
    started = chromium.Browser(folder)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def short(folder):
    """20 s, 3 names of 400/s, an agent with 9 limits, phases, an event, errors."""
    return page_of(made(folder, "synthetic_run", 20, 3, 400, 9), folder)


@pytest.fixture(scope="module")
def stress(folder):
    return page_of(made(folder, "queue_run_file", "stress"), folder)


def opened(browser, html, theme="light"):
    page = browser.page()
    page.theme(theme)
    page.open(html, READY)
    return page


def is_quiet(page):
    assert page.complaints() == []
    assert page.requests() == []


def figures(page, selector):
    """Of each element: its exact value (null: not known) and its text."""
    return [(float(v) if v else None, text) for v, text in
            page.eval(f"[...document.querySelectorAll({selector!r})].map(e => [e.dataset.v, e.textContent])")]


# ---- what is drawn ----

def columns_told(report):
    """The timeline's columns as its charts show them: a percentile of a window is that of each of its seconds."""
    line, columns = report["timeline"], {}
    for key in ("users", "in_flight", "started", "ok", "errors", "response_max_ms"):
        columns[key] = line[key]
    for key, band in line["response_ms"].items():
        values = [band["values"][(t - line["t"][0]) // band["window_s"]] for t in line["t"]]
        if any(v is not None for v in values):
            columns[key] = values
    for i, server in enumerate(line["servers"]):
        columns[f"share{i}"] = server.get("full_share", server.get("hit_share"))
    return columns


def columns_drawn(page):
    """Each chart's own table, opened by its box, read cell by cell."""
    return page.eval("""(() => {
        const columns = {};
        for (const chart of document.querySelectorAll('#timeline .chart')) {
            const keys = [...chart.querySelectorAll('.legend .value')].map(o => o.dataset.key);
            const box = [...chart.querySelectorAll('.switches label')].find(l => l.textContent === 'as a table');
            if (!box) { continue; }
            box.click();
            const rows = [...chart.querySelectorAll('.data tbody tr')].map(tr => [...tr.children].map(td => td.dataset.v));
            keys.forEach((key, i) => { columns[key] = rows.map(r => r[i + 1] === '' ? null : Number(r[i + 1])); });
            box.click();
        }
        return columns;
    })()""")


def test_what_is_drawn_is_what_the_json_says(browser, short):
    html, report = short
    page, totals = opened(browser, html), report["totals"]
    is_quiet(page)
    tiles = dict(page.eval("[...document.querySelectorAll('[data-tile]')].map(e => [e.dataset.tile, Number(e.dataset.v)])"))
    assert tiles["requests"] == totals["started"] and tiles["ended ok"] == totals["ok_per_s"]
    assert [tiles[p] for p in ("p50", "p95", "p99")] == [totals["response_ms"][p] for p in ("p50", "p95", "p99")]
    failed = sum(n for name, n in totals["outcomes"].items() if name not in ("ok", "abandoned"))
    assert tiles["errors"] == pytest.approx(failed / sum(totals["outcomes"].values()), abs=1e-12)
    assert page.eval("document.getElementById('status').textContent") == report["verdict"]["status"]
    for request in report["requests"]:
        row = f'#requests tr[data-name="{request["name"]}"] td[data-c]'
        cells = dict(page.eval(f"[...document.querySelectorAll({row!r})].map(e => [e.dataset.c, e.dataset.v])"))
        assert int(cells["started"]) == request["started"] and float(cells["ok/s"]) == request["ok_per_s"]
        for p in ("p50", "p90", "p95", "p99", "p99.9", "max"):
            assert (float(cells[p]) if cells[p] else None) == request["response_ms"][p], (request["name"], p)
    drawn, told = columns_drawn(page), columns_told(report)
    assert set(told) <= set(drawn), set(told) - set(drawn)
    assert {key: drawn[key] for key in told} == told
    assert figures(page, "#errors td.n:nth-child(3)") == [(e["count"], f"{e['count']:,}") for e in report["errors"]]
    full = [(limit["full_share"], limit["limit"]) for agent in report["agents"] for limit in agent["limits"] if limit["full_share"] is not None]
    assert sorted(v for v, _ in figures(page, "#servers td[data-v]:nth-child(3)")) == sorted(v for v, _ in full)
    is_quiet(page)


def test_texts_are_the_figures_rounded(browser, short):
    page = opened(browser, short[0])
    scale = {" ms": 1, " s": 1000, " min": 60000, "%": 0.01, "/s": 1, "": 1}
    seen = 0
    for value, text in figures(page, "#requests td[data-v], [data-tile]"):
        if value is None:
            assert text == "–"
            continue
        number, unit = re.fullmatch(r"([-\d.,]+)( ms| s| min|%|/s|)", text).groups()
        assert float(number.replace(",", "")) * scale[unit] == pytest.approx(value, rel=0.006, abs=0.0006), (value, text)
        seen += 1
    assert seen > 20


def test_marks_stand_where_things_happened(browser, short, stress):
    page, report = opened(browser, short[0]), short[1]
    assert page.eval("peltTimeline.marks.length") >= 3
    marks = page.eval("""(() => { const g = peltTimeline.group, u = g.charts[0].u, lane = document.querySelector('.lane').getBoundingClientRect();
        return [...document.querySelectorAll('.lane .mark:not([hidden])')].map(b => {
            const box = b.getBoundingClientRect(); return [b.getAttribute('aria-label'), u.posToVal(box.left - lane.left - 62, 'x'), u.posToVal(box.right - lane.left - 62, 'x')]; }); })()""")
    assert len(marks) >= 3
    places = {label: (left, right) for label, left, right in marks}
    for phase in report["phases"]:
        left, right = next(place for label, place in places.items() if label.startswith(phase["part"] + ","))
        assert left == pytest.approx(phase["from_s"], abs=0.3) and right == pytest.approx(phase["to_s"], abs=0.3)
    event = report["events"][0]
    left, right = places[f"{event['kind']}: {event['text']}"]
    assert (left + right) / 2 == pytest.approx(event["t_s"], abs=0.3)
    page = opened(browser, stress[0])
    kinds = page.eval("[...document.querySelectorAll('.lane .mark')].map(b => b.dataset.kind)")
    steps = [f for f in stress[1]["findings"] if f["kind"] == "step"]
    assert kinds.count("holds") == sum(s["judged"] and s["holds"] for s in steps)
    assert kinds.count("breaks") == sum(s["judged"] and not s["holds"] for s in steps) and "break" in kinds


def test_a_stress_run_shows_what_it_found(browser, stress):
    page, findings = opened(browser, stress[0]), stress[1]["findings"]
    is_quiet(page)
    levels = [v for v, _ in figures(page, "#stress tbody td:nth-child(3)")]
    assert levels == [f["level"] for f in findings if f["kind"] == "step"]
    assert page.eval("[...document.querySelectorAll('#stress .chart b')].map(b => b.textContent)") == \
        ["Throughput against the level", "Response time against the level", "Throughput against what is in flight"]
    told = page.eval("[...document.querySelectorAll('.finding')].map(f => f.textContent)")
    for finding in findings:
        if finding["kind"] in ("capacity", "break", "usl", "knee"):
            assert any(finding["text"].split(": ", 1)[1] in text for text in told), finding


@pytest.mark.parametrize("kind", ["sustained", "burst", "benchmark"])
def test_runs_of_each_kind_are_drawn(browser, folder, kind):
    html, report = page_of(made(folder, "queue_run_file", kind), folder)
    page = opened(browser, html, "dark")
    is_quiet(page)
    kinds = {f["kind"] for f in report["findings"]}
    text = page.eval("document.getElementById('findings').textContent")
    assert kinds and all(k in text for k in kinds), (kinds, text)


FOUND = {
    "findings": [{"kind": "bottleneck", "about": "api-1/pool_3", "limit": "pool_3", "confidence": 0.9, "onset_s": 12.5, "text": "bottleneck: pool_3 of api-1",
                  "evidence": ["pool_3 1000/1000 from 12.5 s", "p99 broke at 13 s"], "advice": ["raise the pool's size"], "runner_up": "cpu of api-1"}],
    "slowest": [{"name": "<b>chat</b>", "outcome": "ok", "status": 200, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "due_s": 12.25, "response_ms": 812.5, "service_ms": 800.25}],
    "alerts": [{"name": "full", "rule": "x", "state": "resolved", "unjudged": None, "firings": [{"fired_s": 4.5, "resolved_s": 9.5, "why": "pool_3 was full"}]}],
}


def with_more(html, more):
    """The same page with other members in its data: what a run of 20 s does not come to by itself."""
    text = html.read_text()
    data = json.loads(DATA.search(text).group(1)) | more
    found = html.with_name("more.html")
    found.write_text(text.replace(DATA.search(text).group(1), json.dumps(data).replace("<", "\\u003c")))
    return found


def test_a_bottleneck_the_slowest_and_alerts_are_shown(browser, short):
    page = opened(browser, with_more(short[0], FOUND))
    is_quiet(page)
    assert FOUND["findings"][0]["text"] in page.eval("document.getElementById('verdict').textContent")
    finding = page.eval("document.querySelector('.finding[data-kind=bottleneck]').textContent")
    assert all(text in finding for text in (*FOUND["findings"][0]["evidence"], *FOUND["findings"][0]["advice"], "cpu of api-1")), finding
    chart = "peltTimeline.group.charts.find(c => c.options.title.startsWith('Server limits')).options.series[0]"
    assert page.eval(f"[{chart}.label, {chart}.show, {chart}.width > 2]") == ["pool_3", True, True]
    row = page.eval("[...document.querySelectorAll('#slowest tbody td')].map(td => td.textContent)")
    assert row == ["813 ms", "800 ms", "<b>chat</b>", "12.3 s", "ok", "200", FOUND["slowest"][0]["trace_id"]]
    labels = page.eval("[...document.querySelectorAll('.lane .mark')].map(b => b.title)")
    assert "alert full fired: pool_3 was full" in labels and "alert full resolved" in labels and FOUND["findings"][0]["text"] in labels


@pytest.mark.parametrize("about, tone", [("api/pool_3", "tone-bad"), ("unknown", "tone-warn"), ("none", "tone-calm"), ("generator", "tone-calm")])
def test_only_a_bottleneck_that_is_named_is_red(browser, short, about, tone):
    page = opened(browser, with_more(short[0], {"findings": [{"kind": "bottleneck", "about": about, "limit": about, "text": "no bottleneck: all is well"}]}))
    assert page.eval("document.querySelector('.finding[data-kind=bottleneck]').className") == f"finding {tone}"


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_run_that_measured_next_to_nothing_is_a_page_too(browser, tmp_path, seconds):
    html, report = page_of(made(tmp_path, "synthetic_run", seconds, 1, 3), tmp_path)
    page = opened(browser, html)
    is_quiet(page)
    assert page.eval("document.querySelector('[data-tile=requests]').textContent") == str(3 * seconds) == str(report["totals"]["started"])


# ---- one cursor, one zoom ----

def plot(page, i=0):
    """Middle and size of a chart's plotting area in the window."""
    page.eval(f"document.querySelectorAll('#timeline .u-over')[{i}].scrollIntoView({{block: 'center', behavior: 'instant'}})")
    return page.eval(f"(() => {{ const b = document.querySelectorAll('#timeline .u-over')[{i}].getBoundingClientRect(); return [b.left, b.top + b.height / 2, b.width]; }})()")


def views(page):
    return page.eval("peltTimeline.group.charts.map(c => [c.u.scales.x.min, c.u.scales.x.max])")


def test_one_cursor_over_all_charts(browser, short):
    html, report = short
    page, line = opened(browser, html), report["timeline"]
    left, middle, width = plot(page)
    page.mouse("mouseMoved", left + width / 2, middle)
    page.wait("document.querySelector('.when').textContent.startsWith('at ')")
    at = page.eval("peltTimeline.group.index")
    assert line["t"][at] == pytest.approx(10, abs=1)
    assert len(set(page.eval("[...document.querySelectorAll('#timeline .when')].map(e => e.textContent)"))) == 1
    lines = page.eval("peltTimeline.group.charts.map(c => c.u.cursor.left)")
    assert max(lines) - min(lines) <= width / 20 / 2 + 1, lines
    shown = dict(page.eval("[...document.querySelectorAll('#timeline .legend .value')].map(o => [o.dataset.key, o.dataset.v])"))
    for key, column in columns_told(report).items():
        assert (float(shown[key]) if shown[key] else None) == column[at], key
    page.eval("document.querySelector('#timeline .chart .plot[tabindex]').focus()")
    page.key("ArrowRight")
    assert page.eval("peltTimeline.group.index") == at + 1
    assert re.match(r"Response time at \d+ s: .*p99 [\d.]+ ms, .*p50 [\d.]+ ms$", page.eval("peltTimeline.group.spoken.textContent"))


def test_one_zoom_over_all_charts(browser, short):
    page = opened(browser, short[0])
    whole = views(page)
    left, middle, width = plot(page, 1)
    page.drag(left + width * 0.25, left + width * 0.5, middle)
    page.wait("peltTimeline.group.zoomed !== null")
    zoomed = views(page)
    assert all(view == zoomed[0] for view in zoomed) and zoomed[0] == pytest.approx([5, 10], abs=0.5)
    assert not page.eval("[...document.querySelectorAll('.toolbar button')][0].disabled")
    page.mouse("mousePressed", left + width / 2, middle, pressed=True, clicks=2)
    page.mouse("mouseReleased", left + width / 2, middle, clicks=2)
    page.mouse("mousePressed", left + width / 2, middle, pressed=True, clicks=2)
    page.mouse("mouseReleased", left + width / 2, middle, clicks=2)
    page.wait("peltTimeline.group.zoomed === null")
    assert views(page) == whole
    page.eval("document.querySelector('#timeline .chart .plot[tabindex]').focus()")
    page.key("+")
    assert views(page) != whole
    page.key("Escape")
    assert views(page) == whole
    page.eval("document.querySelectorAll('.lane .mark')[1].click()")
    steady = short[1]["phases"][1]
    assert views(page)[0] == pytest.approx([steady["from_s"], steady["to_s"]], abs=0.01)


def test_what_is_below_a_request_opens(browser, short):
    html, report = short
    page, first = opened(browser, html), report["requests"][0]
    page.eval("document.querySelector('.disclose').click()")
    assert page.eval("document.querySelectorAll('tr.inner .chart').length") == 3
    page.eval("[...document.querySelectorAll('tr.inner .chart')][2].querySelector('.switches label:last-child').click()")
    rows = page.eval("[...[...document.querySelectorAll('tr.inner .chart')][2].querySelectorAll('.data tbody tr')].map(r => [...r.children].map(c => c.dataset.v))")
    assert [float(r[1]) for r in rows] == first["curve"]["response_ms"] and [float(r[2]) for r in rows] == first["curve"]["service_ms"]
    assert "Where the time went" in page.eval("document.querySelector('tr.inner').textContent")
    is_quiet(page)


# ---- for everybody ----

CONTRAST = """(() => {
    const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; };
    const light = c => { const f = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]); };
    const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
    const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) { return c; } } return [255, 255, 255, 1]; };
    const poor = [];
    for (const e of document.querySelectorAll('body *')) {
        const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
        if (!own || !e.offsetParent || e.disabled) { continue; }
        const style = getComputedStyle(e), size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
        const needed = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5, is = ratio(parse(style.color), behind(e));
        if (is < needed) { poor.push([e.tagName, e.className, e.textContent.slice(0, 30), is]); }
    }
    const hex = name => { const v = getComputedStyle(document.documentElement).getPropertyValue(name).trim(); return [1, 3, 5].map(i => parseInt(v.slice(i, i + 2), 16)); };
    for (const name of LINES) { const is = ratio(hex(name), hex('--card')); if (is < 3) { poor.push([name, is]); } }
    if (ratio(hex('--muted'), hex('--card')) < 4.5) { poor.push(['axes']); }
    return poor; })()"""
LINES = ["--p50", "--p90", "--p95", "--p99", "--p999", "--max", "--ok", "--started", "--errors", "--planned", "--users", "--flight", "--waiting",
         *[f"--s{i}" for i in range(1, 9)], *[f"--mark-{k}" for k in ("spike", "holds", "breaks", "event", "break", "other", "found", "gap")]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast_is_good_enough_for_everybody(browser, short, stress, theme):
    """WCAG 2.1 AA: texts 4.5 (large ones 3), lines 3, on what is behind them."""
    for html, _ in (short, stress):
        page = opened(browser, html, theme)
        assert page.eval("document.documentElement.dataset.theme") == theme
        assert page.eval(CONTRAST.replace("LINES", json.dumps(LINES))) == []


def test_the_theme_can_be_chosen(browser, short):
    page = opened(browser, short[0], "dark")
    dark = page.eval("getComputedStyle(document.body).backgroundColor")
    page.eval("document.getElementById('theme').click()")
    assert page.eval("document.documentElement.dataset.theme") == "light"
    assert page.eval("getComputedStyle(document.body).backgroundColor") != dark
    is_quiet(page)
    page.eval("localStorage.clear()")


def test_all_can_be_reached_with_the_keyboard(browser, short):
    page = opened(browser, short[0])
    wanted = page.eval("[...document.querySelectorAll('a[href], button, input, summary, [tabindex=\"0\"]')].filter(e => e.offsetParent && e.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true }) && !e.disabled).length")
    page.eval("window.reached = new Set(); document.addEventListener('focusin', e => reached.add(e.target)); document.body.focus()")
    for _ in range(wanted + 5):
        page.key("Tab")
    assert page.eval("reached.size") == wanted
    page.eval("document.querySelector('.disclose').focus()")
    page.key("Enter")
    assert page.eval("document.querySelector('.disclose').getAttribute('aria-expanded')") == "true"
    assert page.eval("[...document.querySelectorAll('button, input, [role=group], [role=region], svg')].filter(e => !(e.textContent.trim() || e.getAttribute('aria-label') || e.closest('label'))).length") == 0


def test_narrow_windows_and_paper_have_room_for_it(browser, short):
    page = opened(browser, short[0])
    page.size(420, 900)
    page.wait("peltTimeline.group.charts[0].u.width < 400")
    assert page.eval("document.documentElement.scrollWidth") <= 420
    page.call("Emulation.setEmulatedMedia", media="print")
    assert page.eval("getComputedStyle(document.querySelector('nav')).display") == "none"


# ---- an hour; a hostile server ----

@pytest.mark.slow
@pytest.mark.alone
def test_an_hour_of_fifty_series_is_small_and_opens_at_once(browser, tmp_path):
    html, report = page_of(made(tmp_path, "synthetic_run", 3600, 10, 4, 40), tmp_path)
    assert html.stat().st_size < 5e6
    assert len(report["timeline"]["t"]) == 3600 and len(report["timeline"]["servers"]) == 40
    page = browser.page()

    def check(attempt):
        seconds = page.open(html, READY)
        if_quiet(seconds < 2, f"opened in {seconds:.2f} s")

    in_a_quiet_moment(check)
    is_quiet(page)
    assert page.eval("document.querySelectorAll('#requests tr[data-name]').length") == 10


@pytest.mark.slow
def test_more_than_an_hour_keeps_the_extremes(tmp_path):
    run = made(tmp_path, "synthetic_run", 5400, 1, 8)
    report = report_of(run, tmp_path)
    line, errors = report["timeline"], [s["errors"] for s in report["seconds"]]
    step = line["step_s"]
    assert line["points_a_step"] == 2 and step == 3 and len(line["t"]) == 2 * 5400 // step
    for piece in range(5400 // step):
        inside = errors[piece * step:(piece + 1) * step]
        assert sorted(line["errors"][2 * piece:2 * piece + 2]) == [min(inside), max(inside)]
        if line["errors"][2 * piece] != line["errors"][2 * piece + 1]:
            falls = inside.index(max(inside)) < len(inside) - 1 - inside[::-1].index(min(inside))
            rises = inside.index(min(inside)) < len(inside) - 1 - inside[::-1].index(max(inside))
            assert rises if line["errors"][2 * piece] < line["errors"][2 * piece + 1] else falls


EVIL = ("</script><script>window.pwned = 1</script>", "<!--<script>", "\u2028window.pwned = 2", "<img src=x onerror='pwned = 3'>", "\"'&amp;{{data}}",
        "javascript:pwned=4", "__proto__", "constructor")
HOSTILE = """
local pelt = require "pelt"
local names = { NAMES }
return {
  name = NAME, target = "http://127.0.0.1:1", load = { users = 1, iterations_per_user = #names },
  iteration = function(user) local name = names[user.iteration + 1] or names[1]; pelt.http.get("/", { name = name }); pelt.check(name, false) end,
}
"""
NAMED = {name.replace("\u2028", "?") for name in EVIL}  # what a name may be: no line separators


def lua(text):
    return '"' + "".join(c if c.isalnum() else "".join(f"\\x{b:02x}" for b in c.encode()) for c in text) + '"'


@pytest.fixture(scope="module")
def hostile(folder):
    """A run whose names want to be scripts; what the server says in samples lies in the same JSON."""
    scenario, run = folder / "hostile.lua", folder / "hostile.pelt"
    scenario.write_text(HOSTILE.replace("NAMES", ", ".join(map(lua, EVIL))).replace("NAME", lua(EVIL[0])))
    done = pelt("run", scenario, "--run-file", run, "--allow-invalid", "--quiet", cwd=folder)
    assert run.exists(), done.told()
    return page_of(run, folder)


@pytest.mark.sanitize
def test_hostile_names_are_data(hostile):
    html, report = hostile
    text = html.read_text()
    assert text.count("</script>") == text.count("<script") and "\u2028" not in DATA.search(text).group(1)
    data = DATA.search(text).group(1)
    assert not set("<>&") & set(data)
    assert json.loads(data) == {k: v for k, v in report.items() if k != "seconds"}
    assert {r["name"] for r in report["requests"]} == NAMED


def test_hostile_names_run_nothing_and_are_shown(browser, hostile):
    page = opened(browser, hostile[0])
    is_quiet(page)
    assert page.eval("typeof window.pwned") == "undefined"
    shown = page.eval("[...document.querySelectorAll('#requests .disclose')].map(e => e.textContent)")
    assert set(shown) == NAMED
    assert page.eval("document.querySelector('h1').textContent") == EVIL[0] and page.eval("document.title") == f"{EVIL[0]} - pelt"
    page.eval("document.querySelectorAll('.disclose').forEach(b => b.click())")
    assert page.eval("document.querySelectorAll('#main img, #main script, #main iframe').length") == 0
    is_quiet(page)
    # The policy lets no other script run, not even one that got in.
    page.eval("(() => { const s = document.createElement('script'); s.textContent = 'window.pwned = 5'; document.body.append(s); })()")
    assert page.eval("typeof window.pwned") == "undefined"


@pytest.mark.sanitize
def test_html_goes_to_stdout_too(folder, tmp_path):
    run = made(tmp_path, "synthetic_run", 5, 2, 20)
    done = pelt("report", run, "--out", "html=-", cwd=tmp_path)
    assert done.code == PASSED and done.out.startswith("<!doctype html>") and done.out.rstrip().endswith("</html>"), done.told()
    assert [p.name for p in tmp_path.iterdir()] == [run.name]
