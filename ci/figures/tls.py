"""tls: CPU of each client a request over https that is kept alive, and a handshake, full or resumed, against nginx."""
import re
import shutil
import statistics
import subprocess

from clients import REPORT, pelt, pelt_requests
from host import CLIENT_CORE, SCRATCH, SERVER_CORE, free_port, run_on, serving, table

ROUNDS = 5
SECONDS = 3
KEPT, CLOSED = 64, 16  # connections at once
CLOSED_REQUESTS = 4_000  # by h2load, whose time (-D) does not end where connections do
CLOSE = "Connection: close"
CA = SCRATCH / "tls" / "cert.pem"

NGINX = """\
daemon off;
worker_processes 1;
pid {prefix}/nginx.pid;
error_log {prefix}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {prefix}/body;
    server {{
        listen 127.0.0.1:{port} ssl {http2} backlog=4096;
        ssl_certificate {prefix}/cert.pem;
        ssl_certificate_key {prefix}/key.pem;
        ssl_protocols {protocol};
        ssl_session_tickets {tickets};
        ssl_session_cache none;
        location / {{ return 200 "hello\\n"; }}
    }}
}}
"""


def nginx_tls(protocol, tickets, http2=False):
    """On the server's core; without tickets each handshake is a full one, whoever asks."""
    prefix, port = SCRATCH / "tls", free_port()
    prefix.mkdir(parents=True, exist_ok=True)
    if not CA.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                        "-subj", "/CN=measured", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", prefix / "key.pem",
                        "-out", CA], check=True, capture_output=True)
    config = prefix / "nginx.conf"
    config.write_text(NGINX.format(prefix=prefix, port=port, protocol=protocol, tickets="on" if tickets else "off",
                                   http2="http2" if http2 else ""))
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise SystemExit("this figure needs nginx: install nginx-light")
    return serving(port, "taskset", "-c", SERVER_CORE, program, "-p", prefix, "-c", config, "-e", prefix / "error.log")


def _number(pattern):
    return lambda ran: int(re.search(pattern, ran.out).group(1))


def _of_pelt(library, *trust):
    def command(url, n, closed):
        return pelt("bench", url, "-c", n, "-d", f"{SECONDS}s", "--tls", library, *trust, *(["-H", CLOSE] if closed else []))
    return command, pelt_requests


# name: (command for (url, connections, whether each request has a connection of its own), requests made)
CLIENTS = {
    "pelt, OpenSSL": _of_pelt("openssl", "--ca", CA),
    "pelt, OpenSSL, -k": _of_pelt("openssl", "-k"),
    "pelt, mbedTLS": _of_pelt("mbedtls", "--ca", CA),
    "wrk": (lambda url, n, closed: ["wrk", "-t1", f"-c{n}", f"-d{SECONDS}s", *(["-H", CLOSE] if closed else []), url],
            _number(r"(\d+) requests in")),
    "h2load": (lambda url, n, closed: ["h2load", "--h1", "-t1", "-c", n,
                                       *(["-n", CLOSED_REQUESTS, "-H", CLOSE] if closed else ["-D", SECONDS]), url],
               _number(r"(\d+) done")),
}


def _speaks(name, protocol):
    """mbedTLS 2.28 has no TLS 1.3."""
    if "mbedTLS" not in name or protocol != "TLSv1.3":
        return True
    tried = subprocess.run(list(map(str, pelt("bench", "https://127.0.0.1:1/", "-n", 1, "-d", "1s", "--tls", "mbedtls", "--tls-min",
                                              "1.3", "--ca", CA))), capture_output=True, check=False)
    REPORT.unlink(missing_ok=True)
    return tried.returncode != 2


def _per_s(name, port, closed):
    """Of one core that does nothing else: so many, over the CPU time that they took."""
    command, requests = CLIENTS[name]
    ran = run_on(CLIENT_CORE, *command(f"https://127.0.0.1:{port}/", CLOSED if closed else KEPT, closed))
    return requests(ran) / ran.cpu_s


def _row(protocol, what, closed, tickets):
    found = {name: [] for name in CLIENTS}
    with nginx_tls(protocol, tickets) as port:
        able = [name for name in CLIENTS if _speaks(name, protocol)]
        for _ in range(ROUNDS):
            for name in able:
                found[name].append(_per_s(name, port, closed))
    middle = {name: statistics.median(of) for name, of in found.items() if of}
    cells = [f"{middle[name]:,.0f} ({min(found[name]):,.0f} to {max(found[name]):,.0f})" if name in middle else "no TLS 1.3"
             for name in CLIENTS]
    return (protocol.replace("TLSv", "TLS "), what, *cells, f"{middle['pelt, OpenSSL, -k'] / middle['h2load']:.2f}")


def figure():
    rows = [_row(protocol, what, closed, tickets) for protocol in ("TLSv1.2", "TLSv1.3")
            for what, closed, tickets in (("requests, kept alive", False, True), ("full handshakes", True, False),
                                          ("resumed handshakes", True, True))]
    intro = (f"A second and core of the client: what it did over the CPU time that it took (wait4); {SECONDS} s a run, {ROUNDS} rounds of "
             "all clients in turn, median (least to most). nginx on the other core, certificate ECDSA P-256, which wrk, h2load and "
             f"pelt -k do not verify. Kept alive: {KEPT} connections; handshakes: {CLOSED} at once, one request each; full ones because the "
             "server gives no tickets.\n\n")
    return intro + table(("", "", *CLIENTS, "pelt, OpenSSL, -k / h2load"), rows)
