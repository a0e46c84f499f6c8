"""A Job's life in rows: begun once, claimed by one, fair, swept, answered, stopped."""

import threading
import time
from dataclasses import replace

import pytest
from django.db import connections

from vibe import jobs
from vibe.choices import JobState
from vibe.models import Job, Maker, Program, StepRecord
from vibe.worker import carrying

pytestmark = pytest.mark.django_db(transaction=True)


def begin(maker=None, once="1", **more):
    maker = maker or Maker.objects.create()
    more = {"description": "A tea timer", "shape": "auto", "autonomy": "make", "effort": "normal", **more}
    return jobs.begin(maker, once=once, **more)


def test_the_same_form_sent_twice_is_one_job():
    maker = Maker.objects.create()
    assert begin(maker, "k").pk == begin(maker, "k").pk
    assert Program.objects.count() == 1


def test_twelve_different_forms_sent_at_the_same_moment_are_no_more_than_five_jobs():
    maker, begun, refused = Maker.objects.create(), [], []
    gate = threading.Barrier(12)

    def send(n):
        gate.wait()
        try:
            begun.append(begin(maker, str(n), description=f"Tea timer {n}").pk)
        except jobs.Enough as said:
            refused.append(said.sentence)
        connections.close_all()

    threads = [threading.Thread(target=send, args=(n,)) for n in range(12)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(begun) == Job.objects.count() == Program.objects.count() == 5
    assert len(refused) == 7
    begin(Maker.objects.create())


def test_the_same_form_sent_at_the_same_moment_is_one_job():
    maker, found = Maker.objects.create(), []
    gate = threading.Barrier(4)

    def send():
        gate.wait()
        found.append(begin(maker, "same").pk)
        connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(set(found)) == 1
    assert Program.objects.count() == 1


def test_the_same_wish_from_two_tabs_is_one_job():
    maker = Maker.objects.create()
    first = begin(maker, "tab one")
    assert begin(maker, "tab two").pk == first.pk
    assert begin(maker, "tab three", shape="page").pk != first.pk
    jobs.stop(first)
    assert begin(maker, "tab four").pk != first.pk


def test_other_settings_or_files_from_another_tab_are_another_wish():
    maker = Maker.objects.create()
    first = begin(maker, "1", recipe="focus-timer", slots={"work": "25"})
    assert begin(maker, "2", recipe="focus-timer", slots={"work": "50"}).pk != first.pk
    with_file = begin(maker, "3", uploads=[("a.csv", [b"1,2"])])
    assert begin(maker, "4", uploads=[("a.csv", [b"1,2"])]).pk == with_file.pk
    assert begin(maker, "5", uploads=[("b.csv", [b"1,2"])]).pk != with_file.pk


def test_a_change_from_two_tabs_is_one_job():
    program = begin().program
    change = {"description": "bluer", "autonomy": "make", "effort": "normal"}
    first = jobs.change(program, once="one tab", **change)
    assert jobs.change(program, once="another", **change).pk == first.pk


def test_the_terminal_makes_its_own_job_even_when_another_one_makes_the_same():
    maker = Maker.objects.create()
    assert begin(maker, "1", lease="a").pk != begin(maker, "2", lease="b").pk


def test_the_answer_and_its_words_are_there_before_anyone_can_claim_the_job():
    job = begin()
    claimed = jobs.claim("w")
    StepRecord.objects.create(job=job, order=1, number="1", kind="approve", fingerprint="f", request={"about": "plan", "proposal": {"steps": ["a"]}})  # fmt: skip
    jobs.wait_for_person(claimed)
    jobs.answer(claimed, {"yes": True})
    said = [(e.type, e.seq) for e in job.events.all()]
    assert said == [("state-changed", 1), ("answered", 2), ("state-changed", 3)]


def test_anothers_key_meets_nothing():
    assert begin(once="k").pk != begin(once="k").pk


def test_a_job_is_claimed_by_one_worker_only():
    begin()
    won, gate = [], threading.Barrier(5)

    def claim(name):
        gate.wait()
        if jobs.claim(name):
            won.append(name)
        connections.close_all()

    threads = [threading.Thread(target=claim, args=(f"w{n}",)) for n in range(5)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(won) == 1


def test_a_maker_with_much_to_do_does_not_hold_up_another():
    busy, other = Maker.objects.create(), Maker.objects.create()
    first = begin(busy, "1")
    begin(busy, "2", description="Another timer")
    late = begin(other, "3")
    assert jobs.claim("w").pk == first.pk
    assert jobs.claim("w").pk == late.pk


def test_one_job_of_a_program_runs_at_a_time():
    job = begin()
    jobs.change(job.program, description="bigger", autonomy="make", effort="normal", once="2")
    assert jobs.claim("w") == job
    assert jobs.claim("w") is None


def test_only_the_one_that_was_asked_for_is_claimed():
    begin(once="1")
    second = begin(once="2")
    assert jobs.claim("w", only=second.pk) == second
    assert jobs.claim("w", only=second.pk) is None


def test_a_lost_workers_job_goes_back_into_the_line():
    job = begin()
    jobs.claim("dead")
    assert jobs.sweep() == 0
    Job.objects.update(lease_until=time.time() - 1)
    assert jobs.sweep() == 1
    job.refresh_from_db()
    assert (job.state, job.interrupted) == (JobState.QUEUED, True)
    assert jobs.claim("alive").attempt == 2


def test_a_heartbeat_keeps_a_lease_and_carries_the_stop():
    job = begin()
    claim = jobs.claim("w").lease_owner
    assert jobs.beat({claim: job.pk}) == {claim: (False, False)}
    jobs.stop(job)
    assert jobs.beat({claim: job.pk}) == {claim: (True, False)}
    assert jobs.beat({"w/other": job.pk}) == {}


def test_a_worker_that_lost_its_lease_cannot_end_the_job():
    begin()
    mine = jobs.claim("w")
    Job.objects.update(lease_owner="other")
    assert not jobs.end(mine, JobState.DONE, "Done.")
    assert Job.objects.get().state == JobState.RUNNING


def test_a_queued_job_is_stopped_at_once_and_again_harmlessly():
    job = begin()
    jobs.stop(job)
    jobs.stop(job)
    job.refresh_from_db()
    assert job.state == JobState.STOPPED
    assert job.events.filter(type="state-changed").count() == 1


def waiting():
    job = begin()
    claimed = jobs.claim("w")
    StepRecord.objects.create(
        job=job,
        order=1,
        number="1",
        kind="approve",
        fingerprint="f",
        request={"about": "plan", "proposal": {"steps": ["a"]}},
    )
    assert jobs.wait_for_person(claimed)
    return claimed


def test_an_answer_lets_the_job_go_on_and_counts_once():
    job = waiting()
    jobs.answer(job, {"yes": True, "steps": ["b"]})
    assert job.steps.get().answer == {"yes": True, "proposal": {"steps": ["b"]}}
    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    with pytest.raises(jobs.NotNow):
        jobs.answer(job, {"yes": False})


def test_an_answer_to_nothing_is_refused_with_a_sentence():
    with pytest.raises(jobs.NotNow) as caught:
        jobs.answer(begin(), {"yes": True})
    assert caught.value.sentence


def test_the_dial_can_be_moved_only_to_its_stops():
    job = begin()
    jobs.set_autonomy(job, "plan")
    job.refresh_from_db()
    assert job.autonomy == "plan"
    with pytest.raises(ValueError, match="loud"):
        jobs.set_autonomy(job, "loud")


def test_files_are_stored_under_names_of_ours():
    job = begin(uploads=[("../../evil.csv", [b"a", b"b"])])
    row = job.uploads.get()
    assert row.path.read_bytes() == b"ab"
    assert "evil" not in row.path.name
    assert row.path.parent.name == "uploads"


def test_of_files_that_did_not_all_fit_on_the_disk_nothing_stays():
    def breaks_off():
        yield b"half"
        raise OSError(28, "No space left on device")

    before = set(jobs.folder("uploads").iterdir())
    with pytest.raises(OSError, match="No space"):
        begin(uploads=[("a.csv", [b"whole"]), ("b.csv", breaks_off())])
    assert set(jobs.folder("uploads").iterdir()) == before
    assert not Job.objects.exists()


def test_a_hundred_jobs_of_one_maker_do_not_hide_the_first_of_another():
    crowd, other = Maker.objects.create(), Maker.objects.create()
    rows = [Job(maker=crowd, kind="run", once=f"c{n}", state=JobState.QUEUED) for n in range(300)]
    Job.objects.bulk_create(rows)
    theirs = Job.objects.create(maker=other, kind="run", once="o", state=JobState.QUEUED)
    assert jobs.claim("a").maker_id == crowd.pk
    assert jobs.claim("a").pk == theirs.pk


def asked(maker, once="1"):
    """A Job that a worker holds, with a plan that nobody answered yet."""
    job = begin(maker, once, description=f"A tea page {once}")
    held = jobs.claim("w", only=job.pk)
    StepRecord.objects.create(
        job=job, order=1, number="1", kind="approve", fingerprint="f", request={"about": "plan", "proposal": {}}
    )
    return held


def test_a_stop_that_came_while_the_question_was_being_told_is_heeded():
    job = asked(Maker.objects.create())
    jobs.stop(Job.objects.get(pk=job.pk))
    assert Job.objects.get(pk=job.pk).state == JobState.RUNNING
    carrying.wait(job)
    job.refresh_from_db()
    assert job.state == JobState.STOPPED


def test_such_a_stop_is_heeded_as_well_where_the_database_went_away_in_the_middle(monkeypatch):
    job = asked(Maker.objects.create())
    jobs.stop(Job.objects.get(pk=job.pk))
    assert jobs.wait_for_person(job)  # so far it came the first time
    carrying.wait(job)
    job.refresh_from_db()
    assert job.state == JobState.STOPPED


@pytest.mark.parametrize("stopped", [False, True])
def test_a_worker_that_lost_its_job_before_it_could_let_it_wait_moves_nothing(stopped):
    job = asked(Maker.objects.create())
    Job.objects.filter(pk=job.pk).update(lease_owner="another/1")
    if stopped:
        jobs.stop(Job.objects.get(pk=job.pk))
    told = job.events.count()
    assert not carrying.wait(job)
    job.refresh_from_db()
    assert (job.state, job.lease_owner) == (JobState.RUNNING, "another/1")
    assert job.events.count() == told


def test_answers_go_no_further_than_what_one_person_may_have_made_at_once(settings):
    settings.CONFIG = replace(settings.CONFIG, caps=replace(settings.CONFIG.caps, maker_at_once=2))
    maker = Maker.objects.create()
    job = asked(maker)
    assert jobs.wait_for_person(job)
    going = [begin(maker, f"more {n}", description=f"Another page {n}") for n in range(2)]
    with pytest.raises(jobs.Enough, match="2 things"):
        jobs.answer(job, {"yes": True})
    assert jobs.open_step(job)
    jobs.stop(going[0])
    jobs.answer(job, {"yes": True})
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


def test_the_dial_of_a_making_that_is_over_counts_for_what_is_asked_next():
    job = begin()
    jobs.stop(job)
    jobs.set_autonomy(job, "keep")
    job.refresh_from_db()
    assert (job.state, job.autonomy) == (JobState.STOPPED, "keep")
