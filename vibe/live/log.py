"""The log, read: stored events of one Job in their order. vibe/live/feed.py writes them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import F, Func, IntegerField, Max

from vibe.live.bell import Rung
from vibe.models import EventRecord

AT_ONCE = 500  # rows of one look
BYTES = 256 * 1024  # and about as much of their text: many sockets may look at the same time


def history(job_id: int, after: int = 0, limit: int = AT_ONCE) -> list[EventRecord]:
    """Stored events with a number above `after`, oldest first: at least one if there is one, else as BYTES allow."""
    rows = EventRecord.objects.filter(job_id=job_id, seq__gt=after).order_by("seq")
    length = Func(F("payload"), function="LENGTH", output_field=IntegerField())
    sizes = list(rows.values_list("seq", length)[:limit])
    last, size = after, 0
    for seq, characters in sizes:
        size += characters
        if last > after and size > BYTES:
            break
        last = seq
    return list(rows.filter(seq__lte=last)) if sizes else []


def each(job_id: int, until: int | None = None, *, after: int = 0) -> Iterator[EventRecord]:
    """All of them above number `after`, or those up to `until`, of which only some are in memory at a time."""
    while (until is None or after < until) and (rows := history(job_id, after)):
        for row in rows:
            if until is not None and row.seq > until:
                return
            yield row
        after = rows[-1].seq


def whole(job_id: int) -> list[EventRecord]:
    return list(EventRecord.objects.filter(job_id=job_id).order_by("seq"))


def heads(job_ids: list[int]) -> dict[int, int]:
    """{job id: number of its last event} of those that have any."""
    rows = EventRecord.objects.filter(job_id__in=job_ids).order_by()
    return dict(rows.values_list("job_id").annotate(last=Max("seq")))


@dataclass(frozen=True)
class Span:
    """Deltas that stand one after the other, told as one: what events `first` to `seq` say together."""

    job: int
    first: int
    seq: int
    type: str
    payload: str
    at: str


def as_json(record: "EventRecord | Rung | Span") -> str:
    """One frame of the JSON format: {"job", "seq", "type", "at", …payload}. Where it tells of several events at once,
    "from" is the number of the first."""
    pk = record.job_id if isinstance(record, EventRecord) else record.job
    at = record.at if isinstance(record.at, str) else record.at.isoformat()
    head = {"job": pk, "seq": record.seq, "type": record.type, "at": at}
    if isinstance(record, Span) and record.first < record.seq:
        head["from"] = record.first
    return json.dumps({**head, **json.loads(record.payload)}, ensure_ascii=False)
