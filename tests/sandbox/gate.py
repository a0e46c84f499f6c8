"""A gate before the engine: what is asked of it passes, but what a test names waits there until it is let through."""

import contextlib
import select
import socket
import threading
from pathlib import Path


class Gate:
    """Listens on a unix socket at `path` and passes all to the engine's own; requests that hold `word` wait.

    `waiting`: how many do. What waits is passed on by open(), though nobody may be there any more who asked it: so is a
    request that was on its way when its sender died.
    """

    def __init__(self, path: Path, word: bytes, engine: str = "/var/run/docker.sock") -> None:
        self.word, self.engine, self.waiting = word, engine, 0
        self._news, self._open = threading.Condition(), threading.Event()
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    def wait_for(self, count: int, seconds: float = 60.0) -> None:
        with self._news:
            assert self._news.wait_for(lambda: self.waiting >= count, seconds), f"{self.waiting} came"

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.set()
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, socket.socket(socket.AF_UNIX) as far, contextlib.suppress(OSError):
            far.connect(self.engine)
            to = {near: far, far: near}
            while to:
                for one in select.select(list(to), [], [])[0]:
                    block = one.recv(1 << 16)
                    if one is near and self.word in block.split(b"\r\n", 1)[0]:
                        self._hold(near)
                    with contextlib.suppress(OSError):  # of an answer nobody may be left to hear
                        to[one].sendall(block) if block else to[one].shutdown(socket.SHUT_WR)
                    if not block:
                        del to[one]

    def _hold(self, near: socket.socket) -> None:
        with self._news:
            self.waiting += 1
            self._news.notify_all()
        self._open.wait(120)
