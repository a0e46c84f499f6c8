"""What is kept of a Job that is long over reads the same, wherever a page had stopped reading: for random histories."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.live.test_timeline_law import EVENT
from vibe import events, housekeeping
from vibe.live import feed, log
from vibe.live.timeline import fold
from vibe.models import EventRecord, Job, Maker

pytestmark = pytest.mark.django_db


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(history=st.lists(EVENT, min_size=1, max_size=30))
def test_a_compacted_log_reads_the_same_from_its_beginning_to_every_number_that_is_left(db, history):
    maker = Maker.objects.create()
    job = Job.objects.create(
        maker=maker, kind="make", once=uuid.uuid4().hex, state="done", ended=timezone.now() - timedelta(days=8)
    )
    EventRecord.objects.bulk_create(
        EventRecord(job=job, seq=seq, type=event.type, payload=events.encode(event), at=timezone.now())
        for seq, event in enumerate(history, 1)
    )
    whole = feed.whole(job.pk)
    before = {row.seq: fold(row for row in whole if row.seq <= at) for at, row in enumerate(whole, 1)}

    gone = housekeeping.compact_events()

    left = feed.whole(job.pk)
    assert len(left) == len(history) - gone
    assert left[-1].seq == len(history)
    for row in left:
        assert fold(log.each(job.pk, row.seq)) == before[row.seq]
    assert housekeeping.compact_events() == 0
