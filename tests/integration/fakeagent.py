"""A pelt-agent of a test's own: the wire of docs/AGENT.md, with a clock that is wrong on purpose, and faults."""
import asyncio
import json
import random
import threading
import time

PAGE = "<!DOCTYPE html><html><head><title>shop</title></head><body>welcome</body></html>"
FIGURES = [
    {"i": 0, "name": "nofile", "target": "port 80", "kind": "limit", "unit": "fds", "tier": "fast",
     "source": "/proc/PID/limits, /proc/PID/fd", "unreadable": None},
    {"i": 1, "name": "tcp_retransmits", "target": "", "kind": "counter", "unit": "segments", "tier": "fast",
     "source": "/proc/net/snmp", "unreadable": None},
    {"i": 2, "name": "response", "target": "", "kind": "cache", "unit": "bytes", "tier": "medium", "source": "INFO",
     "unreadable": None},
    {"i": 3, "name": "memory_rss", "target": "port 80", "kind": "limit", "unit": "bytes", "tier": "medium",
     "source": "/proc/PID/statm", "unreadable": "EACCES"},
]


class FakeAgent:
    """Serves on a thread of its own from start() to stop(); may be started again, on the same port, as another process.

    offset_ns, ppm: what its clock is ahead by, and how much faster it goes, as the agent's clock shim has it.
    delay_s: (there, back), least delays of an exchange. faults: a set of names, see answer()."""

    def __init__(self, offset_ns=0, ppm=0.0, delay_s=(0.0, 0.0), name="fake-1", figures=None, token=None, faults=(),
                 tls=None):
        self.offset_ns, self.ppm, self.delay_s, self.name = offset_ns, ppm, delay_s, name
        self.figures = figures or FIGURES
        self.token, self.faults = token, set(faults)
        self.tls = tls  # an ssl.SSLContext
        self.port, self.asked, self.boot_id = 0, [], "host-1"
        self.streams = 0  # opened
        self.count = 0  # of the counter, since start

    # -- life --

    def start(self):
        self.boot = f"{random.getrandbits(64):016x}"
        self.count = 0
        ready = threading.Event()
        self.thread = threading.Thread(target=self._main, args=(ready,), daemon=True)
        self.thread.start()
        assert ready.wait(5)
        return self

    def stop(self):
        """As kill -9 does: connections are reset, nobody listens."""
        self.loop.call_soon_threadsafe(self.end.set)
        self.thread.join(5)

    def _main(self, ready):
        async def serve():
            self.loop, self.end, self.tasks = asyncio.get_running_loop(), asyncio.Event(), set()
            server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, ssl=self.tls)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await self.end.wait()
            server.close()
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

        asyncio.run(serve())

    @property
    def url(self):
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def past_events(self):
        """What happened an hour before anybody asked."""
        return [{"at_ns": max(0, self.clock_ns() - 3600 * 10**9), "kind": "target_ended", "text": "an hour ago"}]

    # -- the clock --

    def clock_ns(self):
        t = time.monotonic_ns()
        return t + self.offset_ns + int(t * self.ppm / 1e6)

    def true_offset_ns(self, run_ns):
        return self.offset_ns + run_ns * self.ppm / 1e6

    # -- HTTP --

    async def _connection(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                target = head.split(" ")[1]
                self.asked.append(target)
                if not await self._answer(writer, target, head):
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def _plain(self, writer, status, body, kind="application/json"):
        body = body if isinstance(body, str) else json.dumps(body)
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())
        await writer.drain()
        return True

    async def _answer(self, writer, target, head):
        if "silent" in self.faults:
            await asyncio.sleep(60)
        if "not_http" in self.faults:
            writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
            await writer.drain()
            return False
        if "html" in self.faults:
            return await self._plain(writer, 200, PAGE, "text/html")
        if "not_found" in self.faults:
            return await self._plain(writer, 404, PAGE, "text/html")
        if self.token and f"authorization: bearer {self.token}\r\n" not in head.lower():
            return await self._plain(writer, 401, {"error": "no such token"})
        path, _, query = target.partition("?")
        if path == "/v1/info":
            return await self._plain(writer, 200, self._info())
        if path == "/v1/clock":
            return await self._clock(writer)
        if path == "/v1/sample":
            frame = self._frame(first=True)
            if "old_sample" in self.faults:
                frame["at_ns"] -= 100_000_000_000
            return await self._plain(writer, 200, frame | {"events": self.past_events()})
        if path == "/v1/stream":
            return await self._stream(writer, dict(pair.split("=") for pair in query.split("&")))
        return await self._plain(writer, 404, {"error": "no such path"})

    def _info(self):
        return {"schema": "pelt-agent/2" if "schema" in self.faults else "pelt-agent/1", "version": "0.1.0",
                "name": self.name, "boot": self.boot,
                "host": {"hostname": "fake", "kernel": "6.1", "cpus": 2, "boot_id": self.boot_id},
                "targets": [{"name": "port 80", "by": "port", "pid": 12, "restarts": 0}],
                "tick_ns_least": 100000000, "figures": self.figures}

    async def _clock(self, writer):
        await asyncio.sleep(self.delay_s[0])
        t2 = self.clock_ns()
        if "queues" in self.faults and random.random() < 0.3:
            await asyncio.sleep(random.expovariate(1 / 0.02))
        t3 = self.clock_ns()
        await asyncio.sleep(self.delay_s[1])
        return await self._plain(writer, 200, {"t2_ns": t2, "t3_ns": t3})

    # -- frames --

    def _values(self, first):
        self.count += 1
        values = [[0, self.count, 1024, 0], [1, self.count], [2, 8 * self.count, 2 * self.count, 0, 4096, None]]
        known = {"nofile": values[0][1:], "tcp_retransmits": values[1][1:], "response": values[2][1:]}
        return [[f["i"], *known[f["name"]]] for f in self.figures if f["name"] in known]

    def _frame(self, first, k=None, due_ns=None, late=False):
        frame = {"at_ns": self.clock_ns(), "v": self._values(first), "unreadable": [], "events": [],
                 "self": {"cpu_ns": 1000, "rss_bytes": 4 << 20, "overruns": 0, "worst_ns": 5, "tick_ns": 100000000,
                          "degraded": False, "lost": 0}}
        if first:
            frame["unreadable"] = [[f["i"], "EACCES"] for f in self.figures if f["unreadable"]]
        if k is not None:
            frame |= {"k": k, "due_ns": due_ns, "late": late}
        return frame

    async def _stream(self, writer, query):
        epoch, tick, k = (int(query[name]) for name in ("epoch_ns", "tick_ns", "k"))
        self.streams += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
        first = True
        while True:
            k = max(k, -((epoch - self.clock_ns()) // tick) if epoch < self.clock_ns() else 0)
            due = epoch + k * tick
            await asyncio.sleep(max(0, (due - self.clock_ns()) / 1e9))
            if "mute" in self.faults:
                await asyncio.sleep(60)
            line = json.dumps(self._frame(first, k, due)) + "\n"
            if "garbage" in self.faults and not first:
                line = "{nonsense}\n"
            if "future" in self.faults and not first:
                line = json.dumps(self._frame(False, k + 1000, due)) + "\n"
            if "elsewhen" in self.faults and not first:
                line = json.dumps(self._frame(False, k, due) | {"at_ns": (1 << 63) - 1}) + "\n"
            if "again" in self.faults and not first:
                line = told
            told = line
            # In two pieces, so that lines and chunks do not match.
            half = len(line) // 2
            for piece in (line[:half], line[half:]):
                writer.write(f"{len(piece):x}\r\n{piece}\r\n".encode())
                await writer.drain()
            first = False
            k += 1
