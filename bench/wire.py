"""A websocket client as small as can be: thousands of them in one process must cost less than what they measure."""

import asyncio
import base64
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

SEQ = re.compile(r'<template data-seq="(\d+)"')
MARK = re.compile(r"\[(\d+)@(\d+)\]")
OnText = Callable[[str], None]
TRIES = 5


def mark(number: int) -> str:
    """Twenty-odd characters as a model writes them, which say which chunk they are and when it came (monotonic ns)."""
    return f"[{number}@{time.monotonic_ns()}] "


@dataclass
class Seen:
    """What one reader saw of one stream: every chunk's number, and how long it was under way, in seconds."""

    numbers: list[int] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    frames: int = 0

    def text(self, text: str) -> None:
        now = time.monotonic_ns()
        self.frames += 1
        for found in MARK.finditer(text):
            self.numbers.append(int(found[1]))
            self.late.append((now - int(found[2])) / 1e9)

    def lost(self, sent: int) -> int:
        return sent - len(set(self.numbers))

    @property
    def doubled(self) -> int:
        return len(self.numbers) - len(set(self.numbers))


class Socket(asyncio.Protocol):
    """Reads text, answers pings. `acks`: says like our page what it has, every second or 32 KB (static/js/live.js)."""

    def __init__(self, path: str, headers: dict[str, str], on_text: OnText, *, acks: bool = False) -> None:
        self._path, self._headers, self._on_text, self._acks = path, headers, on_text, acks
        self._held = b""
        self._open = False
        self._unacked, self._acked = 0, 0.0
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        key = base64.b64encode(os.urandom(16)).decode()
        head = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
        }
        lines = [f"GET {self._path} HTTP/1.1", *(f"{k}: {v}" for k, v in {**head, **self._headers}.items())]
        self.transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def connection_lost(self, problem: Exception | None) -> None:
        for future in (self.opened, self.closed):
            if not future.done():
                if future is self.opened:
                    future.set_exception(ConnectionError("closed before it was open"))
                else:
                    future.set_result(1006)

    def data_received(self, data: bytes) -> None:
        held = self._held + data if self._held else data
        if not self._open:
            head, end, held = held.partition(b"\r\n\r\n")
            if not end:
                self._held = head
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.opened.set_exception(ConnectionError(head[:80].decode("latin-1")))
                self.transport.close()
                return
            self._open = True
            self.opened.set_result(None)
        at = 0
        while (size := self._frame(held, at)) is not None:
            at = size
        self._held = held[at:]

    def _frame(self, held: bytes, at: int) -> int | None:
        """Where the next frame begins; None when this one is not whole yet."""
        if len(held) < at + 2:
            return None
        kind, size, begin = held[at] & 15, held[at + 1] & 127, at + 2
        wide = {126: 2, 127: 8}.get(size, 0)
        if wide:
            if len(held) < begin + wide:
                return None
            size = int.from_bytes(held[begin : begin + wide], "big")
            begin += wide
        if len(held) < begin + size:
            return None
        body = held[begin : begin + size]
        if kind == 1:
            text = body.decode()
            self._on_text(text)
            self._unacked += len(text)
            if self._acks and (self._unacked >= 32_768 or time.monotonic() - self._acked >= 1):
                self._ack(text)
                self._unacked, self._acked = 0, time.monotonic()
        elif kind == 9:
            self._send(10, body)
        elif kind == 8:
            if not self.closed.done():
                self.closed.set_result(int.from_bytes(body[:2], "big") if body else 1005)
            self.transport.close()
        return begin + size

    def _ack(self, text: str) -> None:
        if text[0] == "{":
            seq = json.loads(text).get("seq")
        else:
            found = SEQ.findall(text)  # several frames may come in one message
            seq = int(found[-1]) if found else 0
        if seq:
            self._send(1, b'{"ack":%d}' % seq)

    def _send(self, kind: int, body: bytes) -> None:
        """Masked with zeros, which is allowed and costs nothing; never 126 bytes or more."""
        self.transport.write(bytes([0x80 | kind, 0x80 | len(body)]) + b"\0\0\0\0" + body)


async def open_socket(
    port: int, path: str, headers: dict[str, str], on_text: OnText, *, acks: bool = False
) -> Socket:
    """Tries again like a browser: a server that is busy lets a handshake go after five seconds."""
    loop = asyncio.get_running_loop()
    for turn in range(TRIES):
        _, made = await loop.create_connection(
            lambda: Socket(path, headers, on_text, acks=acks), "127.0.0.1", port
        )
        try:
            await asyncio.wait_for(made.opened, 60)
            return made
        except ConnectionError:
            if turn == TRIES - 1:
                raise
            await asyncio.sleep(0.5 * 2**turn)
    raise AssertionError
