"""What a Python asyncio client makes of streamed chat answers: ci/figures/stream.py. Arguments: PORT STREAMS WORDS SECONDS.

It cuts the stamp out of each event's line, as the bare reader does: no JSON is read.
"""
import asyncio
import json
import re
import resource
import sys
import time

import aiohttp

PORT, STREAMS, WORDS, SECONDS = (int(argument) for argument in sys.argv[1:5])
BODY = {"stream": True, "message": "w " * WORDS + "x"}
STAMP, DIGITS = b'"sent_ns":', re.compile(rb"\d+")
delays_ns = []


async def read(session, end_ns):
    while time.monotonic_ns() < end_ns:
        async with session.post(f"http://127.0.0.1:{PORT}/api/chat", json=BODY) as answer:
            async for line in answer.content:
                now_ns = time.monotonic_ns()
                at = line.find(STAMP)
                if at >= 0:
                    delays_ns.append(now_ns - int(DIGITS.match(line, at + len(STAMP)).group()))
                if now_ns >= end_ns:
                    return


async def main():
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        end_ns = time.monotonic_ns() + SECONDS * 1_000_000_000
        await asyncio.gather(*(read(session, end_ns) for _ in range(STREAMS)))


asyncio.run(main())
used = resource.getrusage(resource.RUSAGE_SELF)
delays_ns.sort()
print(json.dumps({"events": len(delays_ns), "cpu_s": used.ru_utime + used.ru_stime,
                  "p50_us": delays_ns[len(delays_ns) // 2] / 1000, "p99_us": delays_ns[len(delays_ns) * 99 // 100] / 1000}))
