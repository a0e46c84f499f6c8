"""A making that starts from something: the program there is, or a recipe."""

import pytest

from tests.generation.world import BROKEN, HELD, PAGE, PLAN, SEEN, World, make
from vibe.choices import Verdict
from vibe.generation import flow
from vibe.generation.drive import drive
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


# --- what an earlier version promised -----------------------------------------------------------------------------


def shows(words, id_="p1"):
    return {
        "id": id_, "sentence": f"It shows {words}", "source": "model", "confirmed": True,
        "expect": [{"see": "visible", "target": {"text": words}}],
    }  # fmt: skip


def base_with(*checks, verdict="held", failing=0, more=()):
    results = [{"id": c["id"], "sentence": c["sentence"], "held": True, "idle": ""} for c in checks]
    files = {"index.html": "<title>T</title><p>cake</p>"}
    return Base(files, "page", "T", verdict, failing, checks=list(checks), results=[*results, *more])


SIDEWAYS = {"id": "a-phone", "sentence": "It fits a phone", "held": False, "idle": ""}
MILK = {"yes": True, "proposal": {"checks": [{"id": "", "sentence": "It shows milk", "confirmed": True}]}}
MILK_FORM = 'CHECK milk\n{"expect": [{"see": "visible", "target": {"text": "milk"}}]}\n'


def changed(base, *, seen, plan=PLAN, **more):
    world = World(asks=[PAGE] * 6, runs=[seen] * 9, plan=plan, **more)
    return make(world, Request("add milk", salt="s", base=base))


def own_promise_beside(base):
    """A change of `base` with a promise of the person's own, which holds while the one of before does not."""
    world = World(asks=[MILK_FORM, *[PAGE] * 6], force={"autonomy": "plan"}, approve={"plan": MILK})

    def run(step, number):
        answer = world(step, number)
        if getattr(step, "why", "") != "candidate":
            return answer
        seen = [
            {"id": c["id"], "failed": None, "seen": ["milk" in c["expect"][0]["target"]["text"]]}
            for c in step.checks
        ]
        return {**SEEN, "checks": seen}

    return drive(flow.generate(Request("add milk", salt="s", base=base)), {}, run)


def test_a_promise_of_the_persons_own_is_not_judged_by_one_that_a_version_before_kept():
    result = own_promise_beside(base_with(shows("cake", "own1")))
    assert len({check["id"] for check in result.checks}) == 2
    held = {r["sentence"]: r["held"] for r in result.results if r["source"] != "always"}
    assert held == {"It shows cake": False, "It shows milk": True}
    assert result.broke == ["It shows cake"]
    assert not result.better


def test_ids_that_a_remixed_program_brought_are_given_to_nothing_else():
    result = own_promise_beside(base_with(shows("cake", "c1-own1"), shows("tea", "c1-p1")))
    assert [check["id"] for check in result.checks] == ["c1-own1", "c1-p1", "c2-own1"]


def test_two_promises_that_were_kept_under_one_id_are_judged_each_by_itself():
    base = base_with(shows("cake", "own1"), shows("milk", "own1"))
    world = World(asks=[PAGE] * 6)
    world.runs = [
        {**SEEN, "checks": [{"id": "own1", "failed": None, "seen": [False]}, {"id": "own1-2", "failed": None, "seen": [True]}]}
    ] * 9  # fmt: skip
    result = make(world, Request("bigger", salt="s", base=base))
    held = {r["sentence"]: r["held"] for r in result.results if r["source"] == "model"}
    assert held == {"It shows cake": False, "It shows milk": True}
    assert result.broke == ["It shows cake"]


@pytest.mark.parametrize("verdict", ["held", "broken"])
def test_a_change_that_does_not_open_breaks_every_promise_that_held(verdict):
    base = base_with(shows("cake"), verdict=verdict, failing=1, more=[SIDEWAYS])
    result = changed(base, seen={**SEEN, "loaded": False})
    assert (result.verdict, result.broke, result.better) == ("broken", ["It shows cake"], False)


def test_a_change_that_cannot_be_read_breaks_every_promise_that_held():
    base = base_with(shows("cake"), verdict="broken", failing=1, more=[SIDEWAYS])
    bad = 'FILE index.html\n```html\n<script src="https://cdn.example/x.js"></script><p>x</p>\n```\nDONE\n'
    result = make(World(asks=[bad] * 6), Request("add milk", salt="s", base=base))
    assert result.results[0]["sentence"] == "The code can be read"
    assert (result.broke, result.better) == (["It shows cake"], False)


def test_what_does_not_open_never_takes_the_place_of_what_opens():
    opens = {"id": "a-opens", "sentence": "It came up", "held": True, "idle": ""}
    base = base_with(verdict="broken", failing=2, more=[opens, SIDEWAYS])
    result = changed(base, seen={**SEEN, "loaded": False})
    assert not result.better
    shut = base_with(verdict="broken", failing=1, more=[{**opens, "id": "a-opens", "held": False}])
    assert changed(shut, seen={**SEEN, "loaded": False}).better, "it is no worse than what there was"


def test_a_promise_that_held_and_that_there_was_no_time_for_is_held_back_and_named():
    late = {**SEEN, "checks": [{"id": "p1", "failed": None, "seen": [], "late": True}]}
    result = changed(base_with(shows("cake")), seen=late)
    assert (result.verdict, result.better, result.broke) == ("held", False, [])
    assert result.measures["unseen"] == ["It shows cake"]


def test_a_change_that_nothing_could_check_does_not_take_the_place_of_one_that_holds():
    away = {"unchecked": "No sealed box could be opened"}
    result = changed(base_with(shows("cake")), seen=away)
    assert (result.verdict, result.better, result.broke) == ("unchecked", False, [])
    assert not changed(base_with(more=HELD), seen=away).better
    assert changed(base_with(verdict="unchecked"), seen=away).better


def test_what_has_no_more_faults_than_the_faulty_one_before_it_takes_its_place():
    base = base_with(shows("cake"), verdict="broken", failing=1, more=[SIDEWAYS])
    result = changed(base, seen={**SEEN, "sideways": {"390": True}})
    assert (result.verdict, result.better, result.broke) == ("broken", True, [])


def test_what_mends_one_fault_and_breaks_another_promise_is_held_back():
    base = base_with(shows("cake"), verdict="broken", failing=1, more=[SIDEWAYS])
    result = changed(base, seen={**SEEN, "checks": [{"id": "p1", "failed": None, "seen": [False]}]})
    assert (result.verdict, result.broke, result.better) == ("broken", ["It shows cake"], False)


def test_a_promise_that_the_change_makes_untrue_holds_nothing_back():
    base = base_with({**shows("cake"), "confirmed": False})
    result = changed(base, seen=SEEN, plan=PLAN + "DROP 1\n")
    assert result.better
    assert "unseen" not in result.measures


def test_a_promise_that_the_person_ticked_is_not_the_models_to_drop():
    gone = {**SEEN, "checks": [{"id": "p1", "failed": None, "seen": [False]}]}
    result = changed(base_with(shows("cake")), seen=gone, plan=PLAN + "DROP 1\n")
    assert (result.broke, result.better) == (["It shows cake"], False)
    assert not any("no longer promised" in line for line in result.not_checked)
