"""Real servers that speak TLS, each of a test's own: own prefix, own port, in the foreground, no file of the system's.

Each has `port`, `lines()` (of its log: method, path, status, protocol, "r" if the session was resumed or "."), `count()` and stop().
"""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import nginx as plain_nginx
from nginx import free_port

NGINX = plain_nginx.HEAD + """\
    log_format  counted '$request_method $uri $status $ssl_protocol $ssl_session_reused';
    access_log  {prefix}/access.log counted;
    default_type text/plain;
    keepalive_requests 100000;
    server {{
        listen 127.0.0.1:{port} backlog=8192 ssl;
        ssl_certificate     {cert};
        ssl_certificate_key {key};
        ssl_protocols       {protocols};
        ssl_session_tickets on;
        {more}
        location / {{ return 200 "hello\\n"; }}
        location /large {{ root {prefix}/files; }}
        location /cookie {{ add_header Set-Cookie "sid=secret; Secure; Path=/"; return 200 "$http_cookie\\n"; }}
        location /away {{ return 302 $arg_to; }}
    }}
}}
"""

HAPROXY = """\
global
    nbthread 1  # several drop lines of a log that they write at the same time
    maxconn 4000
    log stdout format raw daemon
    ssl-default-bind-options {options}
    tune.ssl.cachesize 20000
defaults
    mode http
    timeout client 30s
    timeout server 30s
    timeout connect 5s
    log global
    log-format "%HM %HP %ST %sslv %[ssl_fc_is_resumed]"
frontend tls
    bind 127.0.0.1:{port} backlog 4000 ssl crt {pem} alpn http/1.1
    http-request return status 200 content-type text/plain string "hello\\n"
"""

APACHE = """\
ServerRoot {prefix}
ServerName localhost
PidFile {prefix}/apache.pid
DefaultRuntimeDir {prefix}
Listen 127.0.0.1:{port}
ListenBacklog 4000
{modules}
{user}
ErrorLog {prefix}/error.log
LogFormat "%m %U %>s %{{SSL_PROTOCOL}}x %{{SSL_SESSION_RESUMED}}x" counted
CustomLog {prefix}/access.log counted
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 30
Timeout 30
StartServers 1
ServerLimit 4
ThreadsPerChild 64
MaxRequestWorkers 256
DocumentRoot {root}
SSLSessionCache shmcb:{prefix}/sessions(2048000)
SSLEngine on
SSLCertificateFile {cert}
SSLCertificateKeyFile {key}
SSLProtocol {protocols}
"""
APACHE_MODULES = {"mpm_event": "mod_mpm_event", "authn_core": "mod_authn_core", "authz_core": "mod_authz_core",
                  "socache_shmcb": "mod_socache_shmcb", "ssl": "mod_ssl"}


def _sbin(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


class Server:
    """A program in the foreground that listens on `port` soon."""

    def __init__(self, prefix, command, log, **more):
        self.prefix = pathlib.Path(prefix)
        self.log = log
        self.process = subprocess.Popen(command, **more)
        self._wait_until_it_listens()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def _wait_until_it_listens(self):
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError("".join(f.read_text(errors="replace") for f in self.prefix.glob("*.log")))
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"{type(self).__name__} does not listen on port {self.port}")

    def lines(self):
        """Of whole requests: [(method, path, status, protocol, resumed)]."""
        rows = [line.split() for line in self.log.read_text(errors="replace").splitlines()] if self.log.exists() else []
        return [(r[0], r[1], r[2], r[3], "r" if r[4] in ("r", "1", "Resumed") else ".")
                for r in rows if len(r) == 5 and r[0] in ("GET", "POST", "HEAD", "PUT")]

    def count(self):
        return len(self.lines())

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


class Nginx(Server):
    PROTOCOLS = {"1.2": "TLSv1.2", "1.3": "TLSv1.3", "both": "TLSv1.2 TLSv1.3"}

    def __init__(self, prefix, cert, key, version="both", more=""):
        prefix = pathlib.Path(prefix)
        self.port = free_port()
        (prefix / "files").mkdir()
        config = prefix / "nginx.conf"
        config.write_text(NGINX.format(prefix=prefix, port=self.port, cert=cert, key=key, more=more,
                                       protocols=self.PROTOCOLS[version],
                                       user="user root;" if os.geteuid() == 0 else ""))
        super().__init__(prefix, [self.program(), "-p", str(prefix), "-c", str(config), "-e",
                                  str(prefix / "error.log")], prefix / "access.log")

    @staticmethod
    def program():
        return plain_nginx.program()


class Haproxy(Server):
    OPTIONS = {"1.2": "ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2", "1.3": "ssl-min-ver TLSv1.3",
               "both": "ssl-min-ver TLSv1.2"}

    def __init__(self, prefix, cert, key, version="both"):
        prefix = pathlib.Path(prefix)
        self.port = free_port()
        pem = prefix / "server.pem"
        pem.write_text(pathlib.Path(cert).read_text() + pathlib.Path(key).read_text())
        config = prefix / "haproxy.cfg"
        config.write_text(HAPROXY.format(port=self.port, pem=pem, options=self.OPTIONS[version]))
        self._out = open(prefix / "haproxy.log", "wb")  # pylint: disable=consider-using-with
        super().__init__(prefix, [self.program(), "-db", "-f", str(config)], prefix / "haproxy.log",
                         stdout=self._out, stderr=subprocess.STDOUT)

    @staticmethod
    def program():
        return _sbin("haproxy")

    def stop(self):
        super().stop()
        self._out.close()


class Apache(Server):
    PROTOCOLS = {"1.2": "-all +TLSv1.2", "1.3": "-all +TLSv1.3", "both": "-all +TLSv1.2 +TLSv1.3"}
    MODULES = pathlib.Path("/usr/lib/apache2/modules")

    def __init__(self, prefix, cert, key, version="both"):
        prefix = pathlib.Path(prefix)
        self.port = free_port()
        self._root = pathlib.Path(tempfile.mkdtemp(prefix="pelt-apache-"))  # workers are www-data's, who cannot see into prefix
        self._root.chmod(0o755)
        (self._root / "index.html").write_text("hello\n")
        (self._root / "hello").write_text("hello\n")
        modules = "\n".join(f"LoadModule {name}_module {self.MODULES}/{file}.so" for name, file in APACHE_MODULES.items()
                            if (self.MODULES / f"{file}.so").exists())
        config = prefix / "apache.conf"
        config.write_text(APACHE.format(prefix=prefix, port=self.port, cert=cert, key=key, root=self._root, modules=modules,
                                        protocols=self.PROTOCOLS[version],
                                        user="User www-data\nGroup www-data" if os.geteuid() == 0 else ""))
        super().__init__(prefix, [self.program(), "-D", "FOREGROUND", "-f", str(config)], prefix / "access.log",
                         stdout=subprocess.DEVNULL, stderr=open(prefix / "start.log", "wb"))

    @staticmethod
    def program():
        return _sbin("apache2")

    def stop(self):
        super().stop()
        shutil.rmtree(self._root, ignore_errors=True)


SERVERS = {"nginx": Nginx, "haproxy": Haproxy, "apache": Apache}
