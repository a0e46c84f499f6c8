"""Sends what the program left under /box/out."""

import json
import os
import stat
import time
from typing import Any

from .wire import CHUNK, put


class Collector:
    """Sends the files under /box/out: regular, one link, never followed, few, small, shallow, quick."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.files_left = job["artifacts"]
        self.bytes_left = job["artifact_bytes"]
        self.until = time.monotonic() + 2
        self.seen = self.skipped = 0

    def walk(self, folder: int, prefix: str, depth: int) -> None:
        try:
            entries = os.scandir(folder)
        except OSError:
            return
        with entries:
            for entry in entries:
                self.seen += 1
                if not self.files_left or self.seen > 2000 or time.monotonic() > self.until:
                    self.skipped += 1
                    return
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
            elif stat.S_ISREG(info.st_mode) and info.st_nlink == 1 and info.st_size <= self.bytes_left:
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
            put(b"f", json.dumps({"path": path, "size": size}).encode())
            left = size
            while left:
                block = os.read(fd, min(CHUNK, left)) or bytes(min(CHUNK, left))
                put(b"d", block)
                left -= len(block)
        finally:
            os.close(fd)
        self.files_left -= 1
        self.bytes_left -= size
