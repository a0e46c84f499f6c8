"""The database is away, an event is poisoned, or the word that something was stored is lost: what the writer does."""

import sqlite3
import threading
import time

import pytest
from django.db import OperationalError, connection

from tests.live.test_feed import leased
from tests.waiting import wait
from vibe import events
from vibe.live.feed import Feed, whole
from vibe.models import EventRecord
from vibe.models.away import is_away, patiently

pytestmark = pytest.mark.django_db(transaction=True)


class Shaky(Feed):
    """Its inserts fail as the test says: `fails` is asked with the line before each."""

    def __init__(self, fails):
        super().__init__(tick_s=0.01)
        self.fails = fails

    def _insert(self, batch):
        for line, queued in batch.items():
            if problem := self.fails(line, queued):
                raise problem
        return super()._insert(batch)


def gone(words="server closed the connection unexpectedly"):
    return OperationalError(words)


def test_what_is_said_while_the_database_is_away_is_stored_in_order_when_it_is_back(caplog):
    back = threading.Event()
    feed = Shaky(lambda line, queued: None if back.is_set() else gone())
    line = feed.open(leased().pk, "w")
    for n in range(20):
        line.append(events.StepNoted("1", str(n)))
        time.sleep(0.01)
    assert not line.flush(0.3)
    assert not line.lost
    assert not EventRecord.objects.exists()
    back.set()
    assert line.flush()
    assert [events.decode(r.type, r.payload).text for r in whole(line.job_id)] == [str(n) for n in range(20)]
    feed.stop()


def test_nothing_of_a_job_is_said_to_be_stored_before_it_is(caplog):
    back = threading.Event()
    feed = Shaky(lambda line, queued: None if back.is_set() else gone())
    line = feed.open(leased().pk, "w")
    line.append(events.StateChanged("done"))
    stored = threading.Thread(target=line.flush)
    stored.start()
    stored.join(0.5)
    assert stored.is_alive()
    back.set()
    stored.join(30)
    assert len(whole(line.job_id)) == 1
    feed.stop()


def test_one_job_whose_events_never_go_in_ends_alone_and_the_others_do_not_wait_for_it(caplog):
    broken = threading.Event()
    poor = leased(once="1")
    feed = Shaky(lambda line, queued: gone() if line.job_id == poor.pk else None)
    bad = feed.open(poor.pk, "w", on_broken=broken.set)
    good = feed.open(leased(once="2").pk, "w")
    bad.append(events.Said("x"))
    began = time.monotonic()
    while not broken.is_set():
        good.append(events.StepNoted("1", "on it goes"))
        assert good.flush(30), "a neighbour is held up"
        assert time.monotonic() - began < 60
    assert not good.lost
    feed.stop()


def test_events_whose_storing_was_not_confirmed_are_not_taken_for_another_workers(caplog):
    lost = threading.Event()

    class Forgetful(Feed):
        first = True

        def _insert(self, batch):
            rung = super()._insert(batch)
            if Forgetful.first:
                Forgetful.first = False
                connection.connection.execute("COMMIT")  # it is in, and the word of it is lost
                connection.connection.execute("BEGIN")
                raise gone()
            return rung

    feed = Forgetful(tick_s=0.01)
    line = feed.open(leased().pk, "w", on_lost=lost.set)
    line.append(events.Said("once"))
    line.flush()
    line.append(events.StepNoted("1", "and on"))
    line.flush()
    assert not lost.is_set()
    assert [(r.seq, r.type) for r in whole(line.job_id)] == [(1, "said"), (2, "step-noted")]
    feed.stop()


@pytest.mark.parametrize("more", [events.Said(" upon a time"), events.StepNoted("1", "and on")])
def test_what_was_said_after_them_before_the_database_was_back_comes_after_them(caplog, more):
    """A database that is restarted while it takes them: they are in, nobody heard so, and it is away for a while."""
    lost, gone_since, back = threading.Event(), threading.Event(), threading.Event()

    class Restarted(Feed):
        def _insert(self, batch):
            if gone_since.is_set() and not back.is_set():
                raise gone()
            rung = super()._insert(batch)
            if not gone_since.is_set():
                connection.connection.execute("COMMIT")
                connection.connection.execute("BEGIN")
                gone_since.set()
                raise gone()
            return rung

    feed = Restarted(tick_s=0.01)
    line = feed.open(leased().pk, "w", on_lost=lost.set)
    line.append(events.Said("once"))
    assert gone_since.wait(30)
    wait(lambda: line.waiting)  # it waits to be tried again
    line.append(more)
    back.set()
    assert line.flush(30)
    assert not lost.is_set(), "its own words were taken for another worker’s"
    assert [(r.seq, events.decode(r.type, r.payload)) for r in whole(line.job_id)] == [
        (1, events.Said("once")),
        (2, more),
    ]
    feed.stop()


def test_a_delta_that_grew_long_is_a_row_of_its_own():
    feed = Feed(tick_s=0.2)
    line = feed.open(leased().pk, "w")
    line.append(events.StepNoted("1", "first"))
    line.flush()
    for _ in range(100):
        line.append(events.Output("stdout", "x" * 4000))
    line.flush()
    rows = whole(line.job_id)[1:]
    assert sum(len(events.decode(r.type, r.payload).text) for r in rows) == 400_000
    assert max(len(r.payload) for r in rows) < 50_000
    feed.stop()


@pytest.mark.parametrize(
    ("words", "passes"),
    [("database is locked", True), ("database or disk is full", True), ("no such table: vibe_job", False)],
)
def test_only_what_passes_is_waited_for(words, passes):
    problem = OperationalError(words)
    problem.__cause__ = sqlite3.OperationalError(words)
    assert is_away(problem) is passes


def test_what_is_not_away_is_raised_at_once_and_a_stop_ends_the_waiting():
    with pytest.raises(ValueError, match="mine"):
        patiently(_raise(ValueError("mine")))
    with pytest.raises(OperationalError):
        patiently(_raise(gone()), lambda: True)


def _raise(problem):
    def act():
        raise problem

    return act
