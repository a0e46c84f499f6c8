"""How long it takes from Stop to the closed connection of a model that says nothing, and of one that streams."""

import select
import threading
import time

import pytest
from django.db import connections

from tests import fakes
from tests import modelserver as play
from tests.jobs.carrying import PAGE, begin, carry, timeline, until
from vibe import jobs, worker
from vibe.choices import JobState, Verdict
from vibe.llm.errors import Cancelled
from vibe.llm.message import Delta
from vibe.models import Job, ModelRow, Version

pytestmark = pytest.mark.django_db(transaction=True)


def silent(closed):
    """Some words, then nothing: notes when its caller hangs up."""

    def behave(handler):
        handler.begin()
        handler.chunk({"content": "FILE index.html\n```html\n<p>"})
        select.select([handler.connection], [], [], 30)
        closed.append(time.monotonic())

    return behave


@pytest.mark.parametrize("chatty", [False, True])
def test_stop_closes_the_connection_to_the_model_within_a_tenth_of_a_second(boxes, settings, chatty):
    settings.LLM_CLIENT = "vibe.llm.client.OpenAIClient"
    took = []
    with play.ModelServer() as model:
        ModelRow.objects.create(name="m", base_url=model.url, price_in=1, price_out=2)
        for n in range(5):
            closed = model.left if chatty else []
            closed.clear()
            model.requests.clear()
            model.always(play.endless() if chatty else silent(closed))
            job = begin(once=str(n), description=f"A tea page {n}")
            working = threading.Thread(target=_attend, args=(jobs.claim(worker.OWNER, only=job.pk),))
            working.start()
            until(lambda: model.requests)
            time.sleep(0.2)  # in the middle of it
            asked = time.monotonic()
            jobs.stop(job)
            until(lambda closed=closed: closed)
            took.append(closed[0] - asked)
            working.join(30)
            job.refresh_from_db()
            assert job.state == JobState.STOPPED
    took.sort()
    print(f"{'streaming' if chatty else 'silent'}: closed after {took[0] * 1000:.0f}–{took[-1] * 1000:.0f} ms")
    assert took[len(took) // 2] <= 0.1


def _attend(job):
    try:
        worker.attend(job)
    finally:
        connections.close_all()


@pytest.fixture
def broken(boxes):
    """What is opened breaks at once."""
    boxes.observations = {**fakes.CALM, "errors": [{"kind": "uncaught", "text": "boom", "line": 1}]}


def asked_whether_to_mend(script):
    """A Job at "ask", written and checked, that waits at "Shall I mend it?"."""
    script.append(PAGE)
    job = carry(begin(autonomy="ask"))
    while job.state == JobState.WAITING and jobs.open_step(job).purpose != "repair":
        step = jobs.open_step(job)
        jobs.answer(
            job, {"choice": step.request["choices"][0]["value"]} if step.kind == "question" else {"yes": True}
        )
        carry(job)
    assert job.state == JobState.WAITING
    return job


def test_stop_at_a_question_keeps_the_program_that_was_written_and_what_its_checks_found(broken, script):
    job = asked_whether_to_mend(script)
    asked, told = len(fakes.CALLS), timeline(job)
    jobs.stop(job)
    jobs.stop(job)
    assert timeline(job).sentence == "You stopped it. I keep what is written as soon as a worker is free."
    carry(job)
    assert job.state == JobState.STOPPED
    version = Version.objects.get()
    assert "hello" in version.files["index.html"]
    assert version.verdict == Verdict.BROKEN
    assert [r["held"] for r in version.results] == [r["held"] for r in told.checked["results"]]
    held = sum(1 for r in version.counted if r["held"])
    assert job.sentence == (
        f"You stopped it. What was written is kept as version 1: {held} of {len(version.counted)} checks hold."
    )
    assert len(fakes.CALLS) == asked
    assert [f.path for f in timeline(job).files] == ["index.html"]


def test_a_stop_while_an_answered_job_waits_in_the_line_keeps_what_was_written(broken, script):
    job = asked_whether_to_mend(script)
    jobs.answer(job, {"choice": "yes"})
    jobs.stop(job)
    assert carry(job).state == JobState.STOPPED
    assert Version.objects.get().verdict == Verdict.BROKEN


BOOM = [{"kind": "uncaught", "text": "boom", "line": 1}]
WORSE = PAGE.replace("hello", "worse")


@pytest.mark.parametrize(
    "half", ["", "FILE index.html\n```html\n<p>half of a third try</p>\n```\nFILE app.js\n```js\nlet"]
)
def test_a_stop_while_it_is_mended_keeps_the_best_that_was_checked(boxes, script, monkeypatch, half):
    look, ask = boxes.run, fakes._Shared.ask

    def seen(self, source, **more):
        opens = "worse" not in str(source.files)
        boxes.observations = {**fakes.CALM, "errors": BOOM, "loaded": opens}
        return look(self, source, **more)

    def stopped_at_the_third(self, call, **more):
        if script or fakes.is_plan(call.messages[0].text):
            return ask(self, call, **more)
        if half:
            more["on_delta"](Delta(half))
        jobs.stop(Job.objects.get())
        assert more["cancelled"].wait(8)
        raise Cancelled

    monkeypatch.setattr(boxes, "run", seen)
    monkeypatch.setattr(fakes._Shared, "ask", stopped_at_the_third)
    script.extend([PAGE, WORSE])
    job = carry(begin())
    assert job.state == JobState.STOPPED
    version = Version.objects.get()
    assert "hello" in version.files["index.html"]
    assert list(version.files) == ["index.html"]
    held = sum(1 for r in version.counted if r["held"])
    assert held > 1
    assert job.sentence == (
        f"You stopped it. What was written is kept as version 1: {held} of {len(version.counted)} checks hold."
    )
    assert timeline(job).checked["results"] == version.results
