"""What stands ready and what is wanted: the boxes of a pool by size, and the rules by which they come and go.

What is kept ready follows what was asked for. Knows neither threads nor the engine: a pool calls it under its lock.
"""

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox import catalog
from sandbox.box import Box
from sandbox.limits import MIB
from sandbox.sealing import Fit

KINDS = 4  # sizes kept ready at once; of more, those asked for last
YIELD_S = (
    2.0  # how long filling up waits for running work at most, so that a steady stream finds warm boxes too
)
RETRY_S = 10.0  # after a box that could not be made
ROOM = 768 * MIB  # of memory that filling up leaves to this machine


@dataclass
class _Kind:
    """What is known of one size of box."""

    asked: float  # when a run of it was last asked for
    short: float | None = None  # since when there are too few; None: there are enough
    retry: float = 0.0  # not before: the last try to make one failed


class Stock:
    """`ready`: boxes kept of each size (None: what image.toml says). `idle_s`: how long one stands, and one is wanted.

    `let_go` is called with every box that is not wanted any more. `room` says whether this machine has some for one more.
    """

    def __init__(
        self,
        ready: int | None,
        idle_s: float,
        let_go: Callable[[Box], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        room: Callable[[], bool] | None = None,
    ) -> None:
        self.ready, self.idle_s, self._let_go = ready, idle_s, let_go
        self._clock, self._room = clock, room or memory_to_spare
        self.idle: dict[Fit, deque[tuple[Box, float]]] = {}
        self.kinds: dict[Fit, _Kind] = {}
        self.opening: Fit | None = None  # what is being made

    @property
    def size(self) -> int:
        """Boxes that stand ready or are being made."""
        return (self.opening is not None) + sum(map(len, self.idle.values()))

    @property
    def short(self) -> bool:
        return any(kind.short for kind in self.kinds.values())

    def count(self, fit: Fit) -> int:
        return len(self.idle.get(fit, ()))

    def counts(self) -> dict[str, int]:
        """Boxes that stand ready, by image; also of those that are wanted and have none."""
        ready = Counter({fit.image: 0 for fit in self.kinds})
        for fit, boxes in self.idle.items():
            ready[fit.image] += len(boxes)
        return dict(ready)

    def missing(self, fit: Fit) -> int:
        wanted = self.ready if self.ready is not None else int(catalog.warm(fit.image).get("boxes", 2))
        return wanted - self.count(fit)

    def want(self, fit: Fit) -> None:
        """A run of this size was asked for, or will be."""
        now = self._clock()
        kind = self.kinds.setdefault(fit, _Kind(now))
        kind.asked = now
        if len(self.kinds) > KINDS:
            self._forget(min(self.kinds, key=lambda one: self.kinds[one].asked))
        if kind.short is None and self.missing(fit):
            kind.short = now

    def take(self, fit: Fit) -> Box | None:
        """A healthy box of this size, for good."""
        boxes = self.idle.get(fit, deque())
        while boxes:
            box, _ = boxes.popleft()
            if box.healthy:
                return box
            self._let_go(box)
        return None

    def put(self, fit: Fit, box: Box) -> None:
        self.idle.setdefault(fit, deque()).append((box, self._clock()))
        if self.missing(fit) <= 0:
            self.kinds[fit].short = None

    def made(self, fit: Fit, *, good: bool) -> bool:
        """Whether what was being made is still wanted. After a failure the next try has time."""
        self.opening = None
        kind = self.kinds.get(fit)
        if kind is not None:
            kind.retry = 0.0 if good else self._clock() + RETRY_S
        return good and kind is not None

    def make_room(self, too_many: Callable[[], bool]) -> None:
        """A run goes before what stands ready: the idle box of the size that was asked for longest ago gives way."""
        while too_many() and any(self.idle.values()):
            fit = min((f for f, boxes in self.idle.items() if boxes), key=lambda f: self.kinds[f].asked)
            self._let_go(self.idle[fit].popleft()[0])

    def next(self, *, busy: bool) -> Fit | None:
        """The size that lacks a box and may have one now."""
        now = self._clock()
        lacking = [fit for fit in self.kinds if self.missing(fit) > 0 and self.kinds[fit].retry <= now]
        if not lacking or not self._room():
            return None
        fit = max(lacking, key=lambda one: self.kinds[one].asked)
        since = self.kinds[fit].short or now
        self.kinds[fit].short = since
        return fit if not busy or now - since > YIELD_S else None

    def look_after(self) -> None:
        """Let go what is too old, not there any more, or no longer asked for."""
        now = self._clock()
        for fit in [f for f, kind in self.kinds.items() if now - kind.asked > self.idle_s]:
            self._forget(fit)
        for boxes in self.idle.values():
            for _ in range(len(boxes)):
                box, since = boxes.popleft()
                if now - since < self.idle_s and box.healthy:
                    boxes.append((box, since))
                else:
                    self._let_go(box)

    def clear(self) -> list[Box]:
        """All that stood ready; none of it does any more."""
        boxes = [box for several in self.idle.values() for box, _ in several]
        self.idle.clear()
        return boxes

    def _forget(self, fit: Fit) -> None:
        del self.kinds[fit]
        for box, _ in self.idle.pop(fit, ()):
            self._let_go(box)


def memory_to_spare() -> bool:
    """Whether this machine has memory to spare. Where that cannot be known, it has."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024 > ROOM
    except (OSError, ValueError):
        return True
    return True
