"""Frames: what a socket is told of events, in HTML for our own page or in JSON, several in one message where that helps."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from vibe import events
from vibe.live import log
from vibe.live.bell import Rung
from vibe.live.fragments import fragment
from vibe.live.marks import marks
from vibe.live.timeline import Timeline, advance
from vibe.models import Job
from vibe.models.away import is_away

logger = logging.getLogger(__name__)

MESSAGE = 64 * 1024  # characters of one message, if several frames travel together


@dataclass
class Frame:
    """One event as it is told. `html` is "" for an event that this release does not know, None when nobody wanted it."""

    record: Any  # EventRecord or Rung
    html: str | None
    size: int


@dataclass(frozen=True)
class Message:
    """What travels as one: everything up to `seq`."""

    seq: int
    text: str


def in_html(frames: Iterable[Frame]) -> list[Message]:
    """Frames one after the other: each is applied in its turn."""
    messages: list[Message] = []
    texts: list[str] = []
    size = 0
    for frame in frames:
        texts.append(frame.html or "")
        size += len(texts[-1])
        if size >= MESSAGE:
            messages.append(Message(frame.record.seq, "".join(texts)))
            texts, size = [], 0
        last = frame.record.seq
    if texts:
        messages.append(Message(last, "".join(texts)))
    return messages


def in_json(frames: Iterable[Frame], *, merged: bool = False) -> list[Message]:
    """One event a message. `merged`: deltas that continue one another are told as one, which says "from" where it begins."""
    spans: list[tuple[log.Span, events.Event | None]] = []
    for frame in frames:
        one = frame.record
        event = events.decode(one.type, one.payload) if one.type in events.TYPES else None
        if (
            merged
            and spans
            and event
            and event.grows
            and (before := spans[-1])[1]
            and len(before[0].payload) < MESSAGE
        ):
            both = events.merge(before[1], event)
            if both:
                at = one.at if isinstance(one.at, str) else one.at.isoformat()
                spans[-1] = (
                    log.Span(before[0].job, before[0].first, one.seq, one.type, events.encode(both), at), both
                )  # fmt: skip
                continue
        job = one.job if isinstance(one, Rung) else one.job_id
        at = one.at if isinstance(one.at, str) else one.at.isoformat()
        spans.append((log.Span(job, one.seq, one.seq, one.type, one.payload, at), event))
    return [Message(span.seq, log.as_json(span)) for span, _ in spans]


def framed(timeline: Timeline, records: Iterable[Any], job: Job | None) -> list[Frame]:
    """Fold these events into `timeline`, and write their frames for a page of `job`; without one nothing is rendered.

    What cannot be rendered is logged and not told, so that what comes after it is. Raises what is_away knows.
    """
    frames: list[Frame] = []
    for record in records:
        event = advance(timeline, record)
        html: str | None = None
        if job is not None:
            try:
                html = fragment(timeline, event, record.seq, job) if event else ""
            except Exception as problem:
                if is_away(problem):
                    raise
                logger.exception("event %s of job %s cannot be shown", record.seq, job.pk)
                html = ""
        frames.append(Frame(record, html, len(html or "") + len(record.payload)))
        marks.pass_by(record.job if isinstance(record, Rung) else record.job_id, timeline)
    return frames


def folded(job_id: int, until: int) -> Timeline:
    """The timeline of a page that has seen events up to this number."""
    timeline = marks.before(job_id, until)
    for row in log.each(job_id, until, after=timeline.seq):
        advance(timeline, row)
        marks.pass_by(job_id, timeline)
    return timeline
