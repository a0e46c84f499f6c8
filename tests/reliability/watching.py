"""A process with very many sockets on one Job: python -m tests.reliability.watching URL JOB COOKIES COUNT

Prints "all there", then one line: gaps, sockets that did not hear the end, how late events came after all were there.
"""

import asyncio
import base64
import contextlib
import json
import os
import struct
import sys
import time
from datetime import datetime
from urllib.parse import urlsplit

url, job, cookies, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
late: list[float] = []
ends: list[bool] = []
counting = False
gaps = 0


async def watch(there: asyncio.Semaphore) -> None:
    global gaps
    async with there:
        reader, writer, first = await joined()
    arrived.append(1)
    seen, acked, data = 0, time.monotonic(), first
    while data is not None:
        event = json.loads(data)
        if "seq" in event:
            gaps += event.get("from", event["seq"]) != seen + 1
            seen = event["seq"]
            if counting:
                late.append(time.time() - datetime.fromisoformat(event["at"]).timestamp())
            if event["type"] == "state-changed" and event["state"] == "done":
                ends.append(True)
            if time.monotonic() - acked > 1:  # as a page does
                acked = time.monotonic()
                ack = json.dumps({"ack": seen}).encode()
                writer.write(bytes([129, 128 | len(ack)]) + bytes(4) + ack)
        data = await frame(reader)
    writer.close()


async def joined() -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    """A socket that was told its first event; tried again, as a page does, where a busy server drops the handshake."""
    parts = urlsplit(url)
    for _ in range(50):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", parts.port)
            key = base64.b64encode(os.urandom(16)).decode()
            writer.write(
                f"GET /live/jobs/{job}/?after=0&format=json HTTP/1.1\r\nHost: {parts.netloc}\r\nOrigin: {url}\r\n"
                f"Cookie: {cookies}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                "Sec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 101 " in head.split(b"\r\n")[0] and (first := await frame(reader)) is not None:
                return reader, writer, first
            writer.close()
        await asyncio.sleep(0.25)
    raise RuntimeError("a socket was refused fifty times")


async def frame(reader: asyncio.StreamReader) -> bytes | None:
    while True:
        first, second = await reader.readexactly(2)
        length = second & 127
        if length > 125:
            size = 2 if length == 126 else 8
            (length,) = struct.unpack("!H" if size == 2 else "!Q", await reader.readexactly(size))
        data = await reader.readexactly(length)
        if first & 15 == 8:
            return None
        if first & 15 == 1:
            return data


arrived: list[int] = []


async def main() -> None:
    global counting
    there = asyncio.Semaphore(20)
    tasks = [asyncio.create_task(watch(there)) for _ in range(count)]
    while len(arrived) < count:
        for task in tasks:
            if task.done():
                task.result()  # raises: nobody waits for a socket that is not coming
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    print("all there", flush=True)
    counting = True
    await asyncio.wait(tasks, timeout=120)
    late.sort()
    p50, p99 = late[len(late) // 2] * 1000, late[len(late) * 99 // 100] * 1000
    print(
        f"told={len(late)} gaps={gaps} unfinished={count - len(ends)} p50_ms={p50:.0f} p99_ms={p99:.0f}",
        flush=True,
    )


asyncio.run(main())
