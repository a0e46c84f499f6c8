"""Sends what the program left under /box/out."""

import contextlib
import json
import os
import stat
import time
from collections.abc import Callable
from typing import Any

from .wire import CHUNK, put

COLLECT_S = 2.0
MOST_SEEN = 2000  # names that are looked at


class Collector:
    """Sends the files under /box/out: regular, one link, never followed, few, small, shallow, quick."""

    def __init__(
        self,
        job: dict[str, Any],
        put: Callable[[bytes, bytes], None] = put,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.files_left = job["artifacts"]
        self.bytes_left = job["artifact_bytes"]
        self.put, self.clock = put, clock
        self.until = clock() + COLLECT_S
        self.seen = self.skipped = 0
        self.more = False  # than we looked at

    def collect(self, folder: str) -> None:
        """All that may come of it, then how many files do not: those that were seen, and whether there are more."""
        with contextlib.suppress(OSError):
            self.walk(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW), "", 0)
        self.put(b"z", json.dumps({"skipped": self.skipped, "more": self.more}).encode())

    def walk(self, folder: int, prefix: str, depth: int) -> None:
        try:
            entries = os.scandir(folder)
        except OSError:
            return
        with entries:
            for entry in entries:
                if self.seen >= MOST_SEEN or self.clock() > self.until:
                    self.more = True
                    return
                self.seen += 1
                self.take(folder, entry, prefix, depth)

    def take(self, folder: int, entry: "os.DirEntry[str]", prefix: str, depth: int) -> None:
        try:
            info = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode) and depth < 8:
                inner = os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                try:
                    self.walk(inner, prefix + entry.name + "/", depth + 1)
                finally:
                    os.close(inner)
            elif (
                stat.S_ISREG(info.st_mode)
                and info.st_nlink == 1
                and info.st_size <= self.bytes_left
                and self.files_left
            ):
                self.send(folder, entry.name, prefix, info.st_size)
            else:
                self.skipped += 1
        except OSError:
            self.skipped += 1

    def send(self, folder: int, name: str, prefix: str, size: int) -> None:
        """Announced with the size that it has now; cut or filled up to it: nothing writes to it any more."""
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        try:
            path = (prefix + name).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            self.put(b"f", json.dumps({"path": path, "size": size}).encode())
            left = size
            while left:
                block = os.read(fd, min(CHUNK, left)) or bytes(min(CHUNK, left))
                self.put(b"d", block)
                left -= len(block)
        finally:
            os.close(fd)
        self.files_left -= 1
        self.bytes_left -= size
