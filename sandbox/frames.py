"""The host's end of the stream of a box: Docker's multiplexing, our frames within, read in linear time.

Everything that arrives here was written by a program that we do not trust, or by the runner beside it: a violation
of the form raises BadStream and the run is `lost`.
"""

import struct
from collections.abc import Iterator

MAX_FRAME = 64 * 1024 * 1024
_KINDS = frozenset(b"Roexfdz")


class BadStream(Exception):
    """Raised when the bytes are not what a runner sends."""


class Buffer:
    """A growing byte queue: take(n) costs what it returns, however much lies behind it."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._at = 0

    def __len__(self) -> int:
        return len(self._data) - self._at

    def add(self, block: bytes) -> None:
        if self._at > 1 << 20 and self._at * 2 > len(self._data):
            del self._data[: self._at]
            self._at = 0
        self._data += block

    def peek(self, count: int) -> bytes:
        return bytes(self._data[self._at : self._at + count])

    def take(self, count: int) -> bytes:
        block = bytes(self._data[self._at : self._at + count])
        self._at += count
        if self._at == len(self._data):
            self._data.clear()
            self._at = 0
        return block


class Frames:
    """feed(bytes from the attached socket) -> frames (kind, payload) that are complete.

    The attached stream of a box without a terminal carries 8-byte headers (stream 1 or 2, length); stream 2 is the
    runner's own stderr and kept apart in `complaint`.
    """

    def __init__(self) -> None:
        self._raw = Buffer()
        self._inner = Buffer()
        self.complaint = b""

    def feed(self, block: bytes) -> Iterator[tuple[bytes, bytes]]:
        self._raw.add(block)
        while len(self._raw) >= 8:
            stream, length = struct.unpack(">BxxxI", self._raw.peek(8))
            if stream not in (1, 2) or length > MAX_FRAME:
                raise BadStream(f"stream {stream}, length {length}")
            if len(self._raw) < 8 + length:
                break
            self._raw.take(8)
            payload = self._raw.take(length)
            if stream == 1:
                self._inner.add(payload)
            else:
                self.complaint = (self.complaint + payload)[:2000]
        yield from self._frames()

    def _frames(self) -> Iterator[tuple[bytes, bytes]]:
        while len(self._inner) >= 5:
            head = self._inner.peek(5)
            length = int.from_bytes(head[1:], "big")
            if head[0] not in _KINDS or length > MAX_FRAME:
                raise BadStream(f"frame {head[:1]!r}, length {length}")
            if len(self._inner) < 5 + length:
                return
            self._inner.take(5)
            yield head[:1], self._inner.take(length)


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """One frame for the runner."""
    return kind + struct.pack(">I", len(payload)) + payload
