"""A server that is posted to: it keeps what came, and answers as it is told, or never."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hook:
    """`messages` are the bodies as JSON, in their order; `tries` counts all posts. `status` None: no answer."""

    def __init__(self, status=200):
        hook = self
        self.status, self.messages, self.tries, self.types, self.over = status, [], 0, [], threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.tries += 1
                hook.types.append(self.headers["Content-Type"])
                if hook.status is None:
                    hook.over.wait(30)
                    return
                if hook.status < 300:
                    hook.messages.append(json.loads(body))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        class Http(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

        self.http = Http(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/services/SECRET?x=1"
        threading.Thread(target=self.http.serve_forever, args=[0.02], daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.over.set()
        self.http.shutdown()
        self.http.server_close()
