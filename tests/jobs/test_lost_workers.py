"""Leases that run out, workers that leave or die, Stop at an awkward moment: nothing is lost, nothing paid twice."""

import threading
import time

import pytest
from celery.signals import worker_shutdown
from celery.worker import state
from django.db import connection, connections

from tests import fakes
from tests.jobs.carrying import PAGE, attend, begin, carry, timeline, until
from tests.views.conftest import make_card
from vibe import jobs, metrics, worker
from vibe.choices import JobState, Verdict
from vibe.llm.errors import Cancelled
from vibe.management.making import Making
from vibe.models import Job, Maker, Program, Version
from vibe.worker.attended import attended, beat, leaving

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_job_that_lost_its_worker_goes_on_and_pays_nothing_twice(boxes, script):
    script.append(PAGE)
    job = begin()
    claimed = jobs.claim("dead")
    holding = threading.Event()
    boxes.holds = holding
    dying = threading.Thread(target=attend, args=(claimed,))
    dying.start()
    until(lambda: boxes.ran)
    next(iter(attended.values())).line.flush()
    Job.objects.filter(pk=job.pk).update(lease_owner="nobody", lease_until=0)
    jobs.sweep()
    boxes.holds = None
    carry(job)
    assert job.state == JobState.DONE
    assert len(fakes.CALLS) == 1
    assert Version.objects.count() == 1
    seen = timeline(job)
    assert seen.interrupted
    assert [f.path for f in seen.files] == ["index.html"]
    holding.set()
    dying.join(30)
    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert Version.objects.count() == 1


def being_checked(boxes, script):
    """A Job whose page is in a box that does not answer yet, and the thread that attends to it."""
    script.append(PAGE)
    job = begin()
    boxes.holds = threading.Event()
    working = threading.Thread(target=attend, args=(jobs.claim(worker.OWNER),))
    working.start()
    until(lambda: boxes.ran)
    return job, working


def test_stop_in_the_middle_of_a_check_keeps_what_was_written(boxes, script):
    job, working = being_checked(boxes, script)
    began = time.monotonic()
    jobs.stop(job)
    working.join(30)
    assert time.monotonic() - began < 20, "its box would never answer"
    job.refresh_from_db()
    assert job.state == JobState.STOPPED
    version = Version.objects.get()
    assert version.verdict == Verdict.UNCHECKED
    assert "not checked" in job.sentence


def test_a_worker_that_leaves_hands_its_job_back(boxes, script):
    job, working = being_checked(boxes, script)
    try:
        worker.leave(3)
    finally:
        leaving.clear()
    working.join(30)
    job.refresh_from_db()
    assert (job.state, job.interrupted) == (JobState.QUEUED, True)


@pytest.mark.parametrize("told", [False, True])
def test_only_a_worker_that_was_told_to_end_leaves_when_its_consumer_ends(boxes, monkeypatch, told):
    import vibe.tasks  # noqa: F401  it hears the signal

    monkeypatch.setattr(state, "should_stop", 0 if told else None)
    try:
        worker_shutdown.send(sender=None)
        assert leaving.is_set() is told
    finally:
        leaving.clear()


@pytest.fixture
def slow_model(monkeypatch):
    """The model answers when the event is set, or stops when it is told to. `calling` holds the calls in flight."""
    go, calling, ask = threading.Event(), [], fakes._Shared.ask

    def slow(self, call, *, on_delta=None, cancelled=None):
        calling.append(call)
        try:
            while not go.wait(0.01):
                if cancelled.is_set():
                    raise Cancelled
            return ask(self, call, on_delta=on_delta, cancelled=cancelled)
        finally:
            calling.remove(call)

    monkeypatch.setattr(fakes._Shared, "ask", slow)
    return go, calling


def test_a_lease_that_ran_out_in_a_living_process_ends_the_earlier_try(boxes, script, slow_model):
    go, calling = slow_model
    script.extend([PAGE, PAGE])
    job = begin()
    first = threading.Thread(target=attend, args=(jobs.claim(worker.OWNER),))
    first.start()
    until(lambda: calling)
    Job.objects.filter(pk=job.pk).update(lease_until=0)  # the laptop slept
    jobs.sweep()
    second = threading.Thread(target=attend, args=(jobs.claim(worker.OWNER),))
    second.start()
    first.join(30)
    assert not first.is_alive(), "the earlier try goes on"
    until(lambda: len(calling) == 1)
    go.set()
    second.join(30)
    job.refresh_from_db()
    assert job.state == JobState.DONE
    said = [e.type for e in job.events.all()]
    assert said.count("version-made") == said.count("card-made") == 1
    assert said[-1] == "state-changed"


def test_two_changes_of_one_program_never_run_at_once(boxes, script):
    script.append(PAGE)
    job = carry(begin())
    for n in range(2):
        jobs.change(job.program, description=f"Change {n}", autonomy="make", effort="normal", once=f"c{n}")
    won, gate = [], threading.Barrier(4)

    def claim():
        gate.wait()
        if one := jobs.claim(worker.OWNER):
            won.append(one.pk)
        connections.close_all()

    threads = [threading.Thread(target=claim) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(won) == 1


def test_a_pause_that_is_answered_at_once_keeps_its_successor_alive(boxes, script, monkeypatch):
    script.extend(["TITLE Tea\nSTEP A kettle\nCHECK It boils\n", PAGE])
    job = begin(autonomy="plan")
    wait, followers, lost = jobs.wait_for_person, [], metrics.leases_lost._value.get()

    def answered_at_once(one):
        wait(one)
        beat()  # the heart finds that the row names us no longer
        jobs.answer(Job.objects.get(pk=one.pk), {"yes": True})
        follower = threading.Thread(target=attend, args=(jobs.claim(worker.OWNER, only=one.pk),))
        follower.start()
        followers.append(follower)
        until(lambda: Job.objects.get(pk=one.pk).steps.filter(kind="run").exists())
        return True

    monkeypatch.setattr(jobs, "wait_for_person", answered_at_once)
    worker.attend(jobs.claim(worker.OWNER, only=job.pk))
    followers[0].join(30)
    job.refresh_from_db()
    assert metrics.leases_lost._value.get() == lost, "it was given up, not lost"
    assert job.state == JobState.DONE
    assert timeline(job).state == JobState.DONE
    assert timeline(job).version


def test_a_run_of_a_tool_that_is_stopped_speaks_of_no_words(boxes):
    card = make_card(Maker.objects.create(), shape="tool")
    waiting = jobs.run(card.version, card.maker, values={}, files={}, once="1").job
    jobs.stop(waiting)
    waiting.refresh_from_db()
    assert waiting.sentence == "You stopped it."
    running = jobs.run(card.version, card.maker, values={}, files={}, once="2").job
    boxes.holds = threading.Event()
    working = threading.Thread(target=attend, args=(jobs.claim(worker.OWNER, only=running.pk),))
    working.start()
    until(lambda: boxes.ran)
    jobs.stop(running)
    working.join(30)
    running.refresh_from_db()
    assert (running.state, running.sentence) == (JobState.STOPPED, "You stopped it.")


def test_a_stop_outlives_the_worker_that_was_to_hear_it(boxes, script):
    job = begin()
    jobs.claim("dead")
    jobs.stop(job)
    Job.objects.filter(pk=job.pk).update(lease_until=0)
    jobs.sweep()
    assert carry(job).state == JobState.STOPPED
    assert fakes.CALLS == []
    assert job.sentence == "You stopped it. Nothing was written yet. Your words are kept."


def test_what_a_lost_worker_had_written_is_kept_when_it_is_stopped_later(boxes, script):
    script.append(PAGE)
    job = begin()
    boxes.holds = threading.Event()
    first = threading.Thread(target=attend, args=(jobs.claim("dead"),))
    first.start()
    until(lambda: boxes.ran)
    Job.objects.filter(pk=job.pk).update(lease_until=0)
    jobs.sweep()
    boxes.ran.clear()
    second = threading.Thread(target=attend, args=(jobs.claim(worker.OWNER),))
    second.start()
    until(lambda: boxes.ran)
    jobs.stop(job)
    second.join(30)
    first.join(30)
    assert Version.objects.count() == 1
    job.refresh_from_db()
    assert "kept as version 1" in job.sentence


def test_a_job_that_breaks_its_workers_ends_with_a_reference(boxes, script, caplog):
    job = begin()
    for _ in range(worker.MOST_ATTEMPTS):
        jobs.claim("dies at once")
        Job.objects.filter(pk=job.pk).update(lease_until=0)
        jobs.sweep()
    assert carry(job).state == JobState.FAILED
    assert job.fault_ref
    assert fakes.CALLS == []


def test_a_job_that_gets_on_is_never_given_up(boxes, script):
    script.append(PAGE)
    job = begin()
    Job.objects.filter(pk=job.pk).update(attempt=worker.MOST_ATTEMPTS - 1)
    assert carry(job).state == JobState.DONE
    job.refresh_from_db()
    assert job.attempt == 0


def test_a_run_that_lost_its_worker_shows_its_result_once(boxes, script):
    version = _tool_version()
    made = jobs.run(version, Maker.objects.create(), values={}, files={}, once="r")
    jobs.keep_run_file(made, "out.csv", b"old", made=True)  # of the try that died
    Job.objects.filter(pk=made.job_id).update(interrupted=True)
    carry(made.job)
    assert [f.name for f in made.files.filter(made=True)] == ["out.csv"]
    assert timeline(made.job).output == "done\n"


def _tool_version():
    maker = Maker.objects.create()
    program = Program.objects.create(maker=maker, title="T", description="t")
    files = {"tool.toml": 'run = ["python3", "main.py"]\n', "main.py": "print('done')\n"}
    return Version.objects.create(
        program=program, number=1, shape="tool", origin="model", files=files, verdict="held"
    )


def test_the_sweep_asks_a_restarted_database_over_a_new_connection(monkeypatch):
    made, used = Making(), []

    def sweep():
        connection.ensure_connection()
        used.append(connection.connection)
        connection.close_at = time.monotonic()  # as one that was lost, it is not to be used again
        if len(used) == 2:
            made._ending.set()

    monkeypatch.setattr(made, "_sweep", sweep)
    monkeypatch.setattr(made._ending, "wait", lambda seconds: made._ending.is_set())

    def sweep_on():
        made._sweep_on()
        connections.close_all()

    thread = threading.Thread(target=sweep_on)
    thread.start()
    thread.join(30)
    assert used[0] is not used[1]


@pytest.mark.parametrize("meanwhile", ["running", "waiting"])
@pytest.mark.parametrize("ends", ["with an answer", "with a stop"])
def test_a_late_end_of_a_call_takes_no_place_of_what_the_successor_was_answered(
    boxes, script, monkeypatch, ends, meanwhile
):
    ask, job = fakes._Shared.ask, begin()
    theirs = {"text": PAGE.replace("hello", "theirs"), "finish": "stop", "model": "m"}

    def overtaken(self, call, **more):
        reply = ask(self, call, **more)
        if call.purpose == "write":
            owner = "another/1" if meanwhile == "running" else ""
            Job.objects.update(state=meanwhile, lease_owner=owner, plan_change={"steps": ["A kettle"]})
            job.steps.filter(purpose="write").update(answer=theirs)
        if call.purpose == "write" and ends == "with a stop":
            next(iter(attended.values())).lose()
            stopped = Cancelled()
            stopped.usage = reply.usage
            raise stopped
        return reply

    monkeypatch.setattr(fakes._Shared, "ask", overtaken)
    script.append(PAGE)
    carry(job)
    assert job.steps.get(purpose="write").answer == theirs
    assert job.plan_change == {"steps": ["A kettle"]}, "it is the successor's to hear"
    assert job.state == meanwhile
    assert not Version.objects.exists()


def test_what_nobody_else_took_up_yet_is_journaled_by_a_worker_whose_lease_ran_out(boxes, script, monkeypatch):
    ask, job = fakes._Shared.ask, begin()

    def late(self, call, **more):
        reply = ask(self, call, **more)
        if call.purpose == "write":
            Job.objects.update(lease_until=0)
            jobs.sweep()
        return reply

    monkeypatch.setattr(fakes._Shared, "ask", late)
    script.append(PAGE)
    worker.attend(jobs.claim(worker.OWNER, only=job.pk))
    assert job.steps.get(purpose="write").answer["text"] == PAGE
    assert carry(job).state == JobState.DONE
    assert len(fakes.CALLS) == 1
