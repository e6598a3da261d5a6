"""A real nginx of a test's own: own prefix, own port, in the foreground, no file of the system's."""
import pathlib
import random
import shutil
import socket
import subprocess
import time

# How each configuration begins: in the foreground, all that it writes below its own prefix.
HEAD = """\
daemon off;
{user}
worker_processes 1;
pid {prefix}/nginx.pid;
error_log {prefix}/error.log warn;
events {{ worker_connections 8192; }}
http {{
    client_body_temp_path {prefix}/body;
    proxy_temp_path       {prefix}/proxy;
    fastcgi_temp_path     {prefix}/fastcgi;
    uwsgi_temp_path       {prefix}/uwsgi;
    scgi_temp_path        {prefix}/scgi;
"""
CONFIG = HEAD + """\
    log_format  counted '$request_method $uri $status';
    access_log  {prefix}/access.log counted;
    default_type text/plain;
    server {{
        listen 127.0.0.1:{port} backlog=8192;
        location / {{ return 200 "hello\\n"; }}
        location /missing {{ return 404; }}
    }}
}}
"""


def program():
    """nginx lives in /usr/sbin, which is not on every user's PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def free_port():
    """Below those that the kernel hands out, so that no connection and no other server gets it before it is listened on."""
    first_of_kernel = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(100):
        port = random.randrange(min(10_000, first_of_kernel // 2), first_of_kernel)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError(f"no free port below {first_of_kernel}")


class Nginx:
    CONFIG = CONFIG

    def __init__(self, prefix, is_root):
        self.prefix = pathlib.Path(prefix)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        user = "user root;" if is_root else ""  # workers must read and write the prefix
        config = self.prefix / "nginx.conf"
        config.write_text(self.CONFIG.format(prefix=self.prefix, port=self.port, user=user))
        self.process = subprocess.Popen([program(), "-p", str(self.prefix), "-c", str(config),
                                         "-e", str(self.prefix / "error.log")])
        self._wait_until_it_answers()

    def _wait_until_it_answers(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            assert self.process.poll() is None, (self.prefix / "error.log").read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"nginx does not answer on port {self.port}")

    def count(self):
        """Requests in the access log, which nginx writes unbuffered, a line as each request ends."""
        log = self.prefix / "access.log"
        return log.read_bytes().count(b"\n") if log.exists() else 0

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
