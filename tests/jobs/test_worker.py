"""From a queued row to a card: what the worker says, keeps and leaves behind."""

import threading
import time

import pytest
from django.db import connections

from tests import fakes
from vibe import events, jobs, worker
from vibe.choices import JobState, Verdict
from vibe.live import feed
from vibe.live.timeline import fold
from vibe.llm.errors import Cancelled, ModelFault
from vibe.models import Card, EventRecord, Job, Maker, Program, Version
from vibe.worker.attended import attended, leaving

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "Here it is.\n\nFILE index.html\n```html\n<title>Tea</title><p>hello</p>\n```\nDONE\n"
TIMER = "A timer for 25 minutes of work and 5 minutes of rest"


def begin(description="A tea page", **more):
    more = {"shape": "auto", "autonomy": "make", "effort": "normal", "once": "k", **more}
    return jobs.begin(more.pop("maker", None) or Maker.objects.create(), description=description, **more)


def carry(job):
    worker.attend(jobs.claim(worker.OWNER, only=job.pk))
    job.refresh_from_db()
    return job


def timeline(job):
    return fold(feed.whole(job.pk))


def test_a_sentence_becomes_a_version_and_a_card(boxes, script):
    script.append(PAGE)
    job = carry(begin())
    assert job.state == JobState.DONE
    version = Version.objects.get()
    assert (version.verdict, version.program.title, version.model_name) == (Verdict.HELD, "Tea", "test-model")
    assert bytes(version.shot) == fakes.PIXEL
    assert Card.objects.get().version == version
    seen = timeline(job)
    assert [f.text for f in seen.files] == ["<title>Tea</title><p>hello</p>\n"]
    assert seen.said.strip() == "Here it is."
    assert seen.version["number"] == 1
    assert seen.sentence.startswith("Done.")


def test_numbers_of_events_have_no_gap(boxes, script):
    script.append(PAGE)
    job = carry(begin())
    assert list(job.events.values_list("seq", flat=True)) == list(range(1, job.events.count() + 1))


def test_what_it_cost_is_booked(boxes, script):
    script.append(PAGE)
    job = carry(begin())
    plan, write = job.steps.filter(kind="ask")
    assert write.tokens_out > 0
    assert write.cost_usd > 0
    assert timeline(job).spent["calls"] == 2
    assert timeline(job).spent["cost_usd"] == pytest.approx(float(plan.cost_usd + write.cost_usd))


def test_with_no_model_a_recipe_is_made_and_says_so(boxes):
    job = carry(begin(TIMER))
    assert job.state == JobState.DONE
    version = Version.objects.get()
    assert (version.origin, version.recipe, version.slots["work"]) == ("recipe", "focus-timer", 25)
    assert timeline(job).recipe["name"] == "Focus timer"


def test_without_boxes_a_page_is_made_and_called_not_checked(boxes, script):
    boxes.trouble = "Docker is not running."
    script.append(PAGE)
    job = carry(begin())
    assert Version.objects.get().verdict == Verdict.UNCHECKED
    assert job.sentence == "Made, but not checked."


def test_a_fault_of_the_model_ends_the_job_with_its_sentence_and_keeps_the_words(boxes, script):
    script.append(ModelFault("no_credit", "quota"))
    job = carry(begin())
    assert job.state == JobState.FAILED
    assert "no credit" in job.sentence
    assert job.request == "A tea page"
    assert not Version.objects.exists()


def test_a_fault_of_ours_ends_one_job_with_a_reference_and_not_the_worker(boxes, script, caplog):
    boxes.observations = {"loaded": object()}
    script.extend([PAGE, PAGE])
    job = carry(begin())
    assert job.state == JobState.FAILED
    assert job.fault_ref in job.sentence
    boxes.observations = fakes.CALM
    assert carry(begin(once="next")).state == JobState.DONE


def test_a_plan_waits_for_the_person_and_the_job_goes_on_from_the_answer(boxes, script):
    script.append("TITLE Tea\nSTEP A kettle\nCHECK It boils\n")
    job = carry(begin(autonomy="plan"))
    assert job.state == JobState.WAITING
    assert timeline(job).plan["waits"]
    script.append(PAGE)
    jobs.answer(job, {"yes": True, "steps": ["A green kettle"]})
    carry(job)
    assert job.state == JobState.DONE
    assert "A green kettle" in fakes.CALLS[1].messages[-1].text
    assert len(fakes.CALLS) == 2
    assert not timeline(job).plan["waits"]


def test_a_job_that_lost_its_worker_goes_on_and_pays_nothing_twice(boxes, script):
    script.append(PAGE)
    job = begin()
    claimed = jobs.claim("dead")
    holding = threading.Event()
    boxes.holds = holding
    dying = threading.Thread(target=_attend, args=(claimed,))
    dying.start()
    for _ in range(500):
        if boxes.ran:
            break
        time.sleep(0.01)
    assert boxes.ran, "the check never began"
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
    dying.join(5)
    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert Version.objects.count() == 1


def _attend(job):
    try:
        worker.attend(job)
    finally:
        connections.close_all()


def test_stop_in_the_middle_of_a_check_keeps_what_was_written(boxes, script):
    script.append(PAGE)
    job = begin()
    boxes.holds = threading.Event()
    working = threading.Thread(target=_attend, args=(jobs.claim(worker.OWNER),))
    working.start()
    for _ in range(500):
        if boxes.ran:
            break
        time.sleep(0.01)
    began = time.monotonic()
    jobs.stop(job)
    working.join(5)
    assert time.monotonic() - began < 2
    job.refresh_from_db()
    assert job.state == JobState.STOPPED
    version = Version.objects.get()
    assert version.verdict == Verdict.UNCHECKED
    assert "not checked" in job.sentence


def test_a_worker_that_leaves_hands_its_job_back(boxes, script):
    script.append(PAGE)
    job = begin()
    boxes.holds = threading.Event()
    working = threading.Thread(target=_attend, args=(jobs.claim(worker.OWNER),))
    working.start()
    for _ in range(500):
        if boxes.ran:
            break
        time.sleep(0.01)
    try:
        worker.leave(3)
    finally:
        leaving.clear()
    working.join(5)
    job.refresh_from_db()
    assert (job.state, job.interrupted) == (JobState.QUEUED, True)


def test_a_change_makes_a_second_version_and_the_link_stays_where_it_was(boxes, script):
    script.extend([PAGE, PAGE.replace("hello", "bye")])
    job = carry(begin())
    later = jobs.change(job.program, description="say bye", autonomy="make", effort="normal", once="2")
    carry(later)
    assert list(Version.objects.order_by("number").values_list("number", flat=True)) == [1, 2]
    job.program.refresh_from_db()
    assert job.program.current.number == 2
    assert Card.objects.get().version.number == 1
    assert timeline(later).card["stale"]


def test_a_change_that_breaks_what_held_leaves_the_old_version_current(boxes, script):
    script.extend([PAGE, PAGE, PAGE])
    job = carry(begin())
    boxes.observations = {**fakes.CALM, "errors": [{"kind": "uncaught", "text": "boom", "line": 1}]}
    later = carry(jobs.change(job.program, description="break it", autonomy="make", effort="quick", once="2"))
    job.program.refresh_from_db()
    assert job.program.current.number == 1
    assert "stays" in later.sentence


TOOL = """FILE tool.toml
```toml
title = "Adder"
run = ["python3", "main.py"]
[[inputs]]
name = "file"
label = "File"
type = "file"
accept = [".csv"]
```
FILE main.py
```python
print("done")
```
DONE
"""


def test_a_tool_is_tried_and_a_visitors_run_is_its_own(boxes, script):
    script.append(TOOL)
    job = carry(begin("adds a file", shape="tool"))
    assert job.state == JobState.DONE
    version = Version.objects.get()
    assert version.is_tool
    visitor = Maker.objects.create()
    run = jobs.run(
        version,
        visitor,
        values={"file": "in/a.csv"},
        files={"in/a.csv": b"x"},
        once="r",
        card=Card.objects.get(),
    )
    carry(run.job)
    assert run.job.state == JobState.DONE
    run.refresh_from_db()
    assert [f.name for f in run.files.filter(made=True)] == ["out.csv"]
    assert timeline(run.job).output == "done\n"
    assert boxes.ran[-1].files["in/a.csv"] == b"x"
    jobs.forget_old_runs()
    assert run.files.count() == 2
    run.expires = run.created
    run.save()
    paths = [f.path for f in run.files.all()]
    assert jobs.forget_old_runs() == 1
    assert not any(p.exists() for p in paths)
    assert not EventRecord.objects.filter(job=run.job).exists()


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


def _until(ask, seconds=8.0):
    until = time.monotonic() + seconds
    while not ask():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.01)


def test_a_lease_that_ran_out_in_a_living_process_ends_the_earlier_try(boxes, script, slow_model):
    go, calling = slow_model
    script.extend([PAGE, PAGE])
    job = begin()
    first = threading.Thread(target=_attend, args=(jobs.claim(worker.OWNER),))
    first.start()
    _until(lambda: calling)
    Job.objects.filter(pk=job.pk).update(lease_until=0)  # the laptop slept
    jobs.sweep()
    second = threading.Thread(target=_attend, args=(jobs.claim(worker.OWNER),))
    second.start()
    first.join(5)
    assert not first.is_alive(), "the earlier try goes on"
    _until(lambda: len(calling) == 1)
    go.set()
    second.join(5)
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
    wait, followers = jobs.wait_for_person, []

    def answered_at_once(one):
        wait(one)
        jobs.answer(Job.objects.get(pk=one.pk), {"yes": True})
        follower = threading.Thread(target=_attend, args=(jobs.claim(worker.OWNER, only=one.pk),))
        follower.start()
        followers.append(follower)
        _until(lambda: Job.objects.get(pk=one.pk).steps.filter(kind="run").exists())
        return True

    monkeypatch.setattr(jobs, "wait_for_person", answered_at_once)
    worker.attend(jobs.claim(worker.OWNER, only=job.pk))
    followers[0].join(5)
    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert timeline(job).state == JobState.DONE
    assert timeline(job).version


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
    first = threading.Thread(target=_attend, args=(jobs.claim("dead"),))
    first.start()
    _until(lambda: boxes.ran)
    Job.objects.filter(pk=job.pk).update(lease_until=0)
    jobs.sweep()
    boxes.ran.clear()
    second = threading.Thread(target=_attend, args=(jobs.claim(worker.OWNER),))
    second.start()
    _until(lambda: boxes.ran)
    jobs.stop(job)
    second.join(5)
    first.join(5)
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


def test_what_a_model_says_that_cannot_be_stored_ends_the_job_as_our_fault(boxes, script, monkeypatch, caplog):
    monkeypatch.setattr("vibe.perform.events.Said", lambda text: events.Said(object()))  # type: ignore[arg-type]
    script.extend([PAGE] * 3)
    job = carry(begin())
    assert job.state == JobState.FAILED
    assert job.fault_ref
    assert len(fakes.CALLS) <= 1


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


def test_a_finished_step_does_not_say_what_it_is_doing(boxes, script):
    script.append(PAGE)
    seen = timeline(carry(begin()))
    assert {s.title: s.line for s in seen.steps if s.kind != "check"} == {
        "Plan": "",
        "Write": "index.html, 1 lines",
    }


def test_a_reply_without_a_file_is_no_good_step(boxes, script):
    script.extend(["I would rather talk about it.", PAGE])
    seen = timeline(carry(begin()))
    states = [(s.title, s.state, s.line) for s in seen.steps if s.kind == "write"]
    assert states[0] == ("Write", "bad", "There was no file in the reply")
    assert states[1][:2] == ("Write again", "done")


def test_what_was_said_before_the_line_broke_is_not_said_again(boxes, script, monkeypatch):
    from vibe.llm.message import Delta

    broken = []

    def ask(self, call, *, on_delta=None, cancelled=None):
        if not fakes.is_plan(call.messages[0].text) and len(broken) < 1:
            on_delta(Delta("Here it is.\n\n"))
            broken.append(True)
            raise ModelFault("cut", retry_after=0.01, partial="Here it is.")
        return scripted(self, call, on_delta=on_delta, cancelled=cancelled)

    scripted = fakes._Shared.ask
    monkeypatch.setattr(fakes._Shared, "ask", ask)
    script.append(PAGE)
    seen = timeline(carry(begin()))
    assert broken
    assert seen.said.strip() == "Here it is."
    assert [s.title for s in seen.steps if s.kind == "write"] == ["Write"]
