"""Compressed bodies from real servers: nginx' own gzip, and files of all codings; counts, decoded bodies, and those that are too much."""
import os
import subprocess

import pytest

import nginx as plain_nginx
from program import PASSED, SLOW, run

EXCHANGES = 1_000 if SLOW else 10_000
TEXT = "".join(f"line {i} of a text that compresses\n" for i in range(300))
ENDINGS = {"gz": "gzip", "br": "br", "zst": "zstd"}
CONFIG = plain_nginx.HEAD + """\
    log_format  counted '$uri $status';
    access_log  {prefix}/access.log counted;
    keepalive_requests 1000000;
    default_type text/plain;
    root {prefix}/files;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        listen unix:{prefix}/h2.socket http2;
        gzip on;
        gzip_types text/plain;
        location ~ \\.gz$  {{ add_header Content-Encoding gzip; gzip off; }}
        location ~ \\.br$  {{ add_header Content-Encoding br; gzip off; }}
        location ~ \\.zst$ {{ add_header Content-Encoding zstd; gzip off; }}
    }}
}}
"""


def packed(tool, data):
    return subprocess.run(tool, input=data, stdout=subprocess.PIPE, check=True).stdout


@pytest.fixture
def web(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("web")
    files = prefix / "files"
    files.mkdir()
    tools = {"gz": ["gzip", "-c"], "br": ["brotli", "-c", "-q", "5", "-"], "zst": ["zstd", "-q", "-c"]}
    for ending, tool in tools.items():
        (files / f"text.{ending}").write_bytes(packed(tool, TEXT.encode()))
        (files / f"bomb.{ending}").write_bytes(packed(tool, bytes(10_000_000)))
        (files / f"cut.{ending}").write_bytes(packed(tool, TEXT.encode())[:-20])
    (files / "text").write_text(TEXT)

    class Web(plain_nginx.Nginx):
        pass

    Web.CONFIG = CONFIG
    server = Web(prefix, is_root=os.geteuid() == 0)
    yield server
    server.stop()


def asked(web, tmp_path, body, users=4, iterations=40, http2=False):
    path = tmp_path / "s.lua"
    path.write_text(f'local pelt = require "pelt"\nlocal http, check = pelt.http.client {{ compressed = true }}, pelt.check\n'
                    f"return {{ load = {{ users = {users}, iterations = {iterations} }}, iteration = function(user)\n{body}\nend }}\n")
    options = ("--http2", "--unix-socket", web.prefix / "h2.socket") if http2 else ()
    done = run(path, "-t", 1, "--target", web.url, *options, cwd=tmp_path)
    assert done.code == PASSED and all(row["failed"] == 0 for row in done.report["checks"]), done.told()
    assert web.count() == done.report["totals"]["started"]
    return done.report


def test_each_coding_is_undone_and_counted(web, tmp_path):
    report = asked(web, tmp_path, f"""
        local ending = ({{ "", ".gz", ".br", ".zst" }})[user.iteration % 4 + 1]
        local r = http:get("/text" .. ending)
        check("whole", #r.body == {len(TEXT)} and not r.body_cut)
        check("text", r.body:sub(-30) == "299 of a text that compresses\\n")""", iterations=EXCHANGES)
    assert report["totals"]["outcomes"] == {"ok": EXCHANGES}
    assert report["totals"]["bytes_received"] < EXCHANGES * 4_000  # as it came


@pytest.mark.parametrize("ending, http2", [*((ending, False) for ending in ENDINGS), ("br", True)])
def test_what_is_too_much_or_damaged_has_its_class(web, tmp_path, ending, http2):
    report = asked(web, tmp_path, f"""
        local bomb = http:get("/bomb.{ending}", {{ name = "bomb" }})
        check("bomb", bomb.error == "body_too_large" and bomb.body == nil)
        local cut = http:get("/cut.{ending}", {{ name = "cut" }})
        check("cut", cut.error == "bad_encoding" and cut.body == nil)
        check("unread", http:get("/bomb.{ending}", {{ keep_body = false, name = "unread" }}).ok)""", http2=http2)
    assert report["totals"]["outcomes"] == {"ok": 40, "bad_encoding": 40, "body_too_large": 40}
    samples = {row["class"]: row["sample"] for row in report["errors"]}
    assert samples == {"bad_encoding": f"the {ENDINGS[ending]} body is damaged, or not whole",
                       "body_too_large": f"the {ENDINGS[ending]} body decodes to more than 1048576 bytes"}
