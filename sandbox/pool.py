"""Warm boxes: a few stand ready, each is used once, the next is made while nobody waits.

A box costs some 250 ms to start and most of a second to load numpy and matplotlib in; a run in one that is ready costs
what a bare process does. What is kept ready follows what was asked for: the first run of a size opens its box directly
and leaves the wish for more. One thread fills up; it works for the engine as running boxes do, so it yields to them.
"""

import atexit
import contextlib
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import catalog
from sandbox.box import Box, Late
from sandbox.docker_engine import DockerEngine
from sandbox.errors import EngineUnavailable, SandboxError
from sandbox.frames import BadStream
from sandbox.limits import MIB, Limits
from sandbox.line import Line, Ticket
from sandbox.outcome import OnOutput, OnWait, Outcome
from sandbox.sealing import FREE_STDIN, Fit
from sandbox.source import Source
from sandbox.talk import READY_S, Talk

PLAIN = Limits()
LONGEST_S = 300.0  # a run that may take longer has a box of its own: a ready one has its deadline already
IDLE_S = 600.0  # a size that nobody asked for in this time is no longer kept ready
KINDS = 4  # sizes kept ready at once; of more, those asked for last
YIELD_S = (
    2.0  # how long filling up waits for running work at most, so that a steady stream finds warm boxes too
)
NEARLY_S = 5.0  # how long a run waits for a box that is being made, where that is quicker
FILLED_S = 5.0  # how long the end waits for a box that is just being made
LOOK_S = 5.0  # between looks at idle boxes
REAP_S = 60.0
ROOM = 768 * MIB  # of memory that filling up leaves to this machine


@dataclass
class _Kind:
    """What is known of one size of box."""

    asked: float  # when a run of it was last asked for
    short: float | None = None  # since when there are too few; None: there are enough
    retry: float = 0.0  # not before: the last try to make one failed


class Pool:
    """An Engine whose boxes are ready before they are asked for. One a process; safe to share by threads.

    `places`: runs at once, the others wait in line. `most`: boxes of any state that there may be together.
    `ready`: how many of each size are kept (None: what image.toml says). close() ends them all, as does the end of the
    process, however it comes.
    """

    def __init__(
        self,
        engine: DockerEngine | None = None,
        *,
        places: int | None = None,
        most: int | None = None,
        ready: int | None = None,
        idle_s: float = IDLE_S,
    ) -> None:
        self.engine = engine or DockerEngine()
        self.places = places or max(4, 2 * (os.cpu_count() or 1))
        self.most = most or self.places + 4
        self._ready, self._idle_s = ready, idle_s
        self._line = Line(self.places)
        self._idle: dict[Fit, deque[tuple[Box, float]]] = {}
        self._kinds: dict[Fit, _Kind] = {}
        self._news = threading.Condition()
        self._filler: threading.Thread | None = None
        self._opening: Fit | None = None  # what the filler has in hand
        self._closed = False
        self.hits = self.misses = 0
        close = weakref.WeakMethod(self.close)
        atexit.register(lambda: (at_end := close()) and at_end())

    # --- what an Engine does ----------------------------------------------------------------------------------------

    def run(
        self,
        source: Source,
        *,
        limits: Limits = PLAIN,
        stdin: bytes = b"",
        on_output: OnOutput | None = None,
        cancelled: threading.Event | None = None,
        who: str = "",
        on_wait: OnWait | None = None,
    ) -> Outcome:
        """See sandbox.engine.Engine.run."""
        cancelled = cancelled or threading.Event()
        fit = Fit.of(source, limits, len(stdin))
        usual = not source.needs_room(limits) and len(stdin) <= FREE_STDIN and limits.time_s <= LONGEST_S
        if not self._enter(who, cancelled, on_wait):
            return Outcome("cancelled")
        try:
            box = self._take(fit.warmed()) if usual else None
            if box is not None:
                outcome, began = self._talk(box, source, limits, stdin, on_output, cancelled)
                if outcome.ended != "lost" or began:
                    return outcome  # else it went before it was given the job, which nobody needs to know
            box = self.engine.open(fit, lasts_s=limits.time_s)
            return self._talk(box, source, limits, stdin, on_output, cancelled)[0]
        finally:
            with self._news:
                self._line.end(who)
                self._news.notify_all()

    def expect(self, image: str, limits: Limits = PLAIN) -> None:
        """See sandbox.engine.Engine.expect."""
        fit = Fit.of(Source(image, ()), limits).warmed()
        with self._news:
            self._want(fit)

    def available(self) -> str:
        return self.engine.available()

    def has_image(self, name: str) -> bool:
        return self.engine.has_image(name)

    def reap(self) -> int:
        return self.engine.reap()

    def close(self) -> None:
        """End every box, running ones too. What is run afterwards raises EngineUnavailable."""
        with self._news:
            self._closed = True
            idle = [box for boxes in self._idle.values() for box, _ in boxes]
            self._idle.clear()
            self._news.notify_all()
            filler = self._filler
        for box in idle:
            box.close()  # all of them begin to end at once
        self.engine.close()
        if filler is not None and filler is not threading.current_thread():
            filler.join(FILLED_S)  # it may have had one in hand, which it removes itself

    # --- a place, a box, a run --------------------------------------------------------------------------------------

    def _enter(self, who: str, cancelled: threading.Event, on_wait: OnWait | None) -> bool:
        """Wait for a place. False when the run was cancelled meanwhile."""
        ticket, told = Ticket(who), None
        with self._news:
            self._line.join(ticket)
        try:
            while True:
                with self._news:
                    if self._closed:
                        raise EngineUnavailable("The sandbox was closed.")
                    if cancelled.is_set():
                        return False
                    if self._line.may_enter(ticket):
                        self._line.enter(who)
                        break
                    before = self._line.before(ticket)
                    if before == told:
                        self._news.wait(0.05)  # a cancelled Event rings no bell of ours
                        continue
                told = before
                if on_wait:
                    on_wait(before + 1)
        finally:
            with self._news:
                self._line.leave(ticket)
                self._news.notify_all()
        if told is not None and on_wait:
            on_wait(0)
        return True

    def _take(self, fit: Fit) -> Box | None:
        """A healthy box of this size, or None. Either way one more of them will be wanted."""
        with self._news:
            if self._opening == fit and catalog.warm(fit.image).get("start"):
                # It is further on than one begun now would be; of modules to import that would not be so.
                self._news.wait_for(lambda: self._opening != fit or self._idle.get(fit), NEARLY_S)
            boxes = self._idle.get(fit, deque())
            while boxes:
                box, _ = boxes.popleft()
                if box.healthy:
                    self.hits += 1
                    self._want(fit)
                    return box
                self.engine.discard(box, ends_itself=True)
            self.misses += 1
            self._want(fit)
            self._make_room()
        return None

    def _talk(
        self,
        box: Box,
        source: Source,
        limits: Limits,
        stdin: bytes,
        on_output: OnOutput | None,
        cancelled: threading.Event,
    ) -> tuple[Outcome, bool]:
        """The outcome, and whether the program was begun."""
        talk = Talk(box, source, limits, on_output=on_output, cancelled=cancelled)
        try:
            return talk.outcome(stdin), talk.started
        finally:
            self.engine.discard(box, ends_itself=talk.clean)

    # --- what is kept ready (all under the lock but _fill) ----------------------------------------------------------

    def _want(self, fit: Fit) -> None:
        now = time.monotonic()
        kind = self._kinds.setdefault(fit, _Kind(now))
        kind.asked = now
        if len(self._kinds) > KINDS:
            self._forget(min(self._kinds, key=lambda one: self._kinds[one].asked))
        if kind.short is None and self._missing(fit):
            kind.short = now
        if not self._closed and (self._filler is None or not self._filler.is_alive()):
            self._filler = threading.Thread(target=self._fill, name="vibe-pool", daemon=True)
            self._filler.start()
        self._news.notify_all()

    def _missing(self, fit: Fit) -> int:
        wanted = self._ready if self._ready is not None else int(catalog.warm(fit.image).get("boxes", 2))
        return wanted - len(self._idle.get(fit, ()))

    def _forget(self, fit: Fit) -> None:
        del self._kinds[fit]
        for box, _ in self._idle.pop(fit, ()):
            self.engine.discard(box, ends_itself=True)

    def _boxes(self) -> int:
        return self._line.busy + (self._opening is not None) + sum(map(len, self._idle.values()))

    def _make_room(self) -> None:
        """A run goes before what stands ready: the idle box of the size that was asked for longest ago gives way."""
        while self._boxes() > self.most and any(self._idle.values()):
            fit = min((f for f, boxes in self._idle.items() if boxes), key=lambda f: self._kinds[f].asked)
            box, _ = self._idle[fit].popleft()
            self.engine.discard(box, ends_itself=True)

    def _next(self) -> Fit | None:
        """The size that lacks a box and may have one now."""
        now = time.monotonic()
        lacking = [fit for fit in self._kinds if self._missing(fit) > 0 and self._kinds[fit].retry <= now]
        if not lacking or self._boxes() >= self.most or not _room():
            return None
        fit = max(lacking, key=lambda one: self._kinds[one].asked)
        since = self._kinds[fit].short or now
        self._kinds[fit].short = since
        return fit if not self._line.busy or now - since > YIELD_S else None

    def _look_after(self) -> None:
        """Let go what is too old, not there any more, or no longer asked for."""
        now = time.monotonic()
        for fit in [f for f, kind in self._kinds.items() if now - kind.asked > self._idle_s]:
            self._forget(fit)
        for boxes in self._idle.values():
            for _ in range(len(boxes)):
                box, since = boxes.popleft()
                if now - since < self._idle_s and box.healthy:
                    boxes.append((box, since))
                else:
                    self.engine.discard(box, ends_itself=True)

    def _fill(self) -> None:
        """The one thread. It ends when nothing is wanted any more; the next wish starts another."""
        looked = reaped = 0.0
        while True:
            with self._news:
                now = time.monotonic()
                if self._closed or not self._kinds:
                    self._filler = None
                    return
                if now - looked > min(LOOK_S, self._idle_s):
                    looked = now
                    self._look_after()
                fit = self._next()
                if fit is None and now - reaped < REAP_S:
                    busy_and_short = self._line.busy and any(k.short for k in self._kinds.values())
                    self._news.wait(0.1 if busy_and_short else min(LOOK_S, self._idle_s))
                    continue
                self._opening = fit
            if fit is None:
                reaped = now
                _quietly(self.engine.reap)
            else:
                self._add(fit)

    def _add(self, fit: Fit) -> None:
        """Open one box of this size and wait until it is ready: it does not count before."""
        box: Box | None = None
        good = False
        try:
            box = self.engine.open(fit, lasts_s=self._idle_s + LONGEST_S)
            good = box.ready(time.monotonic() + READY_S)
        except (SandboxError, Late, BadStream, ValueError, OSError):
            good = False
        with self._news:
            self._opening = None
            kind = self._kinds.get(fit)
            if kind is not None:
                kind.retry = 0.0 if good else time.monotonic() + 10.0
            if good and box is not None and kind is not None and not self._closed:
                self._idle.setdefault(fit, deque()).append((box, time.monotonic()))
                if self._missing(fit) <= 0:
                    kind.short = None
                box = None
            self._news.notify_all()
        if box is not None:
            self.engine.discard(box)

    # --- for those who measure --------------------------------------------------------------------------------------

    def wait_ready(self, image: str, limits: Limits = PLAIN, *, count: int = 1, seconds: float = 60.0) -> bool:
        """Wait until `count` boxes for such runs stand ready. For benchmarks and tests: work never waits for it."""
        fit = Fit.of(Source(image, ()), limits).warmed()
        self.expect(image, limits)
        with self._news:
            return self._news.wait_for(lambda: len(self._idle.get(fit, ())) >= count, seconds)


def _quietly(act: Callable[[], Any]) -> None:
    with contextlib.suppress(SandboxError):  # the engine is away; the next run says so
        act()


def _room() -> bool:
    """Whether this machine has memory to spare. Where that cannot be known, it has."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024 > ROOM
    except (OSError, ValueError):
        return True
    return True
