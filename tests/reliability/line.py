"""A line between browser and server that can be cut: with a word (closed), or without one, as when a laptop sleeps."""

import contextlib
import select
import socket
import threading


class Line:
    """Forwards TCP from a port of its own to `port`. `up` and `down(silently=…)` as often as you like."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._stands = threading.Event()
        self._stands.set()
        self._ended = False
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def down(self, *, silently: bool) -> None:
        """From here on nothing passes. `silently`: nobody is told; else every connection breaks."""
        self._stands.clear()
        if not silently:
            self._break()

    def up(self) -> None:
        """What begins from here on passes; what stood before is dead, as an address at home is after a night."""
        self._break()
        self._stands.set()

    def close(self) -> None:
        self._ended = True
        self._listener.close()
        self._break()

    def _break(self) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._ended:
            try:
                mine, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._forward, args=(mine,), daemon=True).start()

    def _forward(self, mine: socket.socket) -> None:
        theirs = socket.socket()
        try:
            while not self._stands.wait(0.2):  # packets into the void
                if self._ended or _hung_up(mine):
                    return
            theirs.connect(("127.0.0.1", self._to))
            with self._lock:
                self._pairs.append((mine, theirs))
            while True:
                for end in select.select([mine, theirs], [], [], 0.2)[0]:
                    block = end.recv(65536)
                    if not block:
                        return
                    if self._stands.is_set():
                        (theirs if end is mine else mine).sendall(block)
        except OSError:
            pass
        finally:
            mine.close()
            theirs.close()


def _hung_up(end: socket.socket) -> bool:
    try:
        return bool(select.select([end], [], [], 0)[0]) and end.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True
