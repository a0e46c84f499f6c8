"""From a queued row to a card: what the worker says, keeps and leaves behind."""

import shutil
import threading
import time

import pytest
from django.db import connections

from sandbox.errors import BadSource, BoxFailed, EngineUnavailable, ImageMissing
from tests import fakes
from tests.jobs.carrying import PAGE, TIMER, begin, carry, timeline
from tests.waiting import wait
from vibe import cards, events, jobs, keepsakes, worker
from vibe.choices import JobState, Verdict
from vibe.llm.errors import ModelFault
from vibe.models import Card, EventRecord, Maker, Version
from vibe.perform.storable import storable
from vibe.worker.attended import hold, let_go
from vibe.worker.endings import hand_back_later

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_a_change_is_no_way_around_a_card_that_was_taken_down(boxes, script):
    script.append(PAGE)
    job = carry(begin())
    cards.retire(Card.objects.get())
    script.append(PAGE.replace("hello", "bye"))
    later = carry(jobs.change(job.program, description="say bye", autonomy="make", effort="normal", once="2"))
    job.program.refresh_from_db()
    assert (later.state, job.program.current.number) == (JobState.DONE, 2)
    assert Card.objects.count() == 1
    assert timeline(later).card is None
    assert "taken down" in later.sentence


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


@pytest.mark.parametrize(
    "seen",
    [
        {"text": "half of a party: \ud83c"},
        {"title": "\udf89 the other half"},
        {"checks": [{"id": "x", "failed": None, "seen": [float("nan")]}]},
    ],
)
def test_what_no_database_keeps_does_not_end_a_job(boxes, script, monkeypatch, seen):
    checks = seen.pop("checks", [])
    monkeypatch.setattr(boxes, "_checks", lambda self, source: checks)
    boxes.observations = {**fakes.CALM, **seen}
    script.append(PAGE)
    job = carry(begin())
    assert job.state == JobState.DONE, job.sentence


def test_answers_are_kept_as_postgresql_takes_them():
    page = {"text": "a\0b\ud83c", "seen": [1, True, None, float("inf"), "\ud83c\udf89"], "\0": ()}
    assert storable(page) == {"text": "a�b�", "seen": [1, True, None, None, "🎉"], "�": []}


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


OURS = [
    BadSource("Too many files."),
    ImageMissing("It was never built."),
    BoxFailed("No room."),
    EngineUnavailable("Gone."),
]


@pytest.fixture
def breaking(boxes):
    """Breaks the engine from here on, with an error of ours."""
    from vibe.perform import boxes as engines

    def breaks(problem):
        class Broken(boxes):
            def run(self, source, **more):
                raise problem

        engines._engine = Broken()

    return breaks


@pytest.mark.parametrize("problem", OURS, ids=lambda problem: type(problem).__name__)
def test_a_run_that_no_box_takes_says_why_and_is_no_fault(boxes, script, breaking, problem):
    script.append(TOOL)
    carry(begin("adds a file", shape="tool"))
    run = jobs.run(Version.objects.get(), Maker.objects.create(), values={}, files={}, once="r")
    breaking(problem)
    carry(run.job)
    assert (run.job.state, run.job.fault_ref) == (JobState.FAILED, "")
    assert run.job.sentence == f"This tool can’t run now: {problem.sentence}"


@pytest.mark.parametrize("problem", OURS, ids=lambda problem: type(problem).__name__)
def test_what_no_box_takes_is_made_and_not_checked(script, breaking, problem):
    breaking(problem)
    script.append(TOOL)
    job = carry(begin("adds a file", shape="tool", uploads=[("a.csv", [b"x,y\n1,2\n"])]))
    assert (job.state, job.sentence) == (JobState.DONE, "Made, but not checked.")
    assert any(problem.sentence in line for line in Version.objects.get().not_checked)
    assert "x,y" in fakes.CALLS[-1].messages[-1].text, "its first lines are read without a box"


@pytest.mark.parametrize("heard", ["stop", "leave"])
def test_who_waits_for_the_database_hears_a_stop(boxes, script, monkeypatch, heard):
    monkeypatch.setattr("vibe.worker.endings.PAUSE_S", 60.0)
    job = begin()
    one = hold(jobs.claim(worker.OWNER))
    one.leaving = heard == "leave"
    one.cancelled.set()
    began = time.monotonic()
    try:
        hand_back_later(one, OSError(28, "full"))
    finally:
        one.line.close()
        let_go(one)
    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    assert time.monotonic() - began < 30


def test_a_disk_that_is_full_for_long_ends_no_job_and_nothing_is_paid_twice(boxes, script, monkeypatch):
    keep, usage, full, met = keepsakes.Keepsakes.keep, shutil.disk_usage, threading.Event(), []

    def keeps(*what):
        if full.is_set():
            met.append(True)
            raise OSError(28, "No space left on device")
        return keep(*what)

    monkeypatch.setattr(keepsakes.Keepsakes, "keep", keeps)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: usage(path)._replace(**{"free": 0} if full.is_set() else {})
    )
    monkeypatch.setattr("vibe.worker.endings.PAUSE_S", 0.01)
    full.set()
    script.append(PAGE)
    job = begin()

    def work():
        while mine := jobs.claim(worker.OWNER, only=job.pk):
            worker.attend(mine)
        connections.close_all()

    working = threading.Thread(target=work)
    working.start()
    wait(lambda: met)
    working.join(1)  # long enough for many a try
    assert working.is_alive()
    full.clear()
    working.join(30)
    job.refresh_from_db()
    assert job.state == JobState.DONE, job.sentence
    assert len([call for call in fakes.CALLS if call.purpose == "write"]) == 1


def test_what_a_model_says_that_cannot_be_stored_ends_the_job_as_our_fault(boxes, script, monkeypatch, caplog):
    monkeypatch.setattr("vibe.perform.writing.events.Said", lambda text: events.Said(object()))  # type: ignore[arg-type]
    script.extend([PAGE] * 3)
    job = carry(begin())
    assert job.state == JobState.FAILED
    assert job.fault_ref
    assert len(fakes.CALLS) <= 1


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
    states = [(s.title, s.state, s.line) for s in seen.steps if s.kind in {"write", "fix"}]
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
