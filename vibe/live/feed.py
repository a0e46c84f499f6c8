"""The feed: the numbered log of what the browser is told. One writer thread a process (DESIGN §6).

Events of all Jobs are merged every 40 ms and written in one transaction; rows of a Job go in only while its lease
stands. A batch that fails is tried again Job by Job, so that one poisoned Job never stops the others.
"""

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import DatabaseError, IntegrityError, close_old_connections, connections, transaction
from django.db.models import Max
from django.utils import timezone

from vibe import events
from vibe.live.bell import Rung, bell
from vibe.models import EventRecord, Job

logger = logging.getLogger(__name__)

TICK_S = 0.04
TRIES = 8


@dataclass
class _Stream:
    """One Job that this process writes for. `next` is its next number, known since the lease was taken."""

    owner: str
    next: int
    on_lost: Callable[[], None]
    waiting: list[events.Event] = field(default_factory=list)
    lost: bool = False


class Feed:
    """Called from many threads; the writer thread starts at the first event."""

    def __init__(self, tick_s: float = TICK_S) -> None:
        self._tick_s = tick_s
        self._streams: dict[int, _Stream] = {}
        self._lock = threading.Lock()
        self._work = threading.Event()
        self._written = threading.Condition(self._lock)
        self._writing: set[int] = set()
        self._thread: threading.Thread | None = None
        self._ending = False

    def open(self, job_id: int, owner: str, on_lost: Callable[[], None] = lambda: None) -> None:
        """Begin to write for a Job that `owner` holds. `on_lost` is called when it no longer does."""
        last = EventRecord.objects.filter(job_id=job_id).aggregate(last=Max("seq"))["last"] or 0
        with self._lock:
            self._streams[job_id] = _Stream(owner, last + 1, on_lost)

    def append(self, job_id: int, event: events.Event) -> None:
        """Queue one event; a delta that continues the one before it becomes one row with it."""
        with self._lock:
            stream = self._streams.get(job_id)
            if stream is None or stream.lost:
                return
            merged = events.merge(stream.waiting[-1], event) if stream.waiting else None
            if merged is not None:
                stream.waiting[-1] = merged
            else:
                stream.waiting.append(event)
            if self._thread is None or not self._thread.is_alive():
                self._ending = False
                self._thread = threading.Thread(target=self._run, name="vibe-feed", daemon=True)
                self._thread.start()
        self._work.set()

    def flush(self, job_id: int, seconds: float = 10.0) -> None:
        """Return when everything queued for this Job is stored (or its lease is lost)."""
        until = time.monotonic() + seconds
        with self._written:
            while (stream := self._streams.get(job_id)) and (stream.waiting or job_id in self._writing):
                if stream.lost or not self._written.wait(max(0.0, until - time.monotonic())):
                    return

    def close(self, job_id: int) -> None:
        self.flush(job_id)
        with self._lock:
            self._streams.pop(job_id, None)

    def stop(self) -> None:
        """Write what is queued and end the thread."""
        self._ending = True
        self._work.set()
        if self._thread:
            self._thread.join(5)

    # --- the writer ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        last = 0.0
        while True:
            self._work.wait(1.0)
            pause = last + self._tick_s - time.monotonic()
            if pause > 0 and not self._ending:  # the first of a burst goes at once, the rest once a tick
                time.sleep(pause)
            last = time.monotonic()
            self._work.clear()
            with self._lock:
                batch = {pk: s.waiting for pk, s in self._streams.items() if s.waiting and not s.lost}
                for pk in batch:
                    self._streams[pk].waiting = []
                self._writing = set(batch)
            if batch:
                self._store(batch)
                with self._written:
                    self._writing = set()
                    self._written.notify_all()
            elif self._ending:
                connections.close_all()
                return

    def _store(self, batch: dict[int, list[events.Event]]) -> None:
        close_old_connections()
        try:
            with transaction.atomic():
                rung = [r for pk, queued in batch.items() for r in self._insert(pk, queued)]
        except (DatabaseError, ValueError, TypeError):
            rung = [r for pk, queued in batch.items() for r in self._store_alone(pk, queued)]
        for record in rung:
            if stream := self._streams.get(record.job):
                stream.next = max(stream.next, record.seq + 1)
        bell.ring(rung)

    def _store_alone(self, pk: int, queued: list[events.Event]) -> list[Rung]:
        """One Job on its own, patiently: a locked database passes, a poisoned event does not."""
        for attempt in range(TRIES):
            try:
                with transaction.atomic():
                    return self._insert(pk, queued)
            except IntegrityError:
                break  # another worker has written these numbers: the lease is lost
            except DatabaseError:
                time.sleep(min(2.0, 0.1 * 2**attempt))
                close_old_connections()
            except (ValueError, TypeError):
                logger.exception("job %s has an event that cannot be stored", pk)
                break
        self._lose(pk)
        return []

    def _insert(self, pk: int, queued: list[events.Event]) -> list[Rung]:
        stream = self._streams.get(pk)
        if stream is None:
            return []
        if not Job.objects.filter(pk=pk, lease_owner=stream.owner).exists():
            self._lose(pk)
            return []
        now = timezone.now()
        rows = [
            EventRecord(job_id=pk, seq=stream.next + at, type=event.type, payload=_text(event), at=now)
            for at, event in enumerate(queued)
        ]
        EventRecord.objects.bulk_create(rows)
        return [Rung(pk, row.seq, row.type, row.payload, now.isoformat()) for row in rows]

    def _lose(self, pk: int) -> None:
        stream = self._streams.get(pk)
        if stream and not stream.lost:
            stream.lost = True
            stream.waiting = []
            logger.warning("job %s is no longer ours: what it says is not written", pk)
            stream.on_lost()


def _text(event: events.Event) -> str:
    """The JSON of an event; NUL, which PostgreSQL refuses, becomes the replacement character."""
    return events.encode(event).replace("\\u0000", "\\ufffd")


def history(job_id: int, after: int = 0, limit: int = 500) -> list[EventRecord]:
    """Stored events with a number above `after`, oldest first."""
    return list(EventRecord.objects.filter(job_id=job_id, seq__gt=after).order_by("seq")[:limit])


def whole(job_id: int) -> list[EventRecord]:
    return list(EventRecord.objects.filter(job_id=job_id).order_by("seq"))


def publish_now(job_id: int, event: events.Event) -> None:
    """Store and announce one event of a Job that nobody holds (it waits, or it was stopped in the line)."""
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                last = EventRecord.objects.filter(job_id=job_id).aggregate(last=Max("seq"))["last"] or 0
                row = EventRecord.objects.create(
                    job_id=job_id, seq=last + 1, type=event.type, payload=_text(event)
                )
        except IntegrityError:
            continue  # somebody else took the number
        bell.ring([Rung(job_id, row.seq, row.type, row.payload, row.at.isoformat())])
        return
    logger.error("event %s of job %s found no number", event.type, job_id)


def as_json(record: "EventRecord | Rung") -> str:
    """One frame of the JSON format: {"job", "seq", "type", "at", …payload}."""
    pk = record.job if isinstance(record, Rung) else record.job_id
    at = record.at if isinstance(record.at, str) else record.at.isoformat()
    head = {"job": pk, "seq": record.seq, "type": record.type, "at": at}
    return json.dumps({**head, **json.loads(record.payload)}, ensure_ascii=False)


_feed = Feed()
open_ = _feed.open
append = _feed.append
flush = _feed.flush
close = _feed.close
stop = _feed.stop
