"""The tail: one for each Job that is watched in this process, shared by all its sockets.

It reads each event once, folds it into the one Timeline, writes each frame once, and keeps the last frames in a ring. A
socket has a cursor: while that lies in the ring it is sent what follows, several frames in one message when it is behind
or when very many watch; otherwise it reads the log. The bell only hurries the tail: without one, the log is asked every
three seconds, for all Jobs in one query.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice, takewhile
from typing import Any

from channels.db import database_sync_to_async

from vibe import metrics
from vibe.live import log
from vibe.live.bell import Rung, bell
from vibe.live.fragments import PLAIN, place
from vibe.live.frames import Frame, Message, folded, framed, in_html, in_json
from vibe.live.timeline import Timeline
from vibe.models import Job
from vibe.models.away import is_away

logger = logging.getLogger(__name__)

RING = 512
RING_BYTES = 256 * 1024  # of one Job: whoever is further behind reads the log
MANY = 100  # sockets of this process: with more of them, deltas travel together in JSON too
FEW, FEW_BYTES = 8, 4096  # events, and characters of each: what is written on the server's own loop
CURSORS = 64  # different places from which the same frames are put together, until the next event
RECHECK_S = 3.0
PLACE_S = 1.9  # a place in the line is as old as this at most
REST_S = 0.5  # while the database is away


class Tail:
    """Lives on the server's loop; only what renders runs in a thread."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.watchers: dict[asyncio.Event, bool] = {}  # what wakes a socket: whether it is told in HTML
        self.timeline = Timeline()
        self.head = 0  # number of the last event that can be told
        # Whether that was the Job's last. Not asked of the timeline: a thread folds the end into it before it can be told,
        # and whoever were sent away in that moment would never hear it.
        self.over = False
        self.known = 0  # number of the last event that we have heard of
        self.frames: deque[Frame] = deque()
        self.pumping: asyncio.Task[None] | None = None
        self._size = 0
        self._rung: list[Rung] = []
        self._rung_size = 0
        self._news = asyncio.Event()
        self._half_told = (
            False  # the database went while frames were written: the timeline is to be folded anew
        )
        self._told: dict[tuple[int, bool], list[Message]] = {}
        self._place: asyncio.Task[str] | None = None
        self._placed = 0.0  # seconds of time.monotonic(): when it was asked for last

    # --- what comes -------------------------------------------------------------------------------------------------

    def ring(self, record: Rung) -> None:
        """An event was announced: perhaps again, perhaps not in its turn."""
        if record.seq > self.head:
            self._rung.append(record)
            self._rung_size += len(record.payload)
        if self._rung_size > RING_BYTES:  # faster than we can tell it: it lies in the log
            self._rung, self._rung_size = [], 0
        self.hear(record.seq)

    def hear(self, seq: int) -> None:
        """There are events up to this number."""
        if seq > self.known:
            self.known = seq
            self._news.set()

    async def begin(self, after: int) -> None:
        """Fold what there is up to number `after`, the cursor of whoever came first; the rest is told in its turn."""
        self.frames.clear()  # of a try before that met a database which went away
        self._told.clear()
        self._size = 0
        self.timeline = await _folded(self.job.pk, after)
        self.head = self.known = self.timeline.seq
        self.over = self.timeline.is_over
        await self._catch_up()
        self.pumping = asyncio.create_task(self._pump())

    async def _catch_up(self) -> None:
        while found := await _history(self.job.pk, self.head):
            await self._take(found)

    async def _pump(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            rung, self._rung, self._rung_size = self._rung, [], 0
            try:
                if self._half_told:
                    self.timeline = await _folded(self.job.pk, self.head)
                    self._half_told = False
                await self._take(self._in_turn(rung))
                if self.head < self.known:  # a gap: the bell was late, or lost one
                    metrics.bells_lost.labels("gap").inc()
                    await self._catch_up()
                    self.known = self.head
            except Exception as problem:
                if not is_away(problem):
                    logger.exception("events of job %s cannot be told", self.job.pk)
                await asyncio.sleep(REST_S)
                self._news.set()

    def _in_turn(self, rung: Iterable[Rung]) -> list[Rung]:
        """Those that follow our head without a gap."""
        found: list[Rung] = []
        following = self.head + 1
        for record in sorted(rung, key=lambda one: one.seq):
            if record.seq == following:
                found.append(record)
                following += 1
        return found

    async def _take(self, records: Sequence[Any]) -> None:
        plain = list(islice(takewhile(_is_plain, records), FEW))
        if plain:  # what is said does not wait for what it takes rows to tell
            self._tell(plain, framed(self.timeline, plain, self.job if any(self.watchers.values()) else None))
            records = records[len(plain) :]
        if not records:
            return
        self._half_told = True
        if any(self.watchers.values()):
            frames = await _framed(self.timeline, records, self.job)
        else:
            frames = framed(self.timeline, records, None)
        self._half_told = False
        self._tell(records, frames)

    def _tell(self, records: Sequence[Any], frames: Iterable[Frame]) -> None:
        """Keep these, and wake who waits for them."""
        for frame in frames:
            self.frames.append(frame)
            self._size += frame.size
        self.head, self.over = records[-1].seq, self.timeline.is_over
        self.known = max(self.known, self.head)
        while len(self.frames) > RING or (self._size > RING_BYTES and len(self.frames) > 1):
            self._size -= self.frames.popleft().size
        self._told.clear()
        for wake in self.watchers:
            wake.set()

    # --- what is told -----------------------------------------------------------------------------------------------

    def after(self, seq: int, *, as_json: bool) -> list[Message] | None:
        """What follows `seq`, in as few messages as may be; None when only the log knows. Made once for all who ask."""
        if seq >= self.head:
            return []
        if not self.frames or self.frames[0].record.seq > seq + 1:
            return None
        key = seq, as_json
        if key not in self._told:
            new = takewhile(lambda frame: frame.record.seq > seq, reversed(self.frames))
            frames = list(new)[::-1]  # most who ask want the last alone
            if not as_json and any(frame.html is None for frame in frames):
                return None
            if len(self._told) >= CURSORS:
                self._told.clear()
            self._told[key] = in_json(frames, merged=hub.sockets > MANY) if as_json else in_html(frames)
        return self._told[key]

    async def place(self) -> str:
        """The Job's place in the line, looked up once in PLACE_S for all who ask. Raises what the database raises."""
        if self._place is None or time.monotonic() - self._placed >= PLACE_S:
            self._placed = time.monotonic()
            self._place = asyncio.create_task(_place(self.job))
        return await asyncio.shield(self._place)


def _is_plain(record: Any) -> bool:
    """Whether it is written here and now: a thread for a few words costs more time than the words."""
    return record.type in PLAIN and len(record.payload) <= FEW_BYTES


_framed = database_sync_to_async(framed)
_folded = database_sync_to_async(folded)
_place = database_sync_to_async(place)
_history = database_sync_to_async(log.history)
_heads = database_sync_to_async(log.heads)


class Hub:
    """All tails of this process; lives on the server's loop."""

    def __init__(self) -> None:
        self.tails: dict[int, Tail] = {}
        self.sockets = 0
        self._beginning: dict[int, asyncio.Task[Tail]] = {}
        self._checking: asyncio.Task[None] | None = None

    async def join(self, job: Job, wake: asyncio.Event, *, after: int, as_json: bool) -> Tail:
        """The tail of a Job, which knows all that was stored before. `leave` it, whatever happens."""
        loop = asyncio.get_running_loop()
        bell.listen(loop, self.post)
        tail = self.tails.get(job.pk)
        if tail is None:
            tail = self.tails[job.pk] = Tail(job)
            self._beginning[job.pk] = loop.create_task(self._begin(tail, after))
        tail.watchers[wake] = not as_json
        self.sockets += 1
        if self._checking is None or self._checking.done() or self._checking.get_loop() is not loop:
            self._checking = loop.create_task(self._recheck())
        if beginning := self._beginning.get(job.pk):
            await asyncio.shield(beginning)
        return tail

    async def _begin(self, tail: Tail, after: int) -> None:
        """Subscribed is confirmed before the first look, or the last event could be missed."""
        try:
            await bell.follow(tail.job.pk)
            while tail.pumping is None:
                try:
                    await tail.begin(after)
                except Exception as problem:
                    if not is_away(problem):
                        raise
                    await asyncio.sleep(REST_S)
        finally:
            if self.tails.get(tail.job.pk) is tail:
                self._beginning.pop(tail.job.pk, None)

    def leave(self, job_id: int, wake: asyncio.Event) -> None:
        tail = self.tails.get(job_id)
        if tail is None or wake not in tail.watchers:
            return
        del tail.watchers[wake]
        self.sockets -= 1
        if not tail.watchers:
            del self.tails[job_id]
            bell.unfollow(job_id)
            for task in (self._beginning.pop(job_id, None), tail.pumping):
                if task:
                    task.cancel()

    def post(self, records: Sequence[Rung]) -> None:
        for record in records:
            if tail := self.tails.get(record.job):
                tail.ring(record)

    async def _recheck(self) -> None:
        """What no bell told of. Ends when nobody watches."""
        while self.tails:
            await asyncio.sleep(RECHECK_S)
            try:
                for job_id, seq in (await _heads(list(self.tails))).items():
                    if tail := self.tails.get(job_id):
                        tail.hear(seq)
            except Exception as problem:
                if not is_away(problem):
                    logger.exception("the log could not be asked")


hub = Hub()
