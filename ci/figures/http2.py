"""http2: requests a client CPU second over HTTP/2, without TLS and with it, beside h2load, with 1 and 10 streams a connection."""
import re
import shutil
import statistics

from clients import pelt, pelt_requests
from host import CLIENT_CORE, SCRATCH, SERVER_CORE, free_port, run_on, serving, table
from tls import nginx_tls

CONNECTIONS = 10
STREAMS = (1, 10)
ROUNDS = 7
SECONDS = 3
SAID = "hello\n"


def _nghttpd():
    """On the server's core; gives its port. Without TLS: what is measured is HTTP/2."""
    if shutil.which("nghttpd") is None:
        raise SystemExit("this figure needs nghttpd: install nghttp2-server")
    root, port = SCRATCH / "http2", free_port()
    root.mkdir(parents=True, exist_ok=True)
    (root / "index.html").write_text(SAID)
    return serving(port, "taskset", "-c", SERVER_CORE, "nghttpd", "--no-tls", "-d", root, port)


SERVERS = {"nghttpd, h2c": ("http", _nghttpd, []),
           "nginx, TLS 1.3": ("https", lambda: nginx_tls("TLSv1.3", tickets=True, http2=True), ["--tls", "openssl", "-k"])}

CLIENTS = {
    "pelt": (lambda url, m, more: pelt("bench", url, "--http2", "-c", CONNECTIONS, "--streams", m, "-d", f"{SECONDS}s", *more),
             pelt_requests),
    "h2load": (lambda url, m, more: ["h2load", "-t1", "-c", CONNECTIONS, "-m", m, "-D", SECONDS, url],
               lambda ran: int(re.search(r"(\d+) succeeded", ran.out).group(1))),
}


def _row(name, streams):
    scheme, server, more = SERVERS[name]
    per_s = {client: [] for client in CLIENTS}
    with server() as port:
        for _ in range(ROUNDS):
            for client, (command, requests) in CLIENTS.items():
                ran = run_on(CLIENT_CORE, *command(f"{scheme}://127.0.0.1:{port}/", streams, more))
                per_s[client].append(requests(ran) / ran.cpu_s)
    ratio = statistics.median(a / b for a, b in zip(per_s["pelt"], per_s["h2load"]))
    cells = [f"{statistics.median(of):,.0f} ({min(of):,.0f} to {max(of):,.0f})" for of in per_s.values()]
    return (name, streams, *cells, f"{ratio:.2f}")


def figure():
    rows = [_row(name, streams) for name in SERVERS for streams in STREAMS]
    return (f"Requests a client CPU second (user and system, wait4; start, connecting and report included); {CONNECTIONS} connections, "
            f"{SECONDS} s a run, {ROUNDS} rounds of both clients in turn, server and client on a core each: median (least to most). The "
            "ratio is the median of those of the rounds.\n\n" +
            table(("server", "streams a connection", *CLIENTS, "pelt / h2load"), rows))
