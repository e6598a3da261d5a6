"""A model server that says exactly what a test wants: answers in the shape of OpenAI's API, by the prompt's first word.

    with ModelServer() as server:
        ...  # server.url, server.bodies: what was asked, server.sent: when each chunk with content was handed over

    ok N            N tokens and usage            bare N       N tokens without usage
    bundle N        N tokens, two a chunk         think N      N tokens, the first two of them reasoning
    cached          usage with cached tokens      refuse S     status S with an error in JSON
    cut             the connection ends in the middle of a chunk
    noend           the body ends as it should, but without finish_reason and [DONE]
    error           an error event in the middle
    garbage         an event that is no JSON
    tools           a call of a tool
"""
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GAP_S = 0.002


def _usage(n, **more):
    return {"prompt_tokens": 7, "completion_tokens": n, "total_tokens": 7 + n, **more}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        prompt = body.get("prompt") or body["messages"][-1]["content"]
        word, *rest = prompt.split()
        number = int(rest[0]) if rest and rest[0].isdigit() else 3
        if word == "refuse":
            return self._json(number, {"error": {"message": f"no: {number}", "type": "x"}})
        if not body.get("stream"):
            words = [f"w{i}" for i in range(number)]
            usage = _usage(number, prompt_tokens_details={"cached_tokens": 5}) if word == "cached" else _usage(number)
            choice = {"index": 0, "message": {"role": "assistant", "content": " ".join(words)}, "finish_reason": "stop"}
            return self._json(200, {"choices": [choice], "usage": usage})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        getattr(self, f"say_{word}")(number)

    def _json(self, status, value):
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _event(self, data):
        text = f"data: {data}\n\n".encode()
        self.wfile.write(f"{len(text):x}\r\n".encode() + text + b"\r\n")
        self.wfile.flush()

    def _chunk(self, finish=None, usage=None, key="delta", **delta):
        self._event(json.dumps({"choices": [{"index": 0, key: delta, "finish_reason": finish}], "usage": usage}))

    def _tokens(self, n, each=1, **_):
        self._chunk(role="assistant", content="")
        for i in range(0, n, each):
            time.sleep(GAP_S)
            self._chunk(content="".join(f" t{k}" for k in range(i, min(i + each, n))))

    def _end(self, usage=None):
        self._chunk(finish="stop")
        if usage:
            self._event(json.dumps({"choices": [], "usage": usage}))
        self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def say_ok(self, n):
        self._tokens(n)
        self._end(_usage(n))

    def say_bare(self, n):
        self._tokens(n)
        self._end()

    def say_bundle(self, n):
        self._tokens(n, each=2)
        self._end(_usage(n))

    def say_cached(self, n):
        self._tokens(n)
        self._end(_usage(n, prompt_tokens_details={"cached_tokens": 5}))

    def say_think(self, n):
        for i in range(2):
            time.sleep(GAP_S)
            self._chunk(reasoning_content=f" r{i}", content=None)
        time.sleep(0.03)
        self._tokens(n - 2)
        self._end(_usage(n))

    def say_tools(self, _):
        self._chunk(tool_calls=[{"index": 0, "function": {"name": "look", "arguments": "{}"}}])
        self._end(_usage(1))

    def say_cut(self, n):
        self._tokens(n)
        self.wfile.write(b"40\r\ndata: {")
        self.wfile.flush()
        self.close_connection = True

    def say_noend(self, n):
        self._tokens(n)
        self.wfile.write(b"0\r\n\r\n")

    def say_error(self, n):
        self._tokens(n)
        self._event(json.dumps({"error": {"message": "out of memory"}}))
        self.wfile.write(b"0\r\n\r\n")

    def say_garbage(self, n):
        self._tokens(n)
        self._event("{oops")
        self._end()


class ModelServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, tls=None):
        """`tls`: an ssl.SSLContext; without it connections are plain."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies = []
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_):
        pass  # a client that leaves

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
