"""WebSockets, streams and answers of language models over TLS, with both libraries: as they are without it."""
import ssl

import pytest

import certs
from modelserver import ModelServer
from program import PASSED, USAGE, measure, outcomes_add_up, run
from wsserver import Server

pytestmark = pytest.mark.sanitize

LIBRARIES = ["mbedtls", "openssl"]


@pytest.fixture(name="ca", scope="session")
def authority():
    return certs.shared()


def server_side(ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca.path("good.crt"), ca.path("good.key"))
    return context


def go(folder, text, url, ca, library):
    (folder / "scenario.lua").write_text(text)
    done = measure("run", "scenario.lua", "--target", url, "--ca", ca.path("root.crt"), "--tls", library, cwd=folder)
    assert done.code == PASSED, done.told()
    outcomes_add_up(done.report)
    assert done.report["checks"] and not [row for row in done.report["checks"] if row["failed"]], done.told()
    return done.report


ECHO = r"""
local pelt = require "pelt"
local check = pelt.check
return {
    load = { users = 3, iterations_per_user = 4, duration = "60s" },
    iteration = function(user)
        local urls = { "/echo", pelt.env("WSS"), pelt.env("HTTPS"), "/echo" }
        local c = pelt.ws.connect(urls[user.iteration + 1], { name = "echo" })
        check("open", c.open)
        for _, size in ipairs { 0, 1, 125, 20000, 300000 } do
            local message = ("\u{e9}"):rep(size)
            check("echoed", c:request(message) == message)
        end
        c:send_binary(("\0\xff"):rep(50000))
        local back, binary = c:recv()
        check("binary", binary and back == ("\0\xff"):rep(50000))
        check("pong", c:ping() ~= nil)
        local code, clean = c:close()
        check("closed", code == 1000 and clean)
    end,
}
"""


@pytest.mark.parametrize("library", LIBRARIES)
def test_websockets_over_tls(ca, tmp_path, library):
    def serve(peer):
        peer.accept()
        return peer.echo()

    with Server(serve, tls=server_side(ca)) as server:
        address = f"127.0.0.1:{server.port}/echo"
        text = ECHO.replace('pelt.env("WSS")', f'"wss://{address}"').replace('pelt.env("HTTPS")', f'"https://{address}"')
        report = go(tmp_path, text, f"https://127.0.0.1:{server.port}", ca, library)
        assert server.wait() == [1000] * 12
    assert report["totals"]["outcomes"] == {"ok": 12}
    assert sum(row["stats"]["count"] for row in report["metrics"] if row["name"] == "ws_messages") == 12 * 6 * 2
    assert sum(row["stats"]["count"] for row in report["metrics"] if row["name"] == "tls_handshake") == 12


STREAMS = """
local pelt = require "pelt"
local http, llm, check = pelt.http, pelt.llm, pelt.check
return {
    load = { users = 3, iterations_per_user = 3, duration = "60s" },
    iteration = function()
        local r = llm.chat("/v1/chat/completions", { name = "chat", prompt = "ok 50" })
        check("answered", r.ok and r.tokens == 50)
        local stream = http.stream("/v1/chat/completions", { name = "stream",
            json = { stream = true, messages = { { role = "user", content = "ok 50" } } } })
        local events, last = 0, nil
        for event in stream:events() do events, last = events + 1, event.data end
        check("all events", events >= 50 and last == "[DONE]")
        check("ended well", stream.error == nil)
    end,
}
"""


@pytest.mark.parametrize("library", LIBRARIES)
def test_streams_and_models_over_tls(ca, tmp_path, library):
    with ModelServer(tls=server_side(ca)) as server:
        report = go(tmp_path, STREAMS, server.url, ca, library)
        assert len(server.bodies) == 18
    assert report["totals"]["outcomes"] == {"ok": 18}


def test_a_websockets_url_is_named_as_it_was_written(tmp_path):
    for url, said in (("ftp://x/", "only ws:// and wss://"), ("ws:///x", '"ws:///x": it has no host'),
                      ("wss:///x", '"wss:///x": it has no host')):
        (tmp_path / "bad.lua").write_text(f"""
            local pelt = require "pelt"
            return {{ load = {{ users = 1, iterations_per_user = 1 }}, iteration = function() pelt.ws.connect("{url}") end }}""")
        done = run(tmp_path / "bad.lua", cwd=tmp_path)
        assert done.code == USAGE and said in done.err, done.told()
