"""Gathers the files that come back from a box: names made harmless, types told by their bytes, sizes held to.

A name from a box is hostile (escape sequences, right-to-left marks, `..\\..\\x`, HTML): it is never used as a path here,
and what is kept of it could be one without harm.
"""

import re

from sandbox.frames import BadStream, count, said
from sandbox.limits import Limits
from sandbox.outcome import Artifact

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
)
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")  # names that Windows keeps for itself


class Gatherer:
    """file() announces one, data() brings it in pieces. Raises BadStream when it is more than was said or allowed."""

    def __init__(self, limits: Limits) -> None:
        self.artifacts: list[Artifact] = []
        self._files_left, self._bytes_left = limits.artifacts, limits.artifact_bytes
        self._names: set[str] = set()
        self._path, self._size, self._data = "", -1, bytearray()

    def file(self, payload: bytes) -> None:
        announced = said(payload)
        path, size = announced.get("path"), count(announced.get("size"))
        if not isinstance(path, str):
            raise BadStream("a file without a name")
        if self._size >= 0 or size > self._bytes_left or not self._files_left:
            raise BadStream("a file that was not to come")
        self._path, self._size, self._data = path, size, bytearray()
        self._files_left -= 1
        self._bytes_left -= size
        self._settle()

    def data(self, payload: bytes) -> None:
        if self._size < 0 or len(self._data) + len(payload) > self._size:
            raise BadStream("bytes of no file")
        self._data += payload
        self._settle()

    @property
    def complete(self) -> bool:
        return self._size < 0

    def _settle(self) -> None:
        if len(self._data) < self._size:
            return
        name = clean_name(self._path, self._names)
        self._names.add(name.casefold())
        self.artifacts.append(Artifact(name, bytes(self._data), sniff(self._data)))
        self._size = -1


def clean_name(path: str, taken: set[str]) -> str:
    """A harmless name for a file that a program named: the last part, plain characters, not one of `taken` (folded)."""
    last = path.replace("\\", "/").rsplit("/", 1)[-1]
    name = re.sub(r"[^\w .()+-]", "_", last)[:100].strip(" .").lstrip("-") or "file"
    if _DEVICES.match(name):
        name = f"_{name}"
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    number = 2
    while name.casefold() in taken:
        name = f"{stem} ({number}){dot}{ending}"
        number += 1
    return name


def sniff(data: bytes | bytearray) -> str:
    """The media type by the first bytes, never by the name: text/plain for what is UTF-8, else octet-stream."""
    head = bytes(data[:4096])
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as problem:
        if problem.start < len(head) - 3 or len(data) <= len(head):  # a letter may be cut in two
            return "application/octet-stream"
    if b"\0" in head:
        return "application/octet-stream"
    start = head.lstrip()[:256].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "text/html"
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in head.lower()):
        return "image/svg+xml"
    return "text/plain"
