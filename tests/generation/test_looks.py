"""Where checks tie, an eye decides: which candidates stand side by side, and what becomes of each."""

import json

from tests.generation.world import BROKEN, CHECKED, HELD, PAGE, PLAN, SEEN, World, make
from vibe.choices import Verdict
from vibe.generation.request import Base, Request
from vibe.generation.steps import Approve, Pick, Show, Tell

ASK = {"autonomy": "ask", "effort": "thorough"}
MAKE = {"autonomy": "make", "effort": "thorough"}
POSTER = Request("a poster for our tea party", shape="picture", salt="s")


def pages(*words):
    return [f"{word.title()} colours.\n\n" + PAGE.replace("hello", word) for word in words]


def test_candidates_that_hold_the_same_checks_stand_side_by_side_and_the_one_picked_is_kept():
    world = World(asks=pages("warm", "cold"), plan=CHECKED, choice="2", force=ASK)
    result = make(world, POSTER)
    (pick,) = world.of(Pick)
    assert pick.about == "look"
    assert [c["label"] for c in pick.choices] == ["The first", "The second", "You decide"]
    assert [c["line"] for c in pick.choices[:2]] == ["Warm colours.", "Cold colours."]
    assert ["warm" in files["index.html"] for files in pick.looks] == [True, False]
    assert "cold" in result.files["index.html"]
    assert [("warm" in one.files["index.html"], one.verdict, one.better) for one in result.looks] == [
        (True, Verdict.HELD, False)
    ]
    assert result.better
    assert world.of(Show)[-1].files == result.files
    assert world.of(Tell)[-1].data["verdict"] == Verdict.HELD


def test_who_picked_one_is_not_asked_again_whether_to_keep_it():
    world = World(asks=pages("warm", "cold"), plan=CHECKED, choice="1", force=ASK)
    assert make(world, POSTER).better
    assert [a.about for a in world.of(Approve)] == ["plan"]
    world = World(asks=pages("warm", "cold"), plan=CHECKED, choice="any", force=ASK)
    make(world, POSTER)
    assert [a.about for a in world.of(Approve)] == ["plan", "save"]


def test_of_a_change_it_is_still_asked_whether_it_should_replace_what_there_was():
    base = Base({"index.html": "<p>old</p>"}, "page", "Tea", Verdict.HELD, 0, [], HELD)
    world = World(asks=pages("warm", "cold"), plan=CHECKED, choice="1", force=ASK)
    make(world, Request("nicer colours", shape="picture", salt="s", base=base))
    assert [a.about for a in world.of(Approve)] == ["plan", "save"]


def test_three_are_the_most_and_the_same_program_twice_is_one():
    world = World(asks=pages("warm", "warm", "cold"), plan=CHECKED, choice="any", force=MAKE)
    assert len(make(world, POSTER).looks) == 1
    world = World(asks=pages("warm", "cold", "loud"), plan=CHECKED, choice="any", force=MAKE)
    assert len(make(world, POSTER).looks) == 2


def test_a_candidate_that_holds_less_is_no_look():
    world = World(
        asks=pages("warm", "cold", "loud"), plan=CHECKED, runs=[BROKEN, SEEN, SEEN], choice="any", force=MAKE
    )
    assert len(make(world, POSTER).looks) == 1
    world = World(asks=pages("warm", "cold", "loud"), plan=CHECKED, runs=[BROKEN, BROKEN, SEEN], force=MAKE)
    assert make(world, POSTER).looks == []
    assert world.of(Pick) == []


def test_a_program_that_is_there_to_be_used_is_chosen_by_its_checks_alone():
    click = {
        "steps": [{"do": "click", "target": {"text": "Go"}}],
        "expect": [{"see": "visible", "target": {"text": "rings"}}],
    }
    plan = PLAN + json.dumps(click) + "\n"
    world = World(asks=pages("warm", "cold", "loud"), plan=plan, force=MAKE)
    assert make(world, Request("a tea timer", salt="s")).looks == []
    assert world.of(Pick) == []


def test_a_page_of_which_only_its_looks_are_promised_is_there_to_be_looked_at():
    world = World(asks=pages("warm", "cold", "loud"), plan=CHECKED, choice="any", force=MAKE)
    assert len(make(world, Request("a birthday greeting", salt="s")).looks) == 2


def test_without_a_box_nothing_was_seen_to_tie():
    unseen = {"unchecked": "No sealed box could be opened"}
    world = World(
        asks=pages("warm", "cold", "loud"), plan=CHECKED, runs=[unseen] * 3, force={**MAKE, "engine": False}
    )
    assert make(world, POSTER).looks == []


def test_a_long_word_of_praise_is_cut_at_a_word():
    world = World(asks=["So fine " * 40 + "\n\n" + PAGE, *pages("cold")], plan=CHECKED, choice="1", force=ASK)
    make(world, POSTER)
    lines = [c["line"] for c in world.of(Pick)[0].choices]
    assert max(len(line) for line in lines) <= 141
    assert any(line.endswith(("fine…", "So…")) for line in lines)
