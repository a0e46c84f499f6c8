"""The shelf: its cards by page and by word, and programs of which nothing came yet, thrown away and brought back like cards."""

from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from vibe import jobs
from vibe.models import Card, Job, Maker, Program
from vibe.models.card import BIN

MOST = 60  # of one list; the oldest come up when others go
PAGE = 60  # cards of one page


def mentioning(rows: QuerySet[Card], words: str) -> list[str] | QuerySet[Any]:
    """Keys of those in whose title or request each of these words stands, in capitals or not; in the order of `rows`."""
    wanted = words.lower().split()
    if not wanted:
        return rows.values_list("pk", flat=True)
    # Not by the database: SQLite knows the small letters of ASCII alone.
    said = rows.values_list("pk", "title", "asked").iterator()
    return [pk for pk, title, asked in said if all(word in f"{title} {asked}".lower() for word in wanted)]


def unfinished(maker: Maker) -> QuerySet[Program]:
    """The maker's programs without a version, newest first. `is_busy`: one is being made, or waits for an answer."""
    making = Job.objects.filter(program=OuterRef("pk"), state__in=jobs.HELD)
    begun = Job.objects.filter(program=OuterRef("pk"))
    rows = Program.objects.filter(Exists(begun), maker=maker, current=None, thrown=None)
    return rows.annotate(is_busy=Exists(making)).order_by("-created")[:MOST]


def thrown(maker: Maker) -> QuerySet[Program]:
    """The programs in this maker's bin, the last thrown first."""
    since = timezone.now() - BIN
    return Program.objects.filter(maker=maker, current=None, thrown__gt=since).order_by("-thrown")[:MOST]


def throw(program: Program) -> bool:
    """Into the bin for 24 hours. False for one that is being made, and for one that has a version: its card is thrown."""
    with transaction.atomic():  # who begins something with it holds the row, too (jobs.change)
        row = Program.objects.select_for_update().get(pk=program.pk)
        if jobs.busy(row) or row.versions.exists():
            return False
        row.thrown = timezone.now()
        row.save(update_fields=["thrown"])
    return True


def bring_back(program: Program) -> bool:
    """Out of the bin. False when the 24 hours are over."""
    still = Program.objects.filter(pk=program.pk, thrown__gt=timezone.now() - BIN)
    return still.update(thrown=None) == 1
