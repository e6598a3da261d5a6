"""What a converted scenario sends is what real curl, or the recorded browser, sent: judged by a server that keeps it."""
import email.parser
import email.policy
import http.server
import json
import pathlib
import shlex
import shutil
import subprocess
import threading
import urllib.parse

import pytest

from curl_lines import BASH, CMD
from program import PASSED, USAGE, pelt

pytestmark = pytest.mark.sanitize
HARS = pathlib.Path(__file__).parent / "har"
# What each client says of itself, or of its connection and length.
OWN = {"host", "user-agent", "content-length", "connection", "accept-encoding", "expect"}


class Witness(http.server.ThreadingHTTPServer):
    """Answers {} and keeps (method, target, headers, body) of each request."""
    daemon_threads = True

    def __init__(self):
        self.seen = []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def take(self):
        seen, self.seen = self.seen, []
        return seen


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while length := int(self.rfile.readline(), 16):
                body += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"{}")

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *args):
        pass


def meaning(headers, body):
    """A body as what it says: JSON and form fields by value, parts by name."""
    kind = headers.get("content-type", "")
    if kind == "application/json":
        return json.loads(body)
    if kind.startswith("application/x-www-form-urlencoded") and not body.startswith(b"{"):
        return sorted(urllib.parse.parse_qs(body.decode(), True, True).items())
    if kind.startswith("multipart/form-data"):
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
            b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        return sorted((p.get_param("name", header="content-disposition"), p.get_filename(), p.get_payload(decode=True))
                      for p in message.iter_parts())
    return body


def said(request):
    method, target, headers, body = request
    kept = {k: v for k, v in headers.items() if k not in OWN or (k == "user-agent" and "Mozilla" in v)}
    if kept.get("content-type", "").startswith("multipart/"):
        kept["content-type"] = "multipart/form-data"  # boundaries differ
    path, _, query = target.partition("?")
    if "%" in query:  # curl's versions differ in %2f and %2F
        query = urllib.parse.parse_qsl(query, True)
    return method, path, query, kept, meaning(headers, body)


@pytest.fixture
def witness(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"PNG\r\n\x00\x01")
    (tmp_path / "order.json").write_text('{"id": 1}\n')
    server = Witness()
    yield server
    server.shutdown()
    server.server_close()


def sent_by(scenario, witness, folder, *options):
    """What one iteration of the scenario sends."""
    done = pelt("check", "--once", scenario, *options, cwd=folder)
    assert done.code == PASSED, done.told() + scenario.read_text()
    return [said(request) for request in witness.take()]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl to compare with")
@pytest.mark.one_thread
def test_thirty_lines_send_what_curl_sends(tmp_path, witness):
    lines = [(line, line) for line in BASH] + CMD
    assert len(lines) == 30
    for number, (line, posix) in enumerate(lines):
        line, posix = (text.replace("@URL@", witness.url) for text in (line, posix))
        real = posix.replace("\n$ curl", "\ncurl").replace(" --http2 -x http://127.0.0.1:9", "")
        subprocess.run(["bash", "-c", real], cwd=tmp_path, timeout=20, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
        expected = [said(request) for request in witness.take()]
        scenario = tmp_path / f"line{number}.lua"
        done = pelt("convert", "curl", line, "--out", scenario, cwd=tmp_path)
        assert done.code == PASSED, line + done.told()
        assert expected and sent_by(scenario, witness, tmp_path) == expected, line + "\n" + scenario.read_text()
    everything = tmp_path / "all.sh"
    everything.write_text("\n".join(BASH).replace("@URL@", witness.url))
    assert pelt("convert", "curl", everything, cwd=tmp_path).out.count("TARGET") == 1


@pytest.mark.parametrize("name", ["chrome", "chrome_http2", "firefox", "firefox_upload", "safari"])
def test_a_recording_is_sent_again(tmp_path, witness, name):
    scenario = tmp_path / "s.lua"
    done = pelt("convert", "har", HARS / f"{name}.har", "--host", "shop.example", "--no-static", "--think",
                "--out", scenario, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    entries = [e for e in json.loads((HARS / f"{name}.har").read_text())["log"]["entries"]
               if e["request"]["url"].startswith("http://shop.example") and e.get("_resourceType") != "script"]
    expected = []
    for entry in sorted(entries, key=lambda e: e["startedDateTime"]):
        request = entry["request"]
        headers = {h["name"].lower(): h["value"] for h in request["headers"] if h["name"][0] != ":"}
        headers.pop("cookie", None)
        expected.append(said((request["method"], request["url"].removeprefix("http://shop.example"), headers,
                              request.get("postData", {}).get("text", "").encode())))
    assert sent_by(scenario, witness, tmp_path, "--target", witness.url) == expected, scenario.read_text()


def test_a_recording_becomes_groups_pauses_and_notes(tmp_path):
    done = pelt("convert", "har", HARS / "chrome.har", "--host", "shop.example", "--no-static", "--think", cwd=tmp_path)
    assert done.code == PASSED, done.told()
    assert 'pelt.group("/echo/start", function()' in done.out and 'pelt.sleep("1250ms")' in done.out, done.out
    for note in ("1 requests to other hosts", "1 static files", "1 entries that are not http", "Cookie", "Connection"):
        assert note in done.err and note in done.out, done.told()
    assert 'name = "Pay"' in pelt("convert", "har", HARS / "chrome_http2.har", cwd=tmp_path).out


def test_what_is_left_out_is_said(tmp_path):
    line = "curl --http2 --proxy http://p:1 --frobnicate -k -d \"$BODY\" http://127.0.0.1:1/ > out.txt"
    done = pelt("convert", "curl", line, cwd=tmp_path)
    assert done.code == PASSED, done.told()
    for word in ("--http2", "--proxy http://p:1", "--frobnicate", "--insecure", "$BODY", "out.txt"):
        assert word in done.out and word in done.err, (word, done.told())


def test_a_file_is_written_over_only_when_asked_for(tmp_path):
    path = tmp_path / "s.lua"
    path.write_text("mine")
    args = ("convert", "curl", "curl http://127.0.0.1:1/", "--out", path)
    done = pelt(*args, cwd=tmp_path)
    assert done.code == USAGE and "--force" in done.err and path.read_text() == "mine", done.told()
    done = pelt(*args, "--force", cwd=tmp_path)
    assert done.code == PASSED and "wrote over" in done.err and "pelt" in path.read_text(), done.told()


@pytest.mark.parametrize("kind, text, said_by", [
    ("curl", "curl 'http://a/", "line 1: a quote ' is opened"), ("curl", "wget http://a/", "no curl command"),
    ("curl", "curl -H", "-H needs a value"), ("curl", "curl ftp://a/", "ftp"), ("har", "{}", "log.entries"),
    ("har", "<html>", "no JSON"), ("har", '{"log": {"entries": []}}', "none of its 0"), ("soap", "x", "pelt convert curl")])
def test_bad_input_is_one_clear_line(tmp_path, kind, text, said_by):
    (tmp_path / "in").write_text(text)
    done = pelt("convert", kind, "in", cwd=tmp_path)
    assert done.code == USAGE and said_by in done.err and done.err.count("\n") == 1 and done.out == "", done.told()
