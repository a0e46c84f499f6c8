"""A making that starts from something: the program there is, or a recipe."""

from tests.generation.world import BROKEN, HELD, PAGE, PLAN, World, make
from vibe.choices import Verdict
from vibe.generation.request import Base, Request
from vibe.generation.steps import Ask, Question, Run, Tell


def test_a_change_starts_from_the_files_there_are_and_may_edit_them():
    base = Base({"index.html": "<title>Tea</title>\n<p>hello</p>\n"}, "page", "Tea", "held", 0)
    edit = "EDIT index.html\n```html\n<<<<<<< SEARCH\n<p>hello</p>\n=======\n<p>bye</p>\n>>>>>>> REPLACE\n```\nDONE\n"
    result = make(World(asks=[edit]), Request("say bye", base=base, salt="s"))
    assert result.files["index.html"] == "<title>Tea</title>\n<p>bye</p>\n"
    assert result.better


def test_a_change_that_breaks_what_held_does_not_become_current():
    base = Base({"index.html": "<p>hello</p>"}, "page", "Tea", "held", 0, results=HELD)
    result = make(World(asks=[PAGE] * 4, runs=[BROKEN] * 4), Request("x", base=base, salt="s"))
    assert not result.better
    assert result.broke == ["It opens without errors"]


def test_a_change_is_held_to_what_was_promised_before_and_may_drop_it_openly():
    before = {"id": "p1", "sentence": "It rings", "expect": [{"see": "visible", "target": {"text": "rings"}}]}
    base = Base(
        {"index.html": "<p>hello</p>"},
        "page",
        "Tea",
        "held",
        0,
        checks=[before],
        results=[{**HELD[0], "id": "p1", "sentence": "It rings"}],
    )
    kept = make(World(asks=[PAGE]), Request("x", base=base, salt="s"))
    assert [c["id"] for c in kept.checks] == ["p1"]
    world = World(asks=[PAGE], plan=PLAN + "DROP 1\n")
    dropped = make(world, Request("no bell", base=base, salt="s"))
    assert dropped.checks == []
    assert "1. It rings" in world.of(Ask)[0].messages[-1].text
    assert any("no longer promised" in line for line in dropped.not_checked)


RINGS = {
    "id": "p1", "sentence": "It rings", "confirmed": True, "expect": [{"see": "visible", "target": {"text": "rings"}}],
}  # fmt: skip


def by_hand(**more):
    base = Base({"index.html": "<p>hello</p>"}, "page", "Tea", "held", 0, checks=[RINGS])
    return Request("Edited by hand.", base=base, files={"index.html": "<p>hallo</p>"}, salt="s", **more)


def test_a_check_that_cannot_fail_counts_for_nothing_after_an_edit_by_hand_either():
    world = World(nulls_hold=True)
    result = make(world, by_hand(history=("a bell",)))
    assert [bool(r["idle"]) for r in result.results if r["id"] == "p1"] == [True]
    assert {r.why for r in world.of(Run)} == {"candidate", "null"}
    assert any("a bell" in r.files["index.html"] for r in world.runs_of("null")), "the words it was asked with"
    assert {"index.html": "<p>hello</p>"} not in [r.files for r in world.runs_of("null")]


def test_what_is_edited_by_hand_is_held_to_the_checks_there_are_and_no_model_is_asked():
    world = World(force={"model": ""})
    result = make(world, by_hand())
    assert (result.verdict, result.origin, result.files) == (
        Verdict.HELD,
        "person",
        {"index.html": "<p>hallo</p>"},
    )
    assert [(r["held"], r["idle"]) for r in result.results if r["id"] == "p1"] == [(True, "")]
    assert not world.of(Ask)
    unchecked = make(World(runs=[{"unchecked": "no box"}], force={"engine": False}), by_hand())
    assert unchecked.verdict == Verdict.UNCHECKED


def test_with_no_model_a_recipe_is_found_and_labelled():
    world = World(force={"model": ""})
    result = make(world, Request("A timer for 25 minutes of work and 5 minutes of rest", salt="s"))
    assert (result.origin, result.recipe) == ("recipe", "focus-timer")
    told = next(t for t in world.of(Tell) if t.event == "recipe-used")
    assert {s["name"]: s["origin"] for s in told.data["slots"]} == {
        "work": "words",
        "rest": "words",
        "rounds": "default",
    }
    assert not world.of(Ask)


def test_with_no_model_and_no_recipe_the_nearest_three_are_offered():
    world = World(force={"model": ""}, choice="countdown")
    result = make(world, Request("a multiplayer online chess server", salt="s"))
    (question,) = world.of(Question)
    assert len(question.choices) == 4
    assert result.recipe in {"", "countdown"}


def test_choosing_to_connect_a_model_later_keeps_the_words():
    result = make(World(force={"model": ""}, choice="model"), Request("a chess server", salt="s"))
    assert not result.made
    assert "Your words are kept" in result.sentence


def test_a_recipe_is_changed_by_its_settings_in_words():
    base = Base(
        {"index.html": "x"},
        "page",
        "Focus timer",
        "held",
        0,
        recipe="focus-timer",
        slots={"work": 25, "rest": 5, "rounds": 4},
    )
    result = make(World(force={"model": ""}), Request("make the work 50 minutes", base=base, salt="s"))
    assert result.slots == {"work": 50, "rest": 5, "rounds": 4}


def test_a_recipe_asked_for_by_name_takes_the_settings_that_were_typed():
    world = World(force={"model": "test-model"})
    result = make(world, Request("Timer", recipe="focus-timer", slots={"work": "40", "rest": "soon"}, salt="s"))
    assert result.slots["work"] == 40
    assert result.slots["rest"] == 5
    told = next(t for t in world.of(Tell) if t.event == "recipe-used")
    assert "Minutes of rest: soon" in told.data["ignored"]


def test_a_change_without_a_model_to_a_models_program_says_what_is_missing():
    base = Base({"index.html": "x"}, "page", "Tea", "held", 0)
    result = make(World(force={"model": ""}), Request("make it blue", base=base, salt="s"))
    assert "I need an AI model" in result.sentence
