"""The feed: the numbered log of what the browser is told. One writer thread a process (DESIGN §6).

Events of all Jobs are merged every 20 ms, seldomer where writing takes long, and written in one transaction; rows of a
Job go in only while its lease stands. A batch that fails is tried again Job by Job, so that one poisoned Job never stops
the others; while the database is away (vibe/models/away.py) what is said waits here, in order.
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from django.db import IntegrityError, close_old_connections, connections, transaction
from django.db.models import Max
from django.utils import timezone

from vibe import events, metrics
from vibe.live.bell import Rung, bell
from vibe.live.lines import Line
from vibe.live.log import as_json, history, whole
from vibe.models import EventRecord, Job
from vibe.models.away import is_away

__all__ = ["Feed", "Line", "as_json", "history", "open_", "publish_now", "stop", "whole"]

logger = logging.getLogger(__name__)

TICK_S = 0.02
SHARE = 0.5  # of its time the writer writes at the most: what is said meanwhile travels together
LONGEST_S = 0.25  # a write that took longer was held up, which says nothing of the next
TRIES = 8
REST_S = (0.1, 1.0)  # while the database is away: the first pause, the longest
ROW = (
    32 * 1024
)  # characters: a delta that grew so long is a row of its own, so that no reader has to hold much at once


class Feed:
    """Called from many threads; the writer thread starts at the first event."""

    def __init__(self, tick_s: float = TICK_S) -> None:
        self._tick_s = tick_s
        self._lines: set[Line] = set()
        self._lock = threading.Lock()
        self._work = threading.Event()
        self._written = threading.Condition(self._lock)
        self._writing: set[Line] = set()
        self._thread: threading.Thread | None = None
        self._ending = False

    def open(
        self,
        job_id: int,
        owner: str,
        on_lost: Callable[[], None] = lambda: None,
        on_broken: Callable[[], None] = lambda: None,
    ) -> Line:
        """Begin to write for a Job that `owner` (one claim of one worker) holds.

        `on_lost` is called when it no longer does, `on_broken` when an event of it cannot be stored at all.
        """
        last = EventRecord.objects.filter(job_id=job_id).aggregate(last=Max("seq"))["last"] or 0
        line = Line(self, job_id, owner, last, on_lost, on_broken)
        with self._lock:
            self._lines.add(line)
        return line

    def append(self, line: Line, event: events.Event) -> None:
        with self._lock:
            if line not in self._lines or line.lost:
                return
            last = line.waiting[-1] if len(line.waiting) > line.tried else None
            merged = events.merge(last, event) if last and not _is_long(last) else None
            if merged is not None:
                line.waiting[-1] = merged
                metrics.events_merged.inc()
            else:
                line.waiting.append(event)
            if self._thread is None or not self._thread.is_alive():
                self._ending = False
                self._thread = threading.Thread(target=self._run, name="vibe-feed", daemon=True)
                self._thread.start()
        self._work.set()

    def flush(self, line: Line, seconds: float | None = None) -> bool:
        until = None if seconds is None else time.monotonic() + seconds
        with self._written:
            while line in self._lines and (line.waiting or line in self._writing):
                left = 1.0 if until is None else min(1.0, until - time.monotonic())
                if line.lost or left <= 0:
                    return False
                self._written.wait(left)
        return not line.lost

    def close(self, line: Line) -> None:
        self.flush(line)
        with self._lock:
            self._lines.discard(line)

    def stop(self) -> None:
        """Write what is queued and end the thread."""
        self._ending = True
        self._work.set()
        if self._thread:
            self._thread.join(5)

    # --- the writer ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        last = away = took = 0.0
        while True:
            self._work.wait(1.0)
            pause = last + max(self._tick_s, took / SHARE) - time.monotonic()
            if pause > 0 and not self._ending:  # the first of a burst goes at once, the rest once a tick
                time.sleep(pause)
            last = time.monotonic()
            self._work.clear()
            with self._lock:
                due = (one for one in self._lines if one.waiting and not one.lost and one.not_before <= last)
                batch = {line: line.waiting for line in due}
                for line in batch:
                    line.waiting, line.tried = [], 0
                self._writing = set(batch)
            if batch:
                unstored = self._store(batch)
                took = min(time.monotonic() - last, LONGEST_S)
                with self._written:
                    for line, queued in unstored.items():
                        line.waiting, line.tried = queued + line.waiting, len(queued)
                    self._writing = set()
                    self._written.notify_all()
                away = min(REST_S[1], 2 * away or REST_S[0]) if len(unstored) == len(batch) else 0.0
                if away and self._ending:
                    return
                time.sleep(away)
                if unstored:
                    self._work.set()
            elif self._ending:
                connections.close_all()
                return

    def _store(self, batch: dict[Line, list[events.Event]]) -> dict[Line, list[events.Event]]:
        """Write all of it and ring. What could not be written now and may be later."""
        unstored: dict[Line, list[events.Event]] = {}
        try:
            close_old_connections()
            with metrics.log_seconds.time(), transaction.atomic():
                rung = self._insert(batch)
        except Exception as problem:  # whatever it was: each Job is tried alone, and the writer lives on
            logger.warning("%s jobs could not be stored together: %s", len(batch), str(problem).strip())
            metrics.log_retries.inc()
            rung, unstored = self._store_each(batch)
        last = {record.job: record.seq for record in rung}
        for line in batch:
            line.next = max(line.next, last.get(line.job_id, 0) + 1)
        metrics.events_written.inc(len(rung))
        try:
            bell.ring(rung)
        except Exception:  # it only hurries: what is stored is found without it, and the writer lives on
            logger.exception("the bell could not be rung")
        return unstored

    def _store_each(
        self, batch: dict[Line, list[events.Event]]
    ) -> tuple[list[Rung], dict[Line, list[events.Event]]]:
        """Every Job on its own, those that never failed first. (what was stored, what waits for the database)"""
        rung: list[Rung] = []
        unstored: dict[Line, list[events.Event]] = {}
        in_a_row = 0
        for line, queued in sorted(batch.items(), key=lambda one: one[0].failed):
            if in_a_row == 2:  # the database is away for all: not each of them has to find it out
                unstored[line] = queued
                continue
            try:
                stored = self._store_alone(line, queued)
                rung += stored
                in_a_row = line.failed = 0
                if not line.lost and len(stored) < len(queued):
                    unstored[line] = queued[len(stored) :]  # said since; it has the next numbers
            except Exception as problem:
                if is_away(problem) and line.failed < TRIES:
                    in_a_row += 1
                    unstored[line] = queued
                    continue
                logger.exception("job %s has an event that cannot be stored", line.job_id)
                self._lose(line, broken=True)
        if rung:  # the database took what others said
            for line in unstored:
                line.failed += 1
                line.not_before = time.monotonic() + min(REST_S[1], REST_S[0] * 2**line.failed)
        return rung, unstored

    def _store_alone(self, line: Line, queued: list[events.Event]) -> list[Rung]:
        try:
            close_old_connections()
            with transaction.atomic():
                return self._insert({line: queued})
        except IntegrityError:
            if stored := _stored(line, queued):
                return stored
            self._lose(line)  # another worker has written these numbers
            return []

    def _insert(self, batch: dict[Line, list[events.Event]]) -> list[Rung]:
        """All of it in two statements, however many Jobs speak: each of its own costs more than what it says."""
        # The rows stay locked until the events are in: nobody can claim a Job and read its last number in between.
        asked = Job.objects.select_for_update().filter(pk__in=[line.job_id for line in batch])
        owners = dict(asked.order_by("pk").values_list("pk", "lease_owner"))  # in the order of jobs.beat
        now = timezone.now()
        rows: list[EventRecord] = []
        for line, queued in batch.items():
            if line.lost:
                continue
            if owners.get(line.job_id) != line.owner:
                self._lose(line)
                continue
            rows += [
                EventRecord(
                    job_id=line.job_id, seq=line.next + at, type=event.type, payload=_text(event), at=now
                )
                for at, event in enumerate(queued)
            ]
        EventRecord.objects.bulk_create(rows)
        return [Rung(row.job_id, row.seq, row.type, row.payload, now.isoformat()) for row in rows]

    def _lose(self, line: Line, *, broken: bool = False) -> None:
        if line.lost:
            return
        line.lost = True
        line.waiting = []
        if broken:
            line.on_broken()
            return
        logger.warning("job %s is no longer ours: what it says is not written", line.job_id)
        line.on_lost()


def _is_long(event: events.Event) -> bool:
    return bool(event.grows) and len(getattr(event, event.grows)) > ROW


def _stored(line: Line, queued: list[events.Event]) -> list[Rung]:
    """The first of these events, as they stand in the log already: the word that they were stored was lost on its way,
    and more was said before the database was back. [] where what stands there is not ours."""
    rows = history(line.job_id, line.next - 1, len(queued))
    said = [(line.next + at, event.type, _text(event)) for at, event in enumerate(queued)]
    if [(row.seq, row.type, row.payload) for row in rows] != said[: len(rows)]:
        return []
    return [Rung(line.job_id, row.seq, row.type, row.payload, row.at.isoformat()) for row in rows]


def _text(event: events.Event) -> str:
    """The JSON of an event. NUL, which PostgreSQL refuses, becomes the replacement character, half an emoji a "?"."""
    return events.encode(event).replace("\\u0000", "\\ufffd").encode("utf-8", "replace").decode()


def publish_now(job_id: int, event: events.Event) -> None:
    """Store one event of a Job that nobody holds (it waits, or it was stopped in the line), and announce it.

    Inside a transaction that moves the Job it is stored with the move, and announced when both are there.
    """
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                last = EventRecord.objects.filter(job_id=job_id).aggregate(last=Max("seq"))["last"] or 0
                row = EventRecord.objects.create(
                    job_id=job_id, seq=last + 1, type=event.type, payload=_text(event)
                )
        except IntegrityError:
            continue  # somebody else took the number
        rung = Rung(job_id, row.seq, row.type, row.payload, row.at.isoformat())
        transaction.on_commit(partial(bell.ring, [rung]))
        return
    logger.error("event %s of job %s found no number", event.type, job_id)


_feed = Feed()
open_ = _feed.open
stop = _feed.stop
