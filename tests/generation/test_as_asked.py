"""“As you asked” is said only where all that the person ticked was looked at, and something was ticked for this request."""

import pytest

from tests.generation.test_checks import SEEN
from tests.generation.world import CHECKED, HELD, PAGE, World, make
from vibe.choices import Verdict
from vibe.generation.checks import judge
from vibe.generation.request import Base, Request
from vibe.generation.steps import Checked
from vibe.generation.trial import Tried, told
from vibe.live.timeline import Timeline
from vibe.models import Version

LATE = {"failed": {"step": 0, "why": "there was no time left"}, "seen": [], "late": True, "seconds": 0.0}


def ticked(id_):
    expect = [{"see": "text", "is": "3"}]
    return {"id": id_, "sentence": id_, "source": "model", "confirmed": True, "expect": expect}


@pytest.mark.parametrize("late", [False, True])
def test_a_promise_that_was_ticked_and_not_looked_at_is_not_passed_over(late):
    checks = [ticked("a"), ticked("b")]
    seen = {"id": "a", "failed": None, "seen": ["3"], "seconds": 1.0}
    answer = {**SEEN, "checks": [seen, {**seen, "id": "b", **(LATE if late else {})}]}
    tried = Tried({}, "page", checks, judge("page", checks, answer))
    data = told(tried).data
    assert data["verdict"] == "held"
    assert Timeline(checked=data).as_asked is not late
    version = Version(verdict=data["verdict"], results=data["results"], measures=tried.ticks)
    assert version.as_asked is not late


RINGS = {"id": "p1", "sentence": "It rings", "expect": [{"see": "visible", "target": {"text": "rings"}}]}
MINE = {"id": "p1", "sentence": "It rings", "confirmed": True}
QUIET = 'CHECK Quiet\n{"expect": [{"see": "hidden", "target": {"text": "rings"}}]}\n'
NEITHER = 'CHECK Both\n{"expect": [{"see": "hidden", "target": {"text": "a"}}, {"see": "visible", "target": {"text": "a"}}]}\n'


def said(world, result):
    """Whether the page, and the version, say that it is as asked; both say the same."""
    page = Timeline(checked=world.of(Checked)[-1].data).as_asked
    assert Version(verdict=result.verdict, results=result.results, measures=result.measures).as_asked is page
    return page


def planned(*checks, asks=(), plan=CHECKED, request=None, **more):
    """What is said where the person made `checks` of the plan; `asks`: the forms of their own, then the program."""
    decided = {"plan": {"yes": True, "proposal": {"checks": list(checks)}}}
    world = World(asks=[*asks, PAGE], plan=plan, approve=decided, **more)
    result = make(world, request)
    assert result.verdict == Verdict.HELD
    return said(world, result)


def test_what_was_ticked_and_holds_is_as_asked():
    assert planned(MINE)
    assert not planned({**MINE, "confirmed": False})


@pytest.mark.parametrize("form", ["Sorry, I cannot.", 'CHECK It is pretty\n{"expect": []}\n', NEITHER])
def test_a_promise_that_was_ticked_and_became_no_check_is_not_passed_over(form):
    assert not planned(MINE, {"id": "", "sentence": "It is pretty", "confirmed": True}, asks=[form])


def test_a_ticked_promise_that_cannot_fail_is_not_passed_over():
    checks = [ticked("a"), ticked("b")]
    seen = [{"id": id_, "failed": None, "seen": ["3"], "seconds": 1.0} for id_ in "ab"]
    judged = judge("page", checks, {**SEEN, "checks": seen}, idle={"b": "words"})
    assert not Timeline(checked=told(Tried({}, "page", checks, judged)).data).as_asked


def test_two_ticked_promises_that_clash_and_that_nobody_was_asked_about_are_not_passed_over():
    kettle = 'CHECK A kettle\n{"expect": [{"see": "visible", "target": {"text": "kettle"}}]}\n'
    changed = {"checks": [MINE, *({"id": "", "sentence": s, "confirmed": True} for s in ("Quiet", "A kettle"))]}
    world = World(asks=[{"changed": changed}, QUIET + kettle, PAGE], plan=CHECKED)
    result = make(world)
    assert [c["sentence"] for c in result.checks] == ["A kettle"]
    assert result.verdict == Verdict.HELD
    assert not said(world, result)


def changed_program():
    results = [*HELD, {**HELD[0], "id": "p1", "sentence": "It rings", "confirmed": True}]
    checks = [{**RINGS, "confirmed": True}]
    return Base({"index.html": "<p>old</p>"}, "page", "Tea", "held", 0, checks=checks, results=results)


def test_what_was_ticked_in_an_earlier_request_does_not_make_a_change_as_asked():
    request = Request("paint it blue", base=changed_program(), salt="s")
    plan = 'STEP Blue\nCHECK It is blue\n{"expect": [{"see": "visible", "target": {"text": "blue"}}]}\n'
    world = World(asks=[PAGE], plan=plan)
    result = make(world, request)
    assert result.verdict == Verdict.HELD
    assert any(r["confirmed"] for r in result.results)
    assert not said(world, result)
    assert Timeline(checked=world.of(Checked)[-1].data).ticked
    assert planned({"id": "c1-p1", "sentence": "It is blue", "confirmed": True}, plan=plan, request=request)


def test_what_is_settled_now_is_ticked_now():
    settled = {"keep": [{**RINGS, "confirmed": True}], "drop": []}
    world = World()
    result = make(world, Request("It shall ring", base=changed_program(), salt="s", settled=settled))
    assert result.sentence == "It was so already: nothing had to change."
    assert said(world, result)
