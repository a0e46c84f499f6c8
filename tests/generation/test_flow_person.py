"""What a making asks of the person, and what it does with the answer."""

from tests.generation.world import BROKEN, CHECKED, PAGE, PLAN, SEEN, World, make
from vibe.choices import Verdict
from vibe.generation.steps import Approve, Ask


def test_a_plan_changed_while_it_is_written_starts_the_writing_anew():
    changed = {"changed": {"steps": ["A green button"]}}
    world = World(asks=[changed, PAGE])
    result = make(world)
    assert result.files
    assert world.purposes() == ["plan", "write", "write"]
    assert "A green button" in world.of(Ask)[2].messages[-1].text


def test_asked_everything_the_person_answers_questions_repairs_and_saving():
    asks = CHECKED.replace("CHECK", "QUESTION Which bell? | loud | soft\nCHECK")
    world = World(
        asks=[PAGE, PAGE.replace("hello", "mended")], plan=[asks, CHECKED], choice="1", runs=[BROKEN, SEEN],
        force={"autonomy": "ask", "effort": "normal"},
    )  # fmt: skip
    result = make(world)
    assert [a.about for a in world.of(Approve)] == ["plan", "repair", "save"]
    assert "Which bell? loud" in world.of(Ask)[1].messages[-1].text
    assert "Which bell? loud" in world.of(Ask)[2].messages[-1].text
    assert result.better


def test_you_decide_needs_no_second_plan():
    asks = PLAN + "QUESTION Which bell? | loud | soft\n"
    world = World(asks=[PAGE], plan=asks, choice="you-decide", force={"autonomy": "ask"})
    make(world)
    assert world.purposes() == ["plan", "write"]


def test_a_repair_that_the_person_does_not_want_is_not_made():
    world = World(asks=[PAGE], runs=[BROKEN], approve={"repair": {"yes": False}}, force={"autonomy": "ask"})
    result = make(world)
    assert result.verdict == Verdict.BROKEN
    assert result.why == "You left it as it is."


def test_what_the_person_does_not_keep_is_put_aside():
    result = make(World(asks=[PAGE], approve={"save": {"yes": False}}))
    assert result.files
    assert not result.better
    assert result.measures["aside"]


def test_a_plan_waits_and_the_edited_plan_is_what_is_written():
    edited = {"yes": True, "proposal": {"steps": ["A green button"]}}
    world = World(asks=[PAGE], force={"autonomy": "plan"}, approve={"plan": edited})
    result = make(world)
    assert result.title == "Tea timer"
    written = world.of(Ask)[1].messages[-1].text
    assert "A green button" in written
    assert "A bell" not in written


def test_a_plan_that_is_left_makes_nothing():
    world = World(force={"autonomy": "plan"}, approve={"plan": {"yes": False}})
    assert not make(world).made
    assert len(world.of(Ask)) == 1
