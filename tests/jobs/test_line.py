"""The line of Jobs: who comes next, who is told how many come before, and a worker that takes nothing any more."""

import contextlib
import threading
import time
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from tests.jobs.carrying import until
from vibe import jobs, line
from vibe.management.making import SOON_S, STUCK_S, SWEEP_S, Making, Watchdog
from vibe.models import Job, Maker, Program
from vibe.worker.carrying import Reach

pytestmark = pytest.mark.django_db(transaction=True)


def queue(maker=None, *, autonomy="make", program=None, waits_s=0, state="queued"):
    maker = maker or Maker.objects.create()
    program = program or Program.objects.create(maker=maker, title="Tea", description="tea")
    job = Job.objects.create(
        maker=maker, program=program, kind="make", autonomy=autonomy, once=f"{time.time()}", state=state
    )
    Job.objects.filter(pk=job.pk).update(created=timezone.now() - timedelta(seconds=waits_s))
    return job


def taken():
    """Who is claimed until nobody is left."""
    order = []
    while job := jobs.claim("w"):
        order.append(job.pk)
    return order


def test_what_somebody_waits_for_goes_before_what_may_take_an_hour():
    patient, waits = queue(autonomy="keep"), queue()
    assert taken() == [waits.pk, patient.pk]


def test_what_may_take_an_hour_waits_a_minute_at_most_for_others():
    patient, waits = queue(autonomy="keep", waits_s=61), queue()
    assert taken() == [patient.pk, waits.pk]


def test_a_worker_with_few_hands_left_keeps_them_for_whoever_waits():
    patient = queue(autonomy="keep")
    assert jobs.claim("w", background=False) is None
    waits = queue()
    assert jobs.claim("w", background=False).pk == waits.pk
    assert jobs.claim("w").pk == patient.pk


def test_the_place_that_is_said_is_the_place_in_which_it_is_taken():
    busy, ada, bo = (Maker.objects.create() for _ in range(3))
    queue(busy, state="running")
    all_ = [queue(busy), queue(ada), queue(ada), queue(bo, autonomy="keep"), queue(busy), queue(bo)]
    said = {job.pk: line.before(job) for job in all_}
    assert sorted(said.values()) == list(range(len(all_)))
    assert taken() == sorted(said, key=said.get)


def test_who_waits_for_their_own_program_has_no_place_in_the_line():
    first = queue(state="running")
    second = queue(first.maker, program=first.program)
    assert line.before(second) is None
    assert second.pk not in jobs.queued()


def test_a_lease_that_ran_out_while_the_sweep_was_held_up_is_not_taken_for_that():
    job = queue()
    jobs.claim("w")
    now = time.time()
    Job.objects.filter(pk=job.pk).update(lease_until=now - 6)
    assert jobs.sweep(0, held_up_since=now - 10) == 0
    assert jobs.sweep(0, held_up_since=now - 5) == 1, "it had run out before"


def test_a_sweep_that_itself_waited_for_the_database_was_held_up(monkeypatch):
    making, job, sweep, now = Making(), queue(), jobs.sweep, [1_000_000.0]
    monkeypatch.setattr("vibe.management.making.time.time", lambda: now[0])
    jobs.claim("w")
    making._swept = now[0]

    def waits(**how):
        lost = sweep(**how)
        now[0] += 4  # somebody else has the database: no lease is extended meanwhile, and this ends first
        Job.objects.filter(pk=job.pk).update(lease_until=now[0] - 2)
        return lost

    monkeypatch.setattr(jobs, "LEASE_S", 0.2)
    monkeypatch.setattr(jobs, "sweep", waits)
    making._sweep()
    monkeypatch.setattr(jobs, "sweep", sweep)
    making._sweep()
    job.refresh_from_db()
    assert job.state == "running", "its holder could not reach it either"
    assert making._pause() == pytest.approx(0.2 + SOON_S), "and has as long as a lease to do so"
    now[0] += 0.2
    making._sweep()
    job.refresh_from_db()
    assert job.state == "queued", "which it has not done"


def test_who_is_held_up_twice_in_a_row_takes_nothing_that_ran_out_the_first_time(monkeypatch):
    """The database comes back for a moment, in which a heart may not have beaten, and is away again."""
    making, job, now = Making(), queue(), [1_000_000.0]
    monkeypatch.setattr("vibe.management.making.time.time", lambda: now[0])
    jobs.claim("w")
    making._swept = now[0]
    Job.objects.filter(pk=job.pk).update(lease_until=now[0] + jobs.LEASE_S)

    def state_after(seconds):
        now[0] += seconds
        making._sweep()
        job.refresh_from_db()
        return job.state

    assert [state_after(seconds) for seconds in (10, 1, 10)] == ["running"] * 3
    assert [state_after(1) for _ in range(3)] == ["running"] * 3, "it has as long as a lease"
    assert state_after(1.1) == "queued", "and is not waited for without end"


def test_what_ran_out_before_is_taken_however_long_the_database_is_slow(monkeypatch):
    making, job, now = Making(), queue(), [1_000_000.0]
    monkeypatch.setattr("vibe.management.making.time.time", lambda: now[0])
    jobs.claim("died")
    making._swept = now[0]
    Job.objects.filter(pk=job.pk).update(lease_until=now[0] - 0.5)
    now[0] += 5
    making._sweep()
    job.refresh_from_db()
    assert job.state == "queued"


def test_a_clock_that_is_set_back_holds_no_job_of_a_dead_worker_for_so_long():
    dead, alive = queue(), queue()
    jobs.claim("died")
    holder = jobs.claim("lives")
    Job.objects.update(lease_until=time.time() + 3600)  # an hour ago by the clock as it is now
    assert jobs.sweep(0) == 0
    ends = set(Job.objects.values_list("lease_until", flat=True))
    assert max(ends) <= time.time() + jobs.LEASE_S
    Job.objects.update(lease_until=time.time() - 0.1)  # so long later
    jobs.beat({holder.lease_owner: holder.pk})
    assert jobs.sweep(0) == 1
    dead.refresh_from_db()
    alive.refresh_from_db()
    assert (dead.state, alive.state) == ("queued", "running")


def test_several_that_are_taken_at_once_are_those_that_would_be_taken_one_after_the_other():
    busy, ada, bo, cy = (Maker.objects.create() for _ in range(4))
    queue(busy, state="running")
    first, second, after, third = queue(ada), queue(bo), queue(busy), queue(cy)
    again = queue(ada)
    patient = [queue(autonomy="keep"), queue(autonomy="keep")]
    assert [job.pk for job in jobs.claim_several("w", 2)] == [first.pk, second.pk]
    alike = jobs.claim_several("w", 20)
    assert [job.pk for job in alike] == [third.pk], "the others have one at work"
    assert [job.pk for job in jobs.claim_several("w", 20)] == [after.pk, again.pk]
    assert [[job.pk for job in jobs.claim_several("w", 20)] for _ in patient] == [[one.pk] for one in patient]
    assert jobs.claim_several("w", 20) == []


def test_each_of_several_is_a_claim_of_its_own():
    for _ in range(3):
        queue()
    claimed = jobs.claim_several("w", 3)
    assert len({job.lease_owner for job in claimed}) == 3
    assert set(jobs.beat({job.lease_owner: job.pk for job in claimed})) == {job.lease_owner for job in claimed}


def test_hands_that_reach_at_once_claim_together_and_each_takes_one(monkeypatch):
    rows = [queue() for _ in range(6)]
    claim, asked, go = jobs.claim_several, [], threading.Event()

    def slowly(owner, most, **more):
        asked.append(most)
        go.wait(30)
        return claim(owner, most, **more)

    monkeypatch.setattr(jobs, "claim_several", slowly)
    reach, took = Reach(lambda: 20), []

    def take():
        with reach.next() as job:
            took.append(job)
        connections.close_all()

    hands = [threading.Thread(target=take) for _ in range(7)]
    hands[0].start()
    until(lambda: asked)
    for hand in hands[1:]:
        hand.start()
    until(lambda: reach._waiting == 7)
    go.set()
    for hand in hands:
        hand.join(30)
    assert sorted(job.pk for job in took if job) == [row.pk for row in rows]
    assert took.count(None) == 1
    assert len(asked) < 5, asked


class Preempted:
    """A lock that is free; its second taker, who has a Job by then, is preempted while another hand reaches."""

    def __init__(self, meanwhile):
        self._free, self._taken, self._meanwhile = threading.Lock(), 0, meanwhile

    def __enter__(self):
        self._taken += 1
        if self._taken == 2:
            self._meanwhile()
        self._free.acquire()

    def __exit__(self, *_):
        self._free.release()


def test_no_lease_is_taken_for_a_hand_that_has_a_job_already(monkeypatch):
    reached, asked = threading.Event(), []

    def claim(owner, most, **_):
        asked.append(most)
        if len(asked) == 2:
            reached.set()
        return [Job(pk=10 * len(asked) + n) for n in range(most)]

    monkeypatch.setattr(jobs, "claim_several", claim)
    reach, took = Reach(lambda: 20), []

    def take():
        with reach.next() as job:
            took.append(job.pk)

    other = threading.Thread(target=take)

    def meanwhile():
        other.start()
        until(lambda: reached.is_set() or reach._waiting == 2)  # it claims, or it waits for us

    reach._counting = Preempted(meanwhile)
    take()
    other.join(30)
    assert asked == [1, 1]
    assert not reach._claimed, "a lease that nobody holds"


def test_no_more_is_held_at_once_than_there_are_hands_however_many_spare_ones_reach():
    rows = [queue() for _ in range(6)]
    reach = Reach(lambda: 3)
    with contextlib.ExitStack() as hands:
        held = [hands.enter_context(reach.next()) for _ in range(5)]
        assert [job and job.pk for job in held] == [*(row.pk for row in rows[:3]), None, None]
    with reach.next() as job:
        assert job.pk == rows[3].pk, "a hand is free again"


def test_a_quarter_of_the_hands_is_kept_for_whoever_waits_from_the_moment_of_the_claim():
    patient = [queue(autonomy="keep") for _ in range(4)]
    reach = Reach(lambda: 4)
    with contextlib.ExitStack() as hands:
        held = [hands.enter_context(reach.next()) for _ in range(4)]
        assert [job and job.pk for job in held] == [*(row.pk for row in patient[:3]), None]


def test_the_sweep_keeps_to_the_end_of_the_lease_and_outlives_what_breaks(monkeypatch):
    made, waited = Making(), []
    comes = iter([None, RuntimeError("broken"), None])

    def wait(seconds):
        waited.append(seconds)
        return len(waited) > 3

    def close():
        if problem := next(comes):
            raise problem

    monkeypatch.setattr(made._ending, "wait", wait)
    monkeypatch.setattr(made, "_sweep", lambda: None)
    monkeypatch.setattr(made, "_pause", lambda: 0.25)
    monkeypatch.setattr("vibe.management.making.close_old_connections", close)
    made._sweep_on()
    assert waited == [SWEEP_S, 0.25, SWEEP_S, 0.25]


def test_a_consumer_of_messages_that_ended_is_followed_by_another(monkeypatch):
    making, began = Making(), []
    monkeypatch.setattr(making, "_consume", lambda: began.append(True))
    making._consumer = threading.current_thread()
    making._sweep()
    assert not began
    making._consumer = threading.Thread()  # never begun, or over
    making._sweep()
    assert began


def test_the_sweep_comes_when_the_next_lease_ends(monkeypatch):
    now = 1_000_000.0
    monkeypatch.setattr("vibe.management.making.time.time", lambda: now)
    making = Making()
    assert making._pause() == SWEEP_S
    job = queue()
    jobs.claim("w")
    assert making._pause() == SWEEP_S, "a lease that is extended each second"
    Job.objects.filter(pk=job.pk).update(lease_until=now + 0.5)
    assert making._pause() == pytest.approx(0.5 + SOON_S)
    Job.objects.filter(pk=job.pk).update(lease_until=now - 0.5)
    assert making._pause() == SWEEP_S, "the last sweep met it, and somebody else has its row"
    making._swept -= 1
    assert making._pause() == SOON_S
    making._held_up_since, making._patient_until = now - 9, now + jobs.LEASE_S
    assert making._pause() == SWEEP_S, "its holder was held up as we were"


def test_the_watchdog_barks_when_somebody_waits_and_nobody_takes_them_and_not_when_the_line_moves():
    dog = Watchdog()
    assert not any(dog.is_stuck({n // 5}, float(n)) for n in range(200))
    dog = Watchdog()
    assert not dog.is_stuck({1}, 0)
    assert not dog.is_stuck(set(), 20)  # no hands were free
    assert not dog.is_stuck({1}, STUCK_S + 1)
    assert dog.is_stuck({1}, 2 * STUCK_S + 2)
    assert not dog.is_stuck({1}, 2 * STUCK_S + 3)
