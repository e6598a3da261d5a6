"""JUnit, Markdown, histogram logs and OpenMetrics: each read as those read it who take it, of a run with hostile names."""
import html
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest

from program import MISSED, PASSED, ROOT, USAGE, pelt
from targets import Target

pytestmark = pytest.mark.sanitize

INTEROP = ROOT / "tests/interop"
FORMATS = ("junit", "markdown", "hlog", "openmetrics", "json")

# A name cannot hold control characters: they are "?" by then.
HOSTILE = "<script>alert(1)</script> | `x` \"q\" & @all ]]> \\| [a](javascript:b)"
SCENARIO = """
local pelt = require "pelt"
local hostile = [==[%s]==]
return {
    name = hostile,
    load = { users = 2, iterations_per_user = 200 },
    thresholds = { "http_response p95 < 30s", "http_response{plain,name} p50 < 1ms", "http_response p99.99 < 30s",
                   "http_response p95 < 30s", "errors share <= 60%%" },
    iteration = function(user)
        local plain = pelt.http.get("/api/status", { name = "plain,name" })
        pelt.http.get("/nothing/here", { name = hostile })
        pelt.check("answered", plain.status == 200)
        pelt.check(hostile, user.iteration %% 2 == 0)
    end,
}
""" % HOSTILE


def text_of(path):
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder with a run file and all formats of it, made at the end of the run."""
    folder = tmp_path_factory.mktemp("formats")
    (folder / "hostile.lua").write_text(SCENARIO)
    outs = [part for name in FORMATS for part in ("--out", f"{name}={folder / name}")]
    target = Target(folder, "--service-time", "constant:2ms")
    done = pelt("run", folder / "hostile.lua", "--target", target.url, "--quiet", "--allow-invalid", "--run-file", folder / "run.pelt", *outs,
                cwd=folder)
    assert target.stop() == 0
    assert done.code == MISSED, done.told()
    return folder


@pytest.fixture(scope="module")
def report(written):
    return json.loads(text_of(written / "json"))


def test_each_format_is_the_same_from_the_run_file_later(written, tmp_path):
    for name in FORMATS:
        done = pelt("report", written / "run.pelt", "--out", f"{name}=-", cwd=tmp_path)
        assert done.code == PASSED, done.told()
        assert done.out == text_of(written / name), name


# ---- JUnit ----

def test_junit_counts_what_it_holds_and_tells_failures_from_errors(written, report):
    root = ET.parse(written / "junit").getroot()
    assert root.tag == "testsuites" and root.get("name") == HOSTILE
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == ["run", "thresholds", "checks"]
    results = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    for whole in (root, *suites):
        cases = list(whole.iter("testcase"))
        assert int(whole.get("tests")) == len(cases)
        assert {key: int(whole.get(key)) for key in results} == \
            {key: sum(case.find(tag) is not None for case in cases) for key, tag in results.items()}
        assert float(whole.get("time")) == pytest.approx(sum(float(case.get("time")) for case in cases), abs=0.002)
    cases = list(root.iter("testcase"))
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)
    assert all(float(case.get("time")) >= 0 for case in cases)
    assert len(suites[1]) == len(report["thresholds"]) and len(suites[2]) == len(report["checks"])
    by_name = {case.get("name"): case for case in cases}
    missed = by_name["http_response{plain,name} p50 <= 1ms"].find("failure")
    assert missed.get("type") == "missed" and "1ms was allowed" in missed.get("message")
    unjudged = by_name["http_response p99.99 <= 30s"].find("error")
    assert unjudged.get("type") == "unjudged" and "36888" in unjudged.get("message")
    assert by_name["http_response p95 <= 30s (2)"].find("failure") is None  # the same threshold twice
    assert by_name["answered"].find("failure") is None
    assert "200 of 400" in by_name[HOSTILE].find("failure").get("message")
    assert by_name["end"].find("error") is None  # a missed threshold is no broken run


def test_junit_of_a_run_that_is_invalid_has_an_error_and_passes_nothing(target, tmp_path):
    # Users that are too few for the rate: arrivals are dropped.
    done = pelt("bench", target("--service-time", "constant:200ms").url + "/", "--rate", "400/s", "-c", 2, "-d", "1s", "--grace", "0s", "--quiet",
                "--no-run-file", "--threshold", "http_response p50 < 30s", "--out", "junit=j.xml", "--out", "json=j.json", cwd=tmp_path)
    told = json.loads(text_of(tmp_path / "j.json"))
    root = ET.parse(tmp_path / "j.xml").getroot()
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert told["verdict"]["status"] == "INVALID", done.told()
    assert done.code == 4
    assert cases["verdict"].find("error").get("type") == "INVALID"
    assert cases["verdict"].find("error").get("message") == told["verdict"]["reasons"][0]
    assert cases["http_response p50 <= 30s"].find("skipped") is not None


# ---- Markdown ----

def code_spans_taken_out(line):
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", line)


def test_markdown_tells_what_json_does_and_names_stay_text(written, report):
    lines = text_of(written / "markdown").splitlines()
    outside = [code_spans_taken_out(line) for line in lines]
    for line in outside:
        plain = re.sub(r"\\.", "", html.unescape(line) if "&#" in line else line)
        assert "script>" not in plain and "javascript" not in plain and "@all" not in plain, line
    rows = [re.split(r"(?<!\\)\|", code) for code in outside if code.startswith("| ")]
    heads = [re.split(r"(?<!\\)\|", line) for line in lines if line.startswith("|--")]
    assert {len(row) for row in rows} <= {len(head) for head in heads}
    for request in report["requests"]:
        wanted = request["name"].replace("\\|", "\ufffd|").replace("|", "\\|")
        row = next(line for line in lines if wanted in line and f" {request['started']} |" in line)
        assert f" {request['started'] - request['outcomes'].get('ok', 0)} |" in row
    assert sum(line.startswith("| \u274c") for line in lines) == 3  # two thresholds, one check
    assert "exit 3" in lines[2]


# ---- .hlog ----

READER = """
const hdr = require("hdr-histogram-js");
const text = require("fs").readFileSync(0, "utf8");
const told = {};
for (const tag of [undefined, ...hdr.listTags(text).filter((tag) => tag !== "NO TAG")]) {
  const reader = new hdr.HistogramLogReader(text);
  const sum = hdr.build({ lowestDiscernibleValue: 1, highestTrackableValue: 3600000000, numberOfSignificantValueDigits: 3 });
  const starts = [];
  let part;
  while ((part = reader.nextIntervalHistogram()) != null)
    if ((part.tag === "NO TAG" ? undefined : part.tag) === tag) { sum.add(part); starts.push(part.startTimeStampMsec); }
  const at = (p) => sum.getValueAtPercentile(p);
  told[tag === undefined ? "" : tag] = { count: sum.totalCount, p50: at(50), p90: at(90), p95: at(95), p99: at(99), max: sum.maxValue, starts };
}
console.log(JSON.stringify(told));
"""


def test_hdrhistograms_own_reader_gives_the_same_percentiles(written, report):
    if shutil.which("node") is None or not (INTEROP / "node_modules/hdr-histogram-js").exists():
        pytest.fail("hdr-histogram-js is not installed: npm ci --prefix tests/interop")
    read = subprocess.run(["node", "-e", READER], input=text_of(written / "hlog"), capture_output=True, text=True, timeout=60, cwd=INTEROP,
                          check=False)
    assert read.returncode == 0, read.stderr
    told = json.loads(read.stdout)
    tags = {re.sub("[, ]", "_", request["name"]): request for request in report["requests"]}
    assert set(told) == {"", *tags}
    assert told[""]["count"] == sum(request["response_ms"]["count"] for request in report["requests"])
    for tag, request in tags.items():
        figures = request["response_ms"]
        assert told[tag]["count"] == figures["count"] == 400
        for name in ("p50", "p90", "p95", "p99"):
            assert told[tag][name] / 1e3 == pytest.approx(figures[name], abs=0.0006), (tag, name)
        assert told[tag]["max"] / 1e3 == pytest.approx(figures["max"], rel=0.001)
        assert told[tag]["starts"] == sorted(told[tag]["starts"])


# ---- OpenMetrics ----

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)')


def samples_of(text):
    told = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = SAMPLE.fullmatch(line).groups()
            told[name + (labels or "")] = float(value)
    return told


def label(value):
    return value.replace("\\", "\\\\").replace('"', '\\"')


def test_openmetrics_is_in_base_units_and_says_what_json_does(written, report):
    text = text_of(written / "openmetrics")
    assert text.endswith("# EOF\n") and text.count("# EOF") == 1
    told = samples_of(text)
    for request in report["requests"]:
        name = label(request["name"])
        assert told['pelt_requests{request="%s"}' % name] == request["started"]
        assert told['pelt_response_seconds{request="%s",quantile="0.95"}' % name] == pytest.approx(request["response_ms"]["p95"] / 1e3)
        assert told['pelt_response_seconds_count{request="%s"}' % name] == request["response_ms"]["count"]
    assert told['pelt_threshold_met{number="2",threshold="http_response{plain,name} p50 <= 1ms"}'] == 0
    assert told["pelt_exit_code"] == 3


def test_promtool_finds_nothing_wrong(written):
    told = subprocess.run(["promtool", "check", "metrics"], input=text_of(written / "openmetrics"), capture_output=True, text=True, timeout=60,
                          check=False)
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


# ---- all of them ----

def test_a_format_nobody_has_is_answered_with_those_there_are(written, tmp_path):
    done = pelt("report", written / "run.pelt", "--out", "junti=x.xml", cwd=tmp_path)
    assert done.code == USAGE and "did you mean junit?" in done.err and "openmetrics=PATH" in done.err, done.told()


def test_a_report_that_cannot_be_written_leaves_the_old_one(written, tmp_path):
    kept = tmp_path / "kept.xml"
    kept.write_text("old")
    damaged = tmp_path / "damaged.pelt"
    damaged.write_bytes((written / "run.pelt").read_bytes()[:20000])
    assert pelt("report", damaged, "--out", f"junit={kept}", cwd=tmp_path).code != PASSED
    assert kept.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"kept.xml", "damaged.pelt"}
