"""The dial is moved while somebody works on it: it counts from the next step on, whatever the Job began with."""

import pytest

from tests import fakes
from tests.jobs.carrying import PAGE, begin, carry
from vibe import jobs
from vibe.choices import JobState
from vibe.models import Job

pytestmark = pytest.mark.django_db(transaction=True)
CLASH = (
    "STEP A bell\n"
    'CHECK It rings\n{"expect": [{"see": "visible", "target": {"text": "rings"}}]}\n'
    'CHECK It stays quiet\n{"expect": [{"see": "hidden", "target": {"text": "rings"}}]}\n'
)
BOOM = {**fakes.CALM, "errors": [{"kind": "uncaught", "text": "boom", "line": 1}]}


@pytest.fixture
def during(monkeypatch):
    """during(purpose, dial): the dial is moved in the middle of that call."""
    ask, moves = fakes._Shared.ask, {}

    def moved(self, call, **more):
        if dial := moves.pop(call.purpose, None):
            jobs.set_autonomy(Job.objects.get(), dial)
        return ask(self, call, **more)

    monkeypatch.setattr(fakes._Shared, "ask", moved)
    return moves.__setitem__


@pytest.mark.parametrize(("before", "after", "waits"), [("make", "plan", True), ("plan", "make", False)])
def test_whether_a_plan_is_waited_for(boxes, script, during, before, after, waits):
    during("plan", after)
    script.append(PAGE)
    job = carry(begin(autonomy=before))
    assert job.state == (JobState.WAITING if waits else JobState.DONE)


@pytest.mark.parametrize(("before", "after", "waits"), [("make", "plan", True), ("plan", "make", False)])
def test_whether_a_question_is_asked(boxes, script, during, before, after, waits):
    during("plan", after)
    script.extend([CLASH, PAGE])
    job = carry(begin(autonomy=before))
    step = jobs.open_step(job)
    assert (step.purpose if step else "") == ("clash-1" if waits else "")


@pytest.mark.parametrize(("before", "after", "calls"), [("make", "keep", 6), ("keep", "make", 3)])
def test_how_many_calls_it_has(boxes, script, during, before, after, calls):
    boxes.observations = BOOM
    during("write", after)
    script.extend(["Shall I begin?", *(PAGE.replace("hello", f"try {n}") for n in range(9))])
    job = carry(begin(autonomy=before, effort="quick"))
    assert job.steps.filter(kind="ask").count() == calls
