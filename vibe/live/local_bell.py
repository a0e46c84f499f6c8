"""The bell and the control of one process that does everything: threads call, the server's loop listens."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Rung:
    """One stored event as it travels: `payload` is its JSON."""

    job: int
    seq: int
    type: str
    payload: str
    at: str


Listener = Callable[[Sequence[Rung]], None]


class LocalBell:
    """One process: listeners live on the server's loop, ringers are any threads."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: Listener | None = None

    def listen(self, loop: asyncio.AbstractEventLoop, listener: Listener) -> None:
        self._loop, self._listener = loop, listener

    def ring(self, records: Sequence[Rung]) -> None:
        loop, listener = self._loop, self._listener
        if loop is None or listener is None or loop.is_closed() or not records:
            return
        # The stock in-memory channel layer is not safe across loops: its events come up to a second late.
        try:
            loop.call_soon_threadsafe(listener, records)
        except RuntimeError:
            self._loop = None  # the loop closed in between: nobody listens any more

    async def follow(self, job_id: int) -> None:
        """From here on what is rung of this Job is heard here. In one process it always is."""

    def unfollow(self, job_id: int) -> None:
        """The last socket of this Job is gone."""


class LocalControl:
    """Stop, or a changed plan, on its way to whoever makes the Job in this process. The row says it too: the
    heartbeat reads it there within a second."""

    def __init__(self) -> None:
        self._on_stop: list[Callable[[int], None]] = []
        self._on_replan: list[Callable[[int], None]] = []

    def on_stop(self, listener: Callable[[int], None]) -> None:
        self._on_stop.append(listener)

    def stop(self, job_id: int) -> None:
        for listener in self._on_stop:
            listener(job_id)

    def on_replan(self, listener: Callable[[int], None]) -> None:
        self._on_replan.append(listener)

    def replan(self, job_id: int) -> None:
        for listener in self._on_replan:
            listener(job_id)

    def listen(self) -> None:
        """Hear what other processes say: here there are none."""
