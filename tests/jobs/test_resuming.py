"""A worker dies after any step of a making: another one goes on, and no call that was answered is paid a second time."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from tests import fakes
from tests.jobs.carrying import begin, carry
from vibe import jobs, worker
from vibe.choices import JobState
from vibe.models import Job, StepRecord, Version
from vibe.perform import Performer

pytestmark = pytest.mark.django_db(transaction=True)
PLAN = (
    "TITLE Tea party\nSTEP A poster\nQUESTION Which tea? | green | black\nCHECK It speaks of tea\n"
    '{"expect": [{"see": "visible", "target": {"text": "tea"}}], "covers": [1]}\n'
)
CLASHING = PLAN + (
    'CHECK It is about coffee\n{"expect": [{"see": "hidden", "target": {"text": "tea"}}]}\n'  # and of tea
)
OWN = 'CHECK It is warm\n{"expect": [{"see": "visible", "target": {"text": "warm"}}]}\n'
ERROR = {"kind": "uncaught", "text": "boom", "line": 1}


def page(word):
    return f"FILE index.html\n```html\n<title>Tea</title><p>{word} tea</p>\n```\nDONE\n"


class Died(BaseException):
    """The worker is gone, in the middle of whatever it did."""


def to_the_end(job, answers, dies_after=None):
    """Carry `job` to its end; the worker that performs step `dies_after` dies when that is journaled, and with it what
    it does side by side. Whether one did."""
    died = dead = False
    perform = Performer.perform

    def mortal(self, step, number):
        nonlocal died, dead
        if dead:
            raise Died
        answer = perform(self, step, number)
        if number == dies_after and not died:
            died = dead = True
            raise Died
        return answer

    Performer.perform = mortal
    try:
        for _ in range(20):
            dead = False
            claimed = jobs.claim(worker.OWNER, only=job.pk)
            try:
                worker.attend(claimed)
            except Died:
                Job.objects.filter(pk=job.pk).update(lease_until=0)
                jobs.sweep()
            job.refresh_from_db()
            if job.state == JobState.WAITING:
                given = dict(answers[jobs.open_step(job).purpose])
                if dial := given.pop("dial", ""):
                    jobs.set_autonomy(job, dial)
                jobs.answer(job, given)
            elif job.is_over:
                return died
    finally:
        Performer.perform = perform
    raise AssertionError(f"still {job.state}")


ANSWERS = {
    "plan-1": {"choice": "1"},
    "clash-1": {"choice": "1"},
    "plan": {"yes": True},
    "repair": {"choice": "yes"},
    "look": {"choice": "2"},
    "save": {"choice": "yes"},
}
MAKINGS = {
    "looks to pick from": (
        {"autonomy": "ask", "shape": "picture", "effort": "thorough"},
        [PLAN, PLAN, page("red"), page("blue")],
        [],
    ),
    "a repair that is asked for": (
        {"autonomy": "ask", "effort": "normal"},
        [PLAN, PLAN, page("red"), page("blue")],
        [1],
    ),
    "a form that is asked for again": (
        {"autonomy": "make", "effort": "normal"},
        [PLAN, "nothing", page("red")],
        [],
    ),
    "going on": (
        {"autonomy": "keep", "effort": "normal"},
        [PLAN, page("a"), page("b"), page("c"), page("d")],
        [3, 2, 1],
    ),
    "all that there is": (
        {"autonomy": "ask", "effort": "normal"},
        [
            CLASHING,
            CLASHING,
            OWN,
            page("a"),
            page("bb"),
            page("ccc"),
            page("dddd"),
            page("eeeee"),
            page("ffffff"),
        ],
        [1, 2, 1, 4, 4],
    ),
}
ALL_THERE_IS = ["plan", "plan", "checks", "write", "write", "repair", "resample", "repair", "escalate"]


def looked_at_while_broken(boxes, lines):
    """The first candidates raise an error, each in its line."""

    class Breaking(boxes):
        left = list(lines)

        def run(self, source, **more):
            brief = source.image == "browser" and json.loads(source.files["job.json"]).get("brief")
            boxes.observations = dict(fakes.CALM)
            if source.image == "browser" and not brief and Breaking.left:
                boxes.observations = {**fakes.CALM, "errors": [{**ERROR, "line": Breaking.left.pop(0)}]}
            return super().run(source, **more)

    from vibe.perform import boxes as engines

    engines._engine = Breaking()


def waits_and_then_keeps_going(boxes, script, *, waited_s=0.0, worked_s=0.0):
    """A Job that waited for its person with the plan, and is then to go on by itself; three tries do not hold."""
    script += [PLAN, *map(page, ("a", "b", "c", "d"))]
    looked_at_while_broken(boxes, [3, 2, 1])
    job = carry(begin(autonomy="plan"))
    assert job.state == JobState.WAITING
    Job.objects.filter(pk=job.pk).update(started=timezone.now() - timedelta(seconds=waited_s))
    job.steps.filter(kind="ask").update(seconds=worked_s)
    jobs.set_autonomy(job, "keep")
    jobs.answer(job, {"yes": True})
    return carry(job)


def test_how_long_a_person_was_waited_for_is_no_time_of_the_making(boxes, script):
    job = waits_and_then_keeps_going(boxes, script, waited_s=200_000)
    assert "10 minutes" not in job.sentence
    assert Version.objects.get().verdict == "held"


def test_a_making_that_worked_for_ten_minutes_ends_where_nobody_is_asked(boxes, script):
    job = waits_and_then_keeps_going(boxes, script, worked_s=601)
    assert "It reached the limit of 10 minutes." in job.sentence


@pytest.mark.parametrize("name", MAKINGS)
def test_killed_after_any_step_it_ends_alike_and_pays_nothing_twice(name, boxes, script, monkeypatch):
    how, replies, broken = MAKINGS[name]
    monkeypatch.setattr("vibe.perform.performer.SIDE_BY_SIDE", 1)  # so that the replies go round in their order
    looked_at_while_broken(boxes, broken)
    script.extend(replies)
    whole = begin(once="whole", **how)
    answers = ANSWERS
    if name == "all that there is":  # the person adds a promise of their own, then leaves the rest to us
        own = {"id": "", "sentence": "It is warm", "confirmed": True}
        answers = {**ANSWERS, "plan": {"yes": True, "checks": [own], "dial": "keep"}}
    to_the_end(whole, answers)
    assert whole.state == JobState.DONE, whole.sentence
    paid, files = len(fakes.CALLS), Version.objects.get(job=whole).files
    numbers = list(whole.steps.order_by("pk").values_list("number", flat=True))
    assert paid == len(replies)
    if name == "all that there is":
        assert [call.purpose for call in fakes.CALLS] == ALL_THERE_IS
        asked = whole.steps.filter(kind__in=("question", "approve")).order_by("pk")
        assert list(asked.values_list("purpose", flat=True)) == [
            "clash-1",
            "plan-1",
            "plan",
            "repair",
            "repair",
            "save",
        ]
        beside = whole.steps.filter(kind="run", number__contains=".", request__why="candidate")
        assert beside.count() == 2
    for number in numbers:
        if name != "all that there is" and number.partition(".")[2] not in {"", "1"}:
            continue  # of steps side by side the first stands for all; the longest making has each of them
        fakes.CALLS.clear()
        script[:] = replies
        looked_at_while_broken(boxes, broken)
        job = begin(once=f"dies after {number}", **how)
        assert to_the_end(job, answers, number) or not _is_performed(whole, number), number
        assert job.state == JobState.DONE, f"{number}: {job.sentence}"
        assert len(fakes.CALLS) == paid, number
        assert Version.objects.get(job=job).files == files, number
        assert list(job.steps.order_by("pk").values_list("number", flat=True)) == numbers


def _is_performed(job, number):
    """Whether a worker performs this step to its end: what the person answers is never returned from."""
    return StepRecord.objects.get(job=job, number=number).purpose not in ANSWERS
