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
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sandbox import catalog
from sandbox.box import Box, Late
from sandbox.docker_engine import DockerEngine
from sandbox.errors import EngineUnavailable, SandboxError
from sandbox.frames import BadStream
from sandbox.limits import Limits
from sandbox.line import Line, Ticket
from sandbox.opening import LOOK_S, open_unless
from sandbox.outcome import OnOutput, OnWait, Outcome
from sandbox.sealing import FREE_STDIN, Fit
from sandbox.source import Source
from sandbox.stock import Stock
from sandbox.talk import READY_S, Talk

PLAIN = Limits()
LONGEST_S = 300.0  # a run that may take longer has a box of its own: a ready one has its deadline already
IDLE_S = 600.0  # a size that nobody asked for in this time is no longer kept ready
NEARLY_S = 5.0  # how long a run waits for a box that is being made, where that is quicker
FILLED_S = 5.0  # how long the end waits for a box that is just being made
TEND_S = 5.0  # between looks at idle boxes
REAP_S = 60.0


@dataclass(frozen=True)
class Standing:
    """`running` and `waiting` runs; boxes that stand `ready`, by image; how many runs found one, and how many did not."""

    running: int
    waiting: int
    ready: dict[str, int]
    hits: int
    misses: int


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
        self._news = threading.Condition()  # and the lock of all that follows
        self._line = Line(self.places)
        self._stock = Stock(ready, idle_s, self.engine.discard_beside)
        self._filler: threading.Thread | None = None
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
            box = self._take(fit.warmed(), cancelled) if usual else None
            if box is not None:
                outcome, began = self._talk(box, source, limits, stdin, on_output, cancelled)
                if outcome.ended != "lost" or began:
                    return outcome  # else it went before it was given the job, which nobody needs to know
            make = partial(self.engine.open, fit, lasts_s=limits.time_s)
            box = open_unless(cancelled, make, self.engine.discard_beside)
            if box is None:
                return Outcome("cancelled")
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
            idle = self._stock.clear()
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

    def _take(self, fit: Fit, cancelled: threading.Event) -> Box | None:
        """A healthy box of this size, or None. Either way one more of them will be wanted, but for who has gone."""
        with self._news:
            if self._stock.opening == fit and catalog.warm(fit.image).get("start"):
                # It is further on than one begun now would be; of modules to import that would not be so.
                until = time.monotonic() + NEARLY_S
                while self._stock.opening == fit and not self._stock.count(fit) and time.monotonic() < until:
                    if cancelled.is_set():
                        return None
                    self._news.wait(LOOK_S)  # a cancelled Event rings no bell of ours
            box = self._stock.take(fit)
            self._want(fit)
            if box is not None:
                self.hits += 1
                return box
            self.misses += 1
            self._stock.make_room(lambda: self._boxes() > self.most)
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
        return self.engine.talk(talk, stdin), talk.started

    # --- what is kept ready -----------------------------------------------------------------------------------------

    def _want(self, fit: Fit) -> None:
        """Under the lock."""
        self._stock.want(fit)
        if not self._closed and (self._filler is None or not self._filler.is_alive()):
            self._filler = threading.Thread(target=self._fill, name="vibe-pool", daemon=True)
            self._filler.start()
        self._news.notify_all()

    def _boxes(self) -> int:
        return self._line.busy + self._stock.size

    def _fill(self) -> None:
        """The one thread. It ends when nothing is wanted any more; the next wish starts another."""
        looked = reaped = 0.0
        while True:
            with self._news:
                now, stock = time.monotonic(), self._stock
                if self._closed or not stock.kinds:
                    self._filler = None
                    return
                if now - looked > min(TEND_S, stock.idle_s):
                    looked = now
                    stock.look_after()
                fit = stock.next(busy=self._line.busy > 0) if self._boxes() < self.most else None
                if fit is None and now - reaped < REAP_S:
                    self._news.wait(0.1 if self._line.busy and stock.short else min(TEND_S, stock.idle_s))
                    continue
                stock.opening = fit
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
            box = self.engine.open(fit, lasts_s=self._stock.idle_s + LONGEST_S)
            good = box.ready(time.monotonic() + READY_S)
        except (SandboxError, Late, BadStream):
            good = False
        finally:  # whatever it was: what is said to be on its way for ever would be waited for
            with self._news:
                if self._stock.made(fit, good=good) and box is not None and not self._closed:
                    self._stock.put(fit, box)
                    box = None
                self._news.notify_all()
            if box is not None:
                self.engine.discard(box)

    # --- for those who measure --------------------------------------------------------------------------------------

    def standing(self) -> Standing:
        """How the house stands now."""
        with self._news:
            return Standing(self._line.busy, self._line.waiting, self._stock.counts(), self.hits, self.misses)

    def wait_ready(self, image: str, limits: Limits = PLAIN, *, count: int = 1, seconds: float = 60.0) -> bool:
        """Wait until `count` boxes for such runs stand ready. For benchmarks and tests: work never waits for it."""
        fit = Fit.of(Source(image, ()), limits).warmed()
        self.expect(image, limits)
        with self._news:
            return self._news.wait_for(lambda: self._stock.count(fit) >= count, seconds)


def _quietly(act: Callable[[], Any]) -> None:
    with contextlib.suppress(SandboxError):  # the engine is away; the next run says so
        act()
