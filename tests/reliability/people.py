"""People without a browser: each has a session, sends forms, and listens to a Job as an outside program would.

A listener is a thread with a socket of the JSON format. It comes back by itself from its cursor, as live.js does, and
keeps each event with the moment it came.
"""

import base64
import contextlib
import http.cookiejar
import json
import os
import re
import socket
import struct
import threading
import time
import urllib.parse
import urllib.request
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

OVER = 4000


class Person:
    def __init__(self, url: str) -> None:
        self.url = url
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.key = ""

    def get(self, path: str = "/") -> str:
        page = self.opener.open(self.url + path, timeout=60).read().decode()
        if found := re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page):
            self.key = found[1]
        return page

    def send(self, path: str, seconds: float = 60, **fields: str) -> str:
        """The page that a form leads to. Raises urllib.error.HTTPError."""
        if not self.key:
            self.get()
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": self.key, **fields}).encode()
        wish = urllib.request.Request(self.url + path, data, {"Origin": self.url})
        return self.opener.open(wish, timeout=seconds).read().decode()

    def begin(self, words: str, **more: str) -> int:
        """Describe a program. The number of its Job."""
        page = self.send("/programs/", description=words, once=os.urandom(8).hex(), **more)
        return int(re.search(r'data-job="(\d+)"', page)[1])

    def listen(self, job: int, after: int = 0) -> "Listener":
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.jar)
        return Listener(self.url, job, cookies, after)


class Listener:
    """`heard`: (seconds of time.time(), event) of everything that came. `ended`: the server said that it is over."""

    def __init__(self, url: str, job: int, cookies: str, after: int = 0, *, acks: bool = True) -> None:
        self.url, self.job, self.cookies, self.seen, self.acks = url, job, cookies, after, acks
        self.after = after
        self.heard: list[tuple[float, dict[str, Any]]] = []
        self.ended = threading.Event()
        self.gone = False
        self.connects = 0
        self._wire: Wire | None = None
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def seqs(self) -> list[int]:
        return [event["seq"] for _, event in self.heard]

    @property
    def types(self) -> list[str]:
        return [event["type"] for _, event in self.heard]

    @property
    def state(self) -> str:
        states = [event["state"] for _, event in self.heard if event["type"] == "state-changed"]
        return states[-1] if states else ""

    def when(self, type_: str, since: float = 0) -> float:
        """When the first event of this type came after `since`."""
        return next(at for at, event in self.heard if event["type"] == type_ and at > since)

    def said(self, type_: str) -> float:
        """When the last event of this type was stored, by the log's own clock."""
        at = [event["at"] for _, event in self.heard if event["type"] == type_]
        return datetime.fromisoformat(at[-1]).timestamp()

    def leave(self) -> None:
        self.gone = True
        if self._wire:
            self._wire.close()
        self._thread.join(5)

    def _listen(self) -> None:
        while not self.gone:
            try:
                self._wire = Wire(
                    self.url, f"/live/jobs/{self.job}/?after={self.seen}&format=json", self.cookies
                )
                self.connects += 1
                while (text := self._wire.receive()) is not None:
                    event = json.loads(text)
                    if "seq" in event:
                        self.heard.append((time.time(), event))
                        self.seen = event["seq"]
                        if self.acks:
                            self._wire.send(json.dumps({"ack": self.seen}))
                if self._wire.closed_with == OVER:
                    self.ended.set()
                    return
            except OSError:
                if self._wire:
                    self._wire.close()
            time.sleep(0.2)


class Wire:
    """A WebSocket client, as small as may be (RFC 6455): no extensions, text only."""

    def __init__(self, url: str, path: str, cookies: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection(("127.0.0.1", parts.port), 10)
        self.closed_with = 0
        self._read = bytearray()
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nOrigin: {url}\r\nCookie: {cookies}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        try:
            while b"\r\n\r\n" not in self._read:
                self._more()
            head, _, rest = bytes(self._read).partition(b"\r\n\r\n")
            if b" 101 " not in head:
                raise ConnectionError(head[:100])
        except OSError:
            self.close()
            raise
        self._read = bytearray(rest)
        self.socket.settimeout(90)

    def _more(self) -> None:
        block = self.socket.recv(65536)
        if not block:
            raise ConnectionError("the line ended")
        self._read += block

    def _take(self, count: int) -> bytes:
        while len(self._read) < count:
            self._more()
        taken = bytes(self._read[:count])
        del self._read[:count]
        return taken

    def receive(self) -> str | None:
        """The next text; None when the server closed. Raises OSError when the line broke."""
        while True:
            first, second = self._take(2)
            length = second & 127
            if length == 126:
                (length,) = struct.unpack("!H", self._take(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self._take(8))
            data = self._take(length)
            match first & 15:
                case 1:
                    return data.decode()
                case 8:
                    self.closed_with = struct.unpack("!H", data[:2])[0] if len(data) > 1 else 0
                    self.close()
                    return None
                case 9:
                    self._frame(10, data)

    def send(self, text: str) -> None:
        self._frame(1, text.encode())

    def _frame(self, kind: int, data: bytes) -> None:
        mask = os.urandom(4)
        length = bytes([128 | len(data)]) if len(data) < 126 else bytes([254]) + struct.pack("!H", len(data))
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        self.socket.sendall(bytes([128 | kind]) + length + mask + masked)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def until(holds: Any, seconds: float = 30.0, what: str = "") -> Any:
    """What `holds()` says as soon as it says something."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, f"it never came {what}"
        time.sleep(0.02)
    return found


def told_all(listeners: list[Listener], seconds: float = 60.0) -> None:
    """Every one has heard its Job's end, and each number once and in its turn."""
    for one in listeners:
        until(one.ended.is_set, seconds, f"job {one.job}: {one.types[-3:]} {one.state}")
        assert one.seqs == list(range(one.after + 1, one.after + 1 + len(one.seqs))), f"job {one.job}"
