"""Housekeeping: what nobody can reach any more is deleted, and nothing else.

Each chore may run at any time, twice at once, and again after it was cut short: rows go first, and a file without a
row goes a day later. `Keeper.turn` does what is due; `manage.py housekeep` and the task `vibe.housekeep` do it all.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.contrib.sessions.models import Session
from django.db import IntegrityError, OperationalError, close_old_connections, connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from vibe import allowance, events, jobs, keepsakes, limits, models_in_use, stored
from vibe.choices import JobState
from vibe.live import feed
from vibe.models import (
    Card,
    Charge,
    EventRecord,
    Film,
    Job,
    Maker,
    MakerAllowance,
    Program,
    Run,
    RunFile,
    Upload,
)
from vibe.models.card import BIN

logger = logging.getLogger(__name__)

GRACE = timedelta(days=30)  # after the last card of a program faded or was taken down, and after its last use
UNFINISHED = timedelta(days=90)  # words of which nothing was made
LOOSE = timedelta(hours=24)  # an upload is written before its row is: what is younger may still get one
LONG_OVER = timedelta(days=7)  # no page of such a Job is still in the middle of its events
BATCH = 200  # rows of one turn: the database is everybody's
FREE_BYTES, FREE_SHARE = 32 << 20, 0.25  # a database file with so much air is written anew


# --- programs ---------------------------------------------------------------------------------------------------


def toss_programs() -> int:
    """Delete programs, with all that belongs to them, which no card shows any more and nobody works on. How many.

    A program goes 24 hours after it or its card was thrown away (the bin), 30 days after its last card faded or was taken
    down, 90 days after it came to nothing; each time counted from its last use, if that was later.
    """
    now, gone = timezone.now(), 0
    ended = Q(expires__lt=now) | Q(thrown__isnull=False) | Q(revoked__isnull=False)
    shown = Card.objects.filter(program=OuterRef("pk")).exclude(ended)
    made = Job.objects.filter(program=OuterRef("pk"), state__in=jobs.HELD)
    old = Program.objects.filter(~Exists(shown), ~Exists(made), created__lt=now - BIN)
    for program in old.order_by("created").only("pk", "created", "thrown").iterator():
        if _needed_until(program) < now:
            gone += _delete(program)
        if gone >= BATCH:
            break
    return gone


def _needed_until(program: Program) -> datetime:
    cards = list(program.cards.all())
    times = [program.created, program.thrown, *[card.thrown or card.revoked or card.expires for card in cards]]
    for created, ended in program.jobs.values_list("created", "ended"):
        times += [created, ended]
    times += program.versions.values_list("created", flat=True)
    runs = jobs.runs_of(program).values_list("expires", flat=True)  # a visitor's result is theirs for its day
    made = bool(cards) or program.versions.exists()
    if all(card.thrown for card in cards) if cards else program.thrown and not made:
        grace = BIN
    else:
        grace = GRACE if made else UNFINISHED
    return max([max(at for at in times if at) + grace, *runs])


def _delete(program: Program) -> bool:
    """False when somebody began to work on it in this moment, or was quicker to delete it."""
    try:
        with transaction.atomic():
            if not Program.objects.select_for_update().filter(pk=program.pk).exists() or jobs.busy(program):
                return False
            runs = jobs.runs_of(program)
            paths = [row.path for row in program.uploads.all()]
            paths += [row.path for row in RunFile.objects.filter(run__in=runs)]
            Job.objects.filter(run__in=runs).delete()
            program.delete()
    except IntegrityError:
        return False
    for path in paths:
        path.unlink(missing_ok=True)
    return True


# --- files ------------------------------------------------------------------------------------------------------


def sweep_files() -> int:
    """Delete files of ours that no row names any more. How many."""
    gone = 0
    for folder, rows in (("uploads", Upload.objects), ("runs", RunFile.objects)):
        for names in _old_names(jobs.folder(folder)):
            known = set(rows.filter(key__in=names).values_list("key", flat=True))
            gone += _unlink(jobs.folder(folder), [name for name in names if name not in known])
    for kind in keepsakes.KINDS:
        for names in _old_names(kind.place):
            numbers = keepsakes.jobs_of(names)
            making = set(
                Job.objects.filter(pk__in=numbers.values(), state__in=jobs.HELD).values_list("pk", flat=True)
            )
            gone += _unlink(kind.place, [name for name, number in numbers.items() if number not in making])
    return gone


def _old_names(folder: Path) -> Iterator[list[str]]:
    """The names of plain files that are older than a day, some hundred at a time."""
    before, names = time.time() - LOOSE.total_seconds(), list[str]()
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                old = (
                    entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < before
                )
            except FileNotFoundError:
                continue
            names += [entry.name] if old else []
            if len(names) >= BATCH:
                yield names
                names = []
    yield names


def _unlink(folder: Path, names: list[str]) -> int:
    for name in names:
        (folder / name).unlink(missing_ok=True)
    return len(names)


# --- rows -------------------------------------------------------------------------------------------------------


def forget_loose_films() -> int:
    """Films of tries that became nothing, of Jobs that ended without saying so (their worker was lost). How many."""
    over = Q(job__ended__lt=timezone.now() - LOOSE) & ~Q(job__state__in=jobs.HELD)
    loose = Film.objects.filter(over, version=None).values_list("pk", flat=True)[:BATCH]
    return Film.objects.filter(pk__in=list(loose)).delete()[0]


def compact_events() -> int:
    """Merge the deltas of Jobs that are long over: thousands of rows become a few, and a page of them reads the same.
    How many rows went."""
    over = Job.objects.filter(compacted=False, ended__lt=timezone.now() - LONG_OVER).exclude(
        state__in=jobs.HELD
    )
    return sum(_compact(pk) for pk in list(over.order_by("pk").values_list("pk", flat=True)[:BATCH]))


def _compact(job_id: int) -> int:
    gone: list[int] = []
    with transaction.atomic():
        if not Job.objects.filter(pk=job_id, compacted=False).update(compacted=True):
            return 0  # somebody else does it
        last: EventRecord | None = None
        said: events.Event | None = None
        grown: dict[int, EventRecord] = {}
        for record in feed.whole(job_id):
            event = events.decode(record.type, record.payload) if record.type in events.TYPES else None
            both = events.merge(said, event) if said and event else None
            if both and last:  # the later number stays: a cursor after it has seen both
                gone.append(last.pk)
                grown.pop(last.pk, None)
                record.payload = events.encode(both)
                grown[record.pk] = record
            last, said = record, both or event
        EventRecord.objects.bulk_update(grown.values(), ["payload"], batch_size=100)
        for at in range(0, len(gone), 500):
            EventRecord.objects.filter(pk__in=gone[at : at + 500]).delete()
    return len(gone)


def forget_sessions() -> int:
    """Sessions whose time is over. How many."""
    return Session.objects.filter(expire_date__lt=timezone.now()).delete()[0]


def forget_makers() -> int:
    """Makers of whom nothing is left and whom nobody said anything about, after 90 days. How many.

    Who comes back with the cookie of one gets another with the next thing that is made.
    """
    left = [Program, Card, Job, Run, Charge, MakerAllowance]
    nothing = [
        ~Exists(rows.objects.filter(**{"visitor" if rows is Run else "maker": OuterRef("pk")})) for rows in left
    ]
    old = Maker.objects.filter(*nothing, user=None, created__lt=timezone.now() - UNFINISHED)
    gone = 0
    for pk in list(old.values_list("pk", flat=True)[:BATCH]):
        with (
            transaction.atomic()
        ):  # what began for this maker meanwhile is seen by the second look, or waits for it
            if Maker.objects.select_for_update().filter(pk=pk).exists() and old.filter(pk=pk).exists():
                gone += Maker.objects.filter(pk=pk).delete()[1].get("vibe.Maker", 0)
    return gone


def checkpoint() -> int:
    """Carry what SQLite wrote beside its file into it. Pages carried.

    Else whoever writes the page that makes it too many waits for the disk: a quarter of a second, every few seconds when
    fifty Jobs speak. Here it is nobody's wait: writers and readers go on meanwhile.
    """
    if connection.vendor != "sqlite":
        return 0
    try:
        with connection.cursor() as cursor:
            return max(0, cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[2])
    except OperationalError:  # no room on the disk: it comes again in two seconds, and those who write say so
        return 0


def vacuum() -> int:
    """Give back the air in an SQLite file while nothing is being made. Bytes given back (PostgreSQL looks after itself)."""
    making = Job.objects.filter(state__in=(JobState.QUEUED, JobState.RUNNING))
    if connection.vendor != "sqlite" or making.exists():
        return 0
    with connection.cursor() as cursor:
        free, pages, size = (
            cursor.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("freelist_count", "page_count", "page_size")
        )
        if free * size < FREE_BYTES or free < FREE_SHARE * pages:
            return 0
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return int(free * size)


# --- when -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chore:
    name: str
    every_s: float
    do: Callable[[], int]


CHORES = (
    Chore("runs past their day", 60, jobs.forget_old_runs),
    Chore("what was written last", 1, checkpoint),
    Chore("held money of ended calls", 30, allowance.release_stale),
    Chore("programs that no card shows", 3600, toss_programs),
    Chore("files without a row", 3600, sweep_files),
    Chore("films of tries", 3600, forget_loose_films),
    Chore("merged events", 600, compact_events),
    Chore("bytes that are kept", 300, stored.measure),
    Chore("counters of past days", 3600, limits.forget),
    Chore("sessions", 24 * 3600, forget_sessions),
    Chore("makers of whom nothing is left", 3600, forget_makers),
    Chore("dates when models end", 24 * 3600, models_in_use.read_dates),
    Chore("bytes of the database", 24 * 3600, vacuum),
)


@dataclass
class Keeper:
    """Remembers when each chore was done last in this process. The first turn does them all."""

    chores: tuple[Chore, ...] = CHORES
    clock: Callable[[], float] = time.monotonic
    done: dict[str, float] = field(default_factory=dict)

    def turn(self) -> dict[str, int]:
        """{chore: what came of it} of those that were due. One that fails is logged, and the others are done."""
        came: dict[str, int] = {}
        for chore in self.chores:
            now = self.clock()
            if now - self.done.get(chore.name, float("-inf")) < chore.every_s:
                continue
            self.done[chore.name] = now
            close_old_connections()
            try:
                came[chore.name] = chore.do()
            except Exception:  # a locked database or a full disk must not end the housekeeping
                logger.exception("housekeeping: %s failed, trying again later", chore.name)
        return came


def keep_house() -> dict[str, int]:
    """Every chore once."""
    return Keeper().turn()
