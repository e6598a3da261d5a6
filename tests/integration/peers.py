"""Real programs that stand between pelt and servers, each of a test's own: tinyproxy (proxies), dnsmasq (names), Apache (logins)."""
import base64
import collections
import hashlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from nginx import free_port


def program(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin")


class Peer:
    """A program in the foreground, which listens on `port` once it is there."""

    def __init__(self, prefix, *command):
        self.prefix = pathlib.Path(prefix)
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self.listens():
            assert self.process.poll() is None and time.monotonic() < deadline, f"{command[0]} does not start"
            time.sleep(0.02)

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


TINYPROXY = """\
Port {port}
Listen 127.0.0.1
Timeout 30
MaxClients 500
LogFile "{prefix}/tinyproxy.log"
LogLevel Connect
PidFile "{prefix}/tinyproxy.pid"
DisableViaHeader Yes
{more}
"""


class Tinyproxy(Peer):
    def __init__(self, prefix, more=""):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = pathlib.Path(prefix) / "tinyproxy.conf"
        config.write_text(TINYPROXY.format(port=self.port, prefix=prefix, more=more))
        super().__init__(prefix, program("tinyproxy"), "-d", "-c", config)

    def asked(self):
        """How many requests by their method."""
        log = (self.prefix / "tinyproxy.log").read_text(errors="replace")
        return collections.Counter(re.findall(r"Request \(file descriptor \d+\): (\w+) ", log))


class Dnsmasq(Peer):
    """A name server for what its hosts file says; `ttl` in seconds."""

    def __init__(self, prefix, names, ttl=0):
        self.hosts = pathlib.Path(prefix) / "hosts"
        self.port = free_port()
        self.server = f"127.0.0.1:{self.port}"
        self._write(names)
        super().__init__(prefix, program("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                         f"--addn-hosts={self.hosts}", f"--port={self.port}", "--listen-address=127.0.0.1", "--bind-interfaces",
                         f"--local-ttl={ttl}", "--log-queries", f"--log-facility={prefix}/dns.log", "--user=root" if os.geteuid() == 0 else "--user=",
                         f"--pid-file={prefix}/dns.pid")

    def _write(self, names):
        self.hosts.write_text("".join(f"{address} {name}\n" for name, addresses in names.items() for address in addresses))

    def change(self, names):
        self._write(names)
        self.process.send_signal(signal.SIGHUP)

    def questions(self, name):
        return len(re.findall(rf"query\[A\] {re.escape(name)} ", (self.prefix / "dns.log").read_text()))


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
LogFormat "%m %U %>s" counted
CustomLog {prefix}/access.log counted
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 30
DocumentRoot {root}
<Directory {root}>
    AuthType Digest
    AuthName "the inner room"
    AuthDigestDomain /
    AuthDigestProvider file
    AuthDigestAlgorithm MD5
    AuthDigestQop auth
    AuthDigestNonceLifetime {lifetime}
    AuthUserFile {root}/.digest
    Require valid-user
</Directory>
"""


class DigestApache(Peer):
    MODULES = pathlib.Path("/usr/lib/apache2/modules")
    USER, PASSWORD, REALM = "ada", "l:ove lace", "the inner room"

    def __init__(self, prefix, lifetime=300):
        prefix = pathlib.Path(prefix)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="pelt-apache-"))  # workers are www-data's, who cannot see into prefix
        self.root.chmod(0o755)
        (self.root / "index.html").write_text("inside\n")
        secret = hashlib.md5(f"{self.USER}:{self.REALM}:{self.PASSWORD}".encode()).hexdigest()
        (self.root / ".digest").write_text(f"{self.USER}:{self.REALM}:{secret}\n")
        names = ("mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_digest", "dir")
        modules = "\n".join(f"LoadModule {name}_module {self.MODULES}/mod_{name}.so" for name in names)
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        config = prefix / "apache.conf"
        config.write_text(APACHE.format(prefix=prefix, root=self.root, port=self.port, modules=modules, user=user, lifetime=lifetime))
        super().__init__(prefix, program("apache2"), "-DFOREGROUND", "-f", config)

    def statuses(self):
        return collections.Counter(line.split()[-1] for line in (self.prefix / "access.log").read_text().splitlines())

    def stop(self):
        super().stop()
        shutil.rmtree(self.root)


PROXY_APACHE = """\
ServerRoot {prefix}
ServerName localhost
PidFile {prefix}/apache.pid
DefaultRuntimeDir {prefix}
Listen 127.0.0.1:{port}
Listen 127.0.0.2:{port}
ListenBacklog 4000
{modules}
{user}
ErrorLog {prefix}/error.log
LogFormat "%m %>s" counted
CustomLog {prefix}/access.log counted
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 30
SSLEngine on
SSLCertificateFile {cert}
SSLCertificateKeyFile {key}
ProxyRequests On
AllowCONNECT 0-65535
<Proxy *>
    {access}
</Proxy>
"""


class ProxyApache(Peer):
    """A proxy that TLS is spoken with; `login`: "user:password" that it wants."""

    MODULES = ("mpm_event", "authn_core", "authn_file", "auth_basic", "authz_core", "authz_user", "ssl", "socache_shmcb", "proxy", "proxy_http", "proxy_connect")

    def __init__(self, prefix, cert, key, login=None):
        prefix = pathlib.Path(prefix)
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        access = "Require all granted"
        if login is not None:
            self.secrets = pathlib.Path(tempfile.mkdtemp(prefix="pelt-proxy-"))  # workers are www-data's, who cannot see into prefix
            self.secrets.chmod(0o755)
            user, password = login.split(":")
            digest = base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()
            (self.secrets / "users").write_text(f"{user}:{{SHA}}{digest}\n")
            access = f'AuthType Basic\n    AuthName "way out"\n    AuthUserFile {self.secrets}/users\n    Require valid-user'
        modules = "\n".join(f"LoadModule {name}_module {DigestApache.MODULES}/mod_{name}.so" for name in self.MODULES)
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        config = prefix / "apache.conf"
        config.write_text(PROXY_APACHE.format(prefix=prefix, port=self.port, modules=modules, user=user, cert=cert, key=key, access=access))
        super().__init__(prefix, program("apache2"), "-DFOREGROUND", "-f", config)

    def asked(self):
        """How many requests by their method, once it has ended: a CONNECT is logged when its tunnel does."""
        self.stop()
        return collections.Counter(line.split()[0] for line in (self.prefix / "access.log").read_text().splitlines())

    def stop(self):
        super().stop()
        if hasattr(self, "secrets"):
            shutil.rmtree(self.secrets, ignore_errors=True)
