"""The line of queued Jobs: who comes next, and how many before whom.

What somebody waits for at this moment goes before what runs in the background ("Keep going until it works", which may
take an hour), until that has waited a minute itself. Then comes the maker with the fewest Jobs at work, then the oldest.
"""

import heapq
from collections import Counter, defaultdict
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.db.models import BooleanField, Case, Min, Q, QuerySet, Value, When
from django.utils import timezone

from vibe.choices import Autonomy, JobKind, JobState
from vibe.models import Job

PATIENCE = timedelta(seconds=60)
MOST = 1000  # of a line that is longer, nobody needs to know their exact place


def programs_at_work() -> QuerySet[Any]:
    """One Job of a program runs at a time: the others of it wait for that, not for a worker."""
    return Job.objects.filter(state=JobState.RUNNING).exclude(program=None).values("program_id")


def next_of_each_maker(*, only: int | None = None, background: bool = True) -> list[list[int]]:
    """The first Job of each maker, in the order in which they are to be taken; those of one list stand alike, so that
    who takes several of them at once takes what would be taken one after the other. What runs in the background is
    taken alone: a worker keeps hands free of it.
    """
    rows = _line() if only is None else _line().filter(pk=only)
    if not background:
        rows = rows.filter(later=False)
    # The first of each maker: a hundred Jobs of one must not hide the first of another.
    firsts = rows.values_list("maker_id", "later").annotate(first=Min("pk"))
    busy = _busy_makers()
    in_order = sorted((later, busy[maker], first) for maker, later, first in firsts)
    alike = groupby(in_order, key=lambda row: (row[:2], row[2] if row[0] else 0))
    return [[pk for *_, pk in rows_] for _, rows_ in alike]


def queued(most: int = 200, *, background: bool = True) -> set[int]:
    """Numbers of Jobs that wait for a worker, the oldest first."""
    rows = _line() if background else _line().filter(later=False)
    return set(rows.order_by("pk").values_list("pk", flat=True)[:most])


def before(job: Job) -> int | None:
    """How many Jobs are to be taken before this one; None when it waits for another of its own program, or for nothing."""
    waiting: dict[str, list[tuple[bool, int]]] = defaultdict(list)
    programs = set()
    for maker, program, later, pk in (
        _line().order_by("pk").values_list("maker_id", "program_id", "later", "pk")[:MOST]
    ):
        if program is None or program not in programs:
            waiting[maker].append((later, pk))
            programs.add(program)
    busy = _busy_makers()
    heap = []
    for maker, line in waiting.items():
        line.sort(reverse=True)
        heap.append((line[-1][0], busy[maker], line[-1][1], maker))
    heapq.heapify(heap)
    count = 0
    while heap:
        _, going, pk, maker = heapq.heappop(heap)
        if pk == job.pk:
            return count
        count += 1
        waiting[maker].pop()
        if waiting[maker]:
            later, following = waiting[maker][-1]
            heapq.heappush(heap, (later, going + 1, following, maker))
    return None


def _line() -> QuerySet[Any]:
    """Queued Jobs that a worker may take. `later`: the background."""
    patient = Q(autonomy=Autonomy.KEEP, created__gt=timezone.now() - PATIENCE) & ~Q(kind=JobKind.RUN)
    later = Case(When(patient, then=Value(True)), default=Value(False), output_field=BooleanField())
    waiting = Job.objects.filter(state=JobState.QUEUED).exclude(program_id__in=programs_at_work())
    return waiting.order_by().annotate(later=later)


def _busy_makers() -> Counter[str]:
    return Counter(Job.objects.filter(state=JobState.RUNNING).values_list("maker_id", flat=True))
