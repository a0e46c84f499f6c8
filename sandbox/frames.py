"""The host's end of the stream of a box: Docker's multiplexing, our frames within, read in linear time.

Everything that arrives here was written by a program that we do not trust, or by the runner beside it: a violation
of the form raises BadStream and the run is `lost`. Nothing is held but one unfinished frame of either kind, so a flood
of 100 MB passes in less than 1 MB of memory.
"""

import json
import struct
from collections.abc import Iterator
from typing import Any

MAX_FRAME = 256 * 1024  # the runner sends 64 KiB at a time, and its one large JSON (a path) is far smaller
MAX_BLOCK = 1024 * 1024  # of Docker's own, which passes on reads of 32 KiB
COMPLAINT = 2000
MOST = 2**53  # of anything that is counted: what JSON holds exactly
_KINDS = frozenset(b"Rsoexfdz")
_OUTER = struct.Struct(">BxxxI")
_INNER = struct.Struct(">BI")


class BadStream(Exception):
    """Raised when the bytes are not what a runner sends."""


class Frames:
    """feed(bytes from the attached socket) -> frames (kind, payload) that are complete.

    The attached stream of a box without a terminal carries 8-byte headers (stream 1 or 2, length); stream 2 is the
    runner's own stderr and kept apart in `complaint` (its first 2000 bytes).
    """

    def __init__(self) -> None:
        self._raw = bytearray()  # at most one unfinished block of Docker's
        self._inner = bytearray()  # at most one unfinished frame
        self.complaint = b""

    def feed(self, block: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Raises BadStream at the first byte that breaks the form; what was complete before it was yielded."""
        self._raw += block
        at = 0
        while len(self._raw) - at >= 8:
            stream, length = _OUTER.unpack_from(self._raw, at)
            if stream not in (1, 2) or length > MAX_BLOCK:
                raise BadStream(f"stream {stream}, length {length}")
            end = at + 8 + length
            if len(self._raw) < end:
                break
            if stream == 1:
                self._inner += self._raw[at + 8 : end]
                yield from self._frames()
            elif len(self.complaint) < COMPLAINT:
                self.complaint = (self.complaint + self._raw[at + 8 : end])[:COMPLAINT]
            at = end
        del self._raw[:at]

    def _frames(self) -> Iterator[tuple[bytes, bytes]]:
        at = 0
        while len(self._inner) - at >= 5:
            kind, length = _INNER.unpack_from(self._inner, at)
            if kind not in _KINDS or length > MAX_FRAME:
                raise BadStream(f"frame {kind}, length {length}")
            end = at + 5 + length
            if len(self._inner) < end:
                break
            yield bytes((kind,)), bytes(self._inner[at + 5 : end])
            at = end
        del self._inner[:at]


def said(payload: bytes) -> dict[str, Any]:
    """The JSON object that a frame holds. Raises BadStream for all else, which json tells in several ways."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as problem:
        raise BadStream(f"no JSON: {type(problem).__name__}") from problem
    if not isinstance(value, dict):
        raise BadStream("JSON of another form")
    return value


def count(value: Any) -> int:
    """`value` where it is a count. Raises BadStream: JSON may also say true, 1e999 or a number of 4000 digits."""
    if type(value) is not int or not 0 <= value <= MOST:
        raise BadStream("no count")
    return value


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """One frame for the runner: u8 kind, u32 length (big-endian), payload."""
    return kind + struct.pack(">I", len(payload)) + payload
