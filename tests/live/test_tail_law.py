"""Whatever the bell loses, doubles or turns round, and however late a reader is: each event once, in order, none missing."""

import asyncio
import json
import re
import uuid

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vibe import events
from vibe.live import log, marks, tail
from vibe.live.bell import Rung
from vibe.live.frames import Frame, folded, framed, in_html, in_json
from vibe.models import EventRecord, Job, Maker, Program

pytestmark = pytest.mark.django_db(transaction=True)
SAID = st.one_of(
    st.builds(events.Said, st.text("abä", min_size=1, max_size=3)),
    st.builds(events.Said, st.text("abä", min_size=1, max_size=3)),
    st.builds(events.StepNoted, st.just("1"), st.text("xy", max_size=2)),
)
# What becomes of one ring of the bell: (it rings so often, it comes so many rings late).
RING = st.tuples(st.sampled_from([0, 1, 1, 1, 2]), st.integers(0, 3))
BURSTS = st.lists(st.lists(st.tuples(SAID, RING), min_size=1, max_size=6), min_size=1, max_size=6)


def begin():
    maker = Maker.objects.create()
    program = Program.objects.create(maker=maker, title="Tea", description="tea")
    return Job.objects.create(maker=maker, program=program, kind="make", once=uuid.uuid4().hex, state="running")


def store(job, first, burst):
    rows = [
        EventRecord(job=job, seq=first + at, type=event.type, payload=events.encode(event), at=timezone.now())
        for at, event in enumerate(burst)
    ]
    EventRecord.objects.bulk_create(rows)
    return [Rung(job.pk, row.seq, row.type, row.payload, row.at.isoformat()) for row in rows]


class Reader:
    """Reads like a socket: from the tail what lies in its ring, from the log what does not."""

    def __init__(self, job, made, *, as_json, patience):
        self.job, self.tail, self.as_json, self.patience = job, made, as_json, patience
        self.seen, self.texts = 0, []
        self.wake = asyncio.Event()
        made.watchers[self.wake] = not as_json

    async def read(self):
        messages = self.tail.after(self.seen, as_json=self.as_json)
        if messages is None:
            messages = await sync_to_async(self.replay)()
        for message in messages:
            self.seen = message.seq
            self.texts.append(message.text)
        return bool(messages)

    def replay(self):
        rows = log.history(self.job.pk, self.seen, 5)
        if self.as_json:
            return in_json([Frame(row, None, 0) for row in rows])
        return in_html(framed(folded(self.job.pk, self.seen), rows, self.job))

    async def go_on(self):
        while True:
            await self.wake.wait()
            self.wake.clear()
            while await self.read():
                for _ in range(self.patience):
                    await asyncio.sleep(0)


async def play(job, bursts, patience):
    made = tail.Tail(job)
    readers = [Reader(job, made, as_json=as_json, patience=patience) for as_json in (True, False)]
    await made.begin(0)
    reading = [asyncio.create_task(one.go_on()) for one in readers]
    last, late = 0, []
    for burst in bursts:
        rung = await sync_to_async(store)(job, last + 1, [event for event, _ in burst])
        last += len(rung)
        late += [
            (delay, one) for one, (_, (times, delay)) in zip(rung, burst, strict=True) for _ in range(times)
        ]
        for delay, one in [*late]:
            if delay == 0:
                made.ring(one)
        late = [(delay - 1, one) for delay, one in late if delay]
        await asyncio.sleep(0)
    made.hear(last)  # as who asks the log every three seconds finds out
    async with asyncio.timeout(10):
        while made.head < last or any(one.seen < last for one in readers):
            await asyncio.sleep(0.001)
    for task in (*reading, made.pumping):
        task.cancel()
    return [one.texts for one in readers]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    bursts=BURSTS,
    patience=st.integers(0, 4),
    ring=st.sampled_from([1, 3, 512]),
    many=st.sampled_from([-1, 100]),
    every=st.sampled_from([1, 4, 500]),
)
def test_every_event_is_told_once_and_in_order(transactional_db, bursts, patience, ring, many, every):
    marks.marks.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "RING", ring)  # how far behind a reader may be before the log is read
        patch.setattr(tail, "MANY", many)  # with very many readers, words travel together in JSON, too
        patch.setattr(marks, "EVERY", every)  # how often a place is marked from which the log can be folded
        job = begin()
        in_words, in_frames = asyncio.run(play(job, bursts, patience))
    history = [event for burst in bursts for event, _ in burst]

    told = [json.loads(text) for text in in_words]
    assert [n for one in told for n in range(one.get("from", one["seq"]), one["seq"] + 1)] == list(
        range(1, len(history) + 1)
    )
    assert "".join(one["text"] for one in told) == "".join(event.text for event in history)

    frames = "".join(in_frames)
    assert [int(n) for n in re.findall(r'data-seq="(\d+)"', frames)] == list(range(1, len(history) + 1))
