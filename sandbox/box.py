"""One container with a runner in it, seen as a stream of frames. Owns the socket, knows neither job nor engine."""

import contextlib
import select
import socket
import ssl
import time
from typing import Any

from sandbox.complaints import not_sealed
from sandbox.errors import EngineUnavailable
from sandbox.frames import BadStream, Frames, said
from sandbox.sealing import Fit, unsealed

BLOCK = 1 << 18
WAITING = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Late(Exception):
    """Raised when our own clock ran out, or a stop came before the runner could hear it."""


class Box:
    """`attached` is what the SDK gave for the attached stream, of which `socket` is the one to read and write."""

    def __init__(self, identity: str, attached: Any, fit: Fit, runtime: str = "") -> None:
        self.id, self.fit, self.runtime = identity, fit, runtime
        self._attached = attached
        self.socket: socket.socket = getattr(attached, "_sock", attached)
        self.socket.setblocking(False)
        self._frames = Frames()
        self._poll = select.poll()  # not select(): a busy server has more than 1024 descriptors open
        self._poll.register(self.socket, select.POLLIN)
        self.hello: dict[str, Any] | None = None  # what the runner said of itself once it was ready

    def wait(self, seconds: float, *, to_send: bool = False) -> tuple[bool, bool]:
        """(something came, something can be sent), after `seconds` at most."""
        if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            return True, False
        if to_send:
            self._poll.modify(self.socket, select.POLLIN | select.POLLOUT)
        found = self._poll.poll(max(0.0, seconds) * 1000)
        if to_send:
            self._poll.modify(self.socket, select.POLLIN)
        events = found[0][1] if found else 0
        return bool(events & ~select.POLLOUT), bool(events & select.POLLOUT)

    def receive(self) -> list[tuple[bytes, bytes]] | None:
        """The frames that have come, or None at the end of the stream. Raises BadStream, as for a line that broke."""
        try:
            block = self.socket.recv(BLOCK)
        except WAITING:
            return []
        except OSError as problem:
            raise BadStream(f"the stream broke: {problem}") from problem
        return list(self._frames.feed(block)) if block else None

    def send(self, data: memoryview) -> int:
        """How many bytes were taken now; 0 when none could be. Raises OSError when nobody reads any more."""
        try:
            return self.socket.send(data)
        except WAITING:
            return 0

    def ready(self, until: float) -> bool:
        """Wait for the runner's first word. False when the box ended before it; raises Late past `until`, BadStream."""
        while self.hello is None:
            came, _ = self.wait(min(0.25, until - time.monotonic()))
            if not came:
                if time.monotonic() > until:
                    raise Late
                continue
            frames = self.receive()
            if frames is None:
                return False
            for kind, payload in frames:
                self.greet(kind, payload)
        return True

    def greet(self, kind: bytes, payload: bytes) -> None:
        """Take the first frame, which says that the runner is ready and how the kernel holds it.

        Raises EngineUnavailable when it is not held as it must be: no job goes into such a box.
        """
        if kind != b"R" or self.hello is not None:
            raise BadStream(f"frame {kind!r} came before the job")
        hello = said(payload)
        status = hello.get("status")
        if not isinstance(status, dict):
            raise BadStream("the runner is ready and does not say how it is held")
        if wrong := unsealed(status, self.runtime):
            raise EngineUnavailable(not_sealed(wrong))
        self.hello = hello

    @property
    def healthy(self) -> bool:
        """Whether an idle box is still there: a runner without a job says nothing, and its stream stays open."""
        return self.wait(0) == (False, False)

    @property
    def complaint(self) -> str:
        return self._frames.complaint.decode("utf-8", "replace")

    def close(self) -> None:
        """Hang up. Its runner, and so the box, ends by itself (StdinOnce).

        Of a socket with TLS the SDK's response is the last to let go: it would stay open until it is collected.
        """
        secured = isinstance(self.socket, ssl.SSLSocket)
        with contextlib.suppress(OSError):
            self.socket.close()
            self._attached.close()
            if secured:
                self._attached._response.close()
