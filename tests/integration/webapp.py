"""A small web application as people test it: logs in with a cookie, asks for passwords, redirects, takes forms and files.

    with Webapp() as app:
        ...  # app.url; app.seen: (method, path) of each request in order; app.most: most at once of /slow
"""
import email.parser
import email.policy
import gzip
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGES = {"/a.css", "/b.js", "/seen", "/profile", "/photo"}  # of the examples in docs/SCENARIOS.md
BASIC = "Basic YWRhOmxvdmVsYWNl"  # ada:lovelace


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **fields):
        self.send_response(status)
        for name, values in fields.items():
            for value in values if isinstance(values, list) else [values]:
                self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def tell(self, value):
        self.answer(200, json.dumps(value).encode(), Content_Type="application/json")

    def handle_request(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.app.seen.append((self.command, self.path))
        part = self.path.split("?")[0].split("/")[1:]
        getattr(self, "on_" + part[0], self.on_unknown)(*part[1:])

    do_GET = do_POST = do_PUT = handle_request

    def on_unknown(self, *rest):
        self.answer(200 if self.path in PAGES else 404)

    def on_login(self):
        user = urllib.parse.parse_qs(self.body.decode()).get("user", ["?"])[0]
        self.answer(303, Location="/me", Set_Cookie=[f"sid={user}; Path=/; HttpOnly", "secure=1; Secure; Path=/"])

    def on_me(self):
        cookie = self.headers.get("Cookie")
        if cookie is None:
            self.answer(401, WWW_Authenticate="Cookie")
        else:
            self.tell({"cookie": cookie})

    def on_logout(self):
        self.answer(200, Set_Cookie="sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT")

    def on_private(self):
        given = self.headers.get("Authorization")
        if given in (BASIC, "Bearer token-7"):
            self.tell({"ok": True})
        else:
            self.answer(401, WWW_Authenticate='Basic realm="x"')

    def on_hop(self, status, left):
        left = int(left)
        self.answer(int(status), Location=f"/hop/{status}/{left - 1}" if left > 1 else "../../echo")

    def on_loop(self):
        self.answer(302, Location="/loop")

    def on_roam(self, number):
        self.answer(302, Location=f"http://h{number}:{self.server.app.port}/echo")

    def on_away(self, port):
        self.answer(302, Location=f"http://127.0.0.1:{port}/echo")

    def on_strange(self):
        self.answer(302, Location="gopher://h/")

    def on_echo(self):
        self.tell({"method": self.command, "headers": dict(self.headers.items()), "body": self.body.decode("latin-1")})

    def on_slow(self, ms):
        app = self.server.app
        with app.lock:
            app.now += 1
            app.most = max(app.most, app.now)
        time.sleep(int(ms) / 1000)
        with app.lock:
            app.now -= 1
        self.tell({"path": self.path})

    def on_upload(self):
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.body)
        self.tell([{"name": part.get_param("name", header="content-disposition"), "file": part.get_filename(),
                    "type": part.get_content_type() if part.get_filename() else None,
                    "text": part.get_payload(decode=True).decode()} for part in message.iter_parts()])

    def on_packed(self, count):
        text = json.dumps({"words": ["word"] * int(count)}).encode()
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            self.answer(200, gzip.compress(text), Content_Encoding="gzip")
        else:
            self.answer(200, text)

    def on_page(self):
        self.answer(200, b'<form><input name="csrf" value="tok-41"> price: 12.50 EUR </form>')

    on_form = on_page


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class Webapp:
    def __init__(self):
        self.seen = []
        self.lock = threading.Lock()
        self.now = self.most = 0

    def __enter__(self):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.app = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
