"""An edit that does not fit is asked for again with the lines that come nearest, and then the file is written whole."""

import pytest

from tests.generation.world import BROKEN, HELD, OTHERWISE, SEEN, World, make
from vibe.choices import Verdict
from vibe.generation.request import Base, Request
from vibe.generation.steps import Consult

LONG = "".join(f"<p>line {n} of tea</p>\n" for n in range(200))
BASE = Base({"index.html": f"<title>Tea</title>\n{LONG}"}, "page", "Tea", Verdict.HELD, 0, [], HELD)
CHANGE = Request("say bye in line 7", base=BASE, salt="s")


def edit(search, replace="<p>bye</p>"):
    return (
        f"EDIT index.html\n```html\n<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n```\nDONE\n"
    )


def whole(text):
    return f"FILE index.html\n```html\n{text}```\nDONE\n"


FITS = edit("<p>line 7 of tea</p>")
MISSES = edit("<p>line seven of tea</p>")


def test_an_edit_that_does_not_fit_is_asked_for_once_more_with_the_nearest_lines():
    world = World(asks=[MISSES, FITS])
    result = make(world, CHANGE)
    assert "<p>bye</p>" in result.files["index.html"]
    assert result.files["index.html"].count("\n") == 201
    assert world.purposes() == ["plan", "change", "again"]
    asked = world.seen_by("again")[0]
    assert "the SEARCH text is not there. The nearest lines are:" in asked
    assert "of tea</p>" in asked.partition("The nearest lines are:")[2]
    assert "<<<<<<< SEARCH" in asked, "an edit is still offered"


def test_after_the_second_misfit_the_file_is_asked_for_whole():
    fresh = BASE.files["index.html"].replace("<p>line 7 of tea</p>", "<p>bye</p>")
    world = World(asks=[MISSES, MISSES, whole(fresh)])
    assert make(world, CHANGE).files["index.html"] == fresh
    assert world.purposes() == ["plan", "change", "again", "again"]
    last = world.seen_by("again")[1]
    assert "Write index.html whole, as a FILE block, and no EDIT of it." in last
    assert "<<<<<<< SEARCH" not in last


def test_after_that_it_ends_and_what_there_was_stays():
    world = World(asks=[MISSES] * 3)
    result = make(world, CHANGE)
    assert not result.made
    assert result.sentence.startswith("The model answered three times in a form I can’t use")
    assert world.asks == []


def test_a_fault_of_the_second_call_is_no_second_answer():
    broke = {"fault": {"kind": "no_credit", "sentence": "The key has no credit left."}}
    result = make(World(asks=["no file", broke]))
    assert not result.made
    assert (
        result.sentence
        == "The model answered in a form I can’t use. When I asked once more: The key has no credit left."
    )
    result = make(World(asks=[MISSES, MISSES, broke]), CHANGE)
    assert result.sentence.startswith(
        "The model answered twice in a form I can’t use. When I asked once more: The key"
    )


def test_the_cap_on_calls_holds_over_it():
    world = World(asks=[MISSES] * 9, force={"effort": "quick", "quick": "other"})
    assert not make(world, CHANGE).made
    assert len(world.purposes()) == 3


def test_a_repair_whose_edit_does_not_fit_is_asked_for_again_with_what_the_check_saw():
    mended = edit("<p>line 8 of tea</p>")
    world = World(asks=[FITS, MISSES, mended], runs=[BROKEN, SEEN])
    result = make(world, CHANGE)
    assert result.verdict == Verdict.HELD
    assert result.files["index.html"].count("<p>bye</p>") == 2, (
        "the repair starts from the change, not from before it"
    )
    assert world.purposes() == ["plan", "change", "repair", "again"]
    asked = world.seen_by("again")[0]
    assert "boom" in asked
    assert "<p>bye</p>" in asked


def test_calls_for_a_repair_that_came_to_nothing_are_all_given_back():
    world = World(asks=[FITS, MISSES, MISSES, "no file at all"], runs=[BROKEN])
    result = make(world, CHANGE)
    assert result.wasted == [3, 4, 5]


def test_a_repair_whose_reply_broke_off_is_given_back_too():
    cut = {"fault": {"kind": "cut", "sentence": "The line to the model broke."}}
    world = World(asks=[FITS, MISSES, cut], runs=[BROKEN])
    result = make(world, CHANGE)
    assert world.purposes() == ["plan", "change", "repair", "again"]
    assert result.why == "The line to the model broke."
    assert result.wasted == [3, 4]


def test_what_failed_so_far_is_said_before_each_next_move():
    tries = [edit(f"<p>line {n} of tea</p>") for n in (7, 8, 9)]
    world = World(asks=[*tries, FITS], runs=[BROKEN, OTHERWISE, BROKEN, SEEN])
    make(world, CHANGE)
    said = {step.at: step.wasted for step in world.of(Consult)}
    assert said == {"start": (), "write 1": (), "round 1": (), "round 2": (3,), "round 3": (3, 4)}


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("<p>line 7 of tea</p>   ", True),
        ("    <p>line 7 of tea</p>", True),
        ("<p>Line 7 of tea</p>", False),
        ("of tea", False),
    ],
)
def test_space_may_differ_and_nothing_else(search, found):
    indent = " " * (len(search) - len(search.lstrip()))
    world = World(asks=[edit(search, indent + "<p>bye</p>"), FITS])
    assert "\n<p>bye</p>\n" in make(world, CHANGE).files["index.html"]
    assert world.purposes() == (["plan", "change"] if found else ["plan", "change", "again"])
