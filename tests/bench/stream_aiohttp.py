"""What a Python asyncio client makes of streamed chat answers: ci/figures/stream.py. Arguments: PORT STREAMS WORDS SECONDS."""
import asyncio
import json
import resource
import sys
import time

import aiohttp

PORT, STREAMS, WORDS, SECONDS = (int(argument) for argument in sys.argv[1:5])
BODY = {"stream": True, "message": "w " * WORDS + "x"}
delays_ns = []


async def read(session, end):
    while time.monotonic() < end:
        async with session.post(f"http://127.0.0.1:{PORT}/api/chat", json=BODY) as answer:
            async for line in answer.content:
                if b'"sent_ns":' in line:
                    delays_ns.append(time.monotonic_ns() - json.loads(line[6:])["sent_ns"])
                if time.monotonic() >= end:
                    return


async def main():
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        end = time.monotonic() + SECONDS
        await asyncio.gather(*(read(session, end) for _ in range(STREAMS)))


asyncio.run(main())
used = resource.getrusage(resource.RUSAGE_SELF)
delays_ns.sort()
print(json.dumps({"events": len(delays_ns), "cpu_s": used.ru_utime + used.ru_stime,
                  "p50_us": delays_ns[len(delays_ns) // 2] / 1000, "p99_us": delays_ns[len(delays_ns) * 99 // 100] / 1000}))
