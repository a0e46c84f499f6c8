"""The writer of events: everything stored once, in order, by the holder of the lease alone."""

import threading
import time

import pytest
from django.db import connections

from vibe import events
from vibe.live.feed import Feed, as_json, history, publish_now, whole
from vibe.models import EventRecord, Job, Maker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def feed():
    made = Feed(tick_s=0.01)
    yield made
    made.stop()


def leased(owner="w", once="1"):
    maker = Maker.objects.create()
    return Job.objects.create(
        maker=maker, kind="make", once=once, state="running", lease_owner=owner, lease_until=time.time() + 60
    )


def test_what_many_threads_say_is_stored_once_and_in_order(feed):
    job = leased()
    line = feed.open(job.pk, "w")

    def speak(name):
        for n in range(50):
            line.append(events.StepNoted(name, str(n)))

    threads = [threading.Thread(target=speak, args=(str(t),)) for t in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    line.close()
    rows = whole(job.pk)
    assert [r.seq for r in rows] == list(range(1, 201))
    for name in "0123":
        said = [events.decode(r.type, r.payload).text for r in rows if f'"n":"{name}"' in r.payload]
        assert said == [str(n) for n in range(50)]


def test_deltas_between_two_ticks_become_one_row(feed):
    job = leased()
    line = feed.open(job.pk, "w")
    for letter in "abcdefghij" * 20:
        line.append(events.FileText("a.js", letter))
    line.close()
    rows = whole(job.pk)
    assert "".join(events.decode(r.type, r.payload).text for r in rows) == "abcdefghij" * 20
    assert len(rows) < 50


def test_a_bell_that_breaks_is_only_not_heard(feed, monkeypatch, caplog):
    def broken(records):
        raise TypeError("broken")

    monkeypatch.setattr("vibe.live.feed.bell.ring", broken)
    job = leased()
    line = feed.open(job.pk, "w")
    line.append(events.Said("one"))
    assert line.flush(30), "who waits for its words waits for ever"
    line.append(events.Said(" two"))
    assert line.flush(30)
    assert [row.seq for row in whole(job.pk)] == [1, 2]


def test_a_writer_that_lost_its_lease_writes_nothing_more(feed, caplog):
    job, lost = leased(), threading.Event()
    line = feed.open(job.pk, "w", on_lost=lost.set)
    line.append(events.Said("mine"))
    line.flush()
    Job.objects.filter(pk=job.pk).update(lease_owner="other")
    line.append(events.Said("late"))
    assert lost.wait(30)
    line.append(events.Said("later"))
    line.close()
    assert EventRecord.objects.count() == 1


def test_one_event_that_cannot_be_stored_does_not_stop_another_job(feed, caplog):
    bad, good = leased(once="1"), leased(once="2")
    broken, lost = threading.Event(), threading.Event()
    poor = feed.open(bad.pk, "w", on_lost=lost.set, on_broken=broken.set)
    fine = feed.open(good.pk, "w")
    poor.append(events.Said(object()))  # type: ignore[arg-type]
    fine.append(events.Said("fine"))
    fine.flush()
    assert broken.wait(30)
    assert not lost.is_set(), "nobody else holds it: it is our own fault"
    assert EventRecord.objects.filter(job=good).count() == 1
    assert not EventRecord.objects.filter(job=bad).exists()


def test_an_earlier_claim_of_the_same_job_says_nothing_into_the_later_one(feed, caplog):
    job = leased("w/1")
    earlier = feed.open(job.pk, "w/1")
    Job.objects.filter(pk=job.pk).update(lease_owner="w/2")
    later = feed.open(job.pk, "w/2")
    earlier.append(events.Said("old"))
    later.append(events.StateChanged("running"))
    earlier.close()
    later.append(events.StateChanged("done"))
    later.close()
    assert [r.type for r in whole(job.pk)] == ["state-changed", "state-changed"]


def test_half_an_emoji_is_stored_as_a_question_mark(feed):
    job = leased()
    line = feed.open(job.pk, "w")
    line.append(events.Said("a \ud83d b"))
    line.close()
    assert events.decode("said", whole(job.pk)[0].payload).text == "a ? b"


def test_numbers_go_on_where_the_last_worker_ended(feed):
    job = leased()
    publish_now(job.pk, events.Said("before"))
    line = feed.open(job.pk, "w")
    line.append(events.StateChanged("running"))
    line.close()
    assert [r.seq for r in history(job.pk)] == [1, 2]
    assert [r.seq for r in history(job.pk, after=1)] == [2]


def test_two_who_publish_at_once_get_different_numbers():
    job, gate = leased(), threading.Barrier(4)

    def publish():
        gate.wait()
        publish_now(job.pk, events.Said("x"))
        connections.close_all()

    threads = [threading.Thread(target=publish) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert [r.seq for r in whole(job.pk)] == [1, 2, 3, 4]


def test_a_frame_in_json_has_the_fields_that_outside_programs_rely_on():
    job = leased()
    publish_now(job.pk, events.Said("hi"))
    assert set(__import__("json").loads(as_json(whole(job.pk)[0]))) == {"job", "seq", "type", "at", "text"}
