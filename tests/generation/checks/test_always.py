"""What is told of a page that no promise speaks of: names, contrast, buttons without effect, files that are missing."""

import json

import pytest

from tests.generation.test_checks import SEEN, button
from vibe.choices import Verdict
from vibe.generation import look
from vibe.generation.bundle import bundle
from vibe.generation.checks import judge
from vibe.generation.request import Base, Request
from vibe.generation.trial import run_of

PAGE = bundle({"index.html": "<!doctype html><title>x</title>"})


def missed(rule, count=1, **example):
    return {
        "rule": rule,
        "count": count,
        "examples": [{"html": "", "text": "", "ratio": 0, "least": 0, **example}],
    }


def judged(*promised, **more):
    return judge("page", list(promised), {**SEEN, **more})


def saw(found, id_):
    return next(r["saw"] for r in found.results if r["id"] == id_)


def test_controls_without_a_name_are_counted_and_shown():
    found = judged(
        missed=[
            missed("button-name", 9, html='<button  class="cell"></button>'),
            missed("label", html="<input>"),
            missed("select-name", html="<select>"),
        ]
    )
    assert found.verdict == Verdict.BROKEN
    assert saw(found, "a-names").startswith('no name for 9 buttons, 1 field and 1 list: <button class="cell">')
    assert "<input>" in found.evidence


def test_little_contrast_and_pictures_without_words_are_told_and_break_nothing():
    found = judged(
        missed=[missed("color-contrast", 3, text="Reset", ratio=2.82, least=4.5), missed("image-alt")]
    )
    assert found.verdict == Verdict.HELD
    assert found.not_checked[1:] == [
        "Whether everybody can read it: “Reset” stands out from its ground 2.8 to 1, and 2 other texts little more, "
        "where 4.5 to 1 is asked for.",
        "Whether everybody knows what it shows: 1 picture has no words to be read out.",
    ]


def test_what_could_not_be_looked_at_is_neither_held_nor_broken():
    found = judged(missed=None)
    assert "a-names" not in {r["id"] for r in found.results}
    assert found.not_checked[1:] == ["Whether everybody can use it: I could not look at its names and colours."]


def test_a_button_to_which_nothing_listens_is_named():
    found = judged(buttons_tried=[button("Go", idle="unheard"), button("Calm")])
    assert saw(found, "a-deaf") == "nothing in the code listens to “Go”"
    assert found.verdict == Verdict.BROKEN


def test_a_button_that_changed_nothing_is_told_unless_a_promise_uses_it():
    tried = [button("Add", idle="unseen"), button("Reset", idle="unseen"), button("Reset", idle="unseen")]
    found = judged(buttons_tried=tried)
    assert found.verdict == Verdict.HELD
    assert found.not_checked[1:] == ["What is done by “Add” and “Reset”: I clicked and saw nothing change."]
    add = {
        "id": "add", "sentence": "It adds", "steps": [{"do": "click", "target": {"role": "button", "name": "Add"}}],
        "expect": [{"see": "errors"}],
    }  # fmt: skip
    assert judged(add, buttons_tried=tried).not_checked == [
        "What is done by “Reset”: I clicked and saw nothing change."
    ]


def test_a_missing_file_is_named_with_when_it_was_asked_for():
    found = judged(absent=[{"path": "cat.png", "stage": "click", "name": "Show"}])
    assert saw(found, "a-files") == "it asked for cat.png when I clicked “Show”, not among its files"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (None, None),
        ("x", None),
        (
            [{"rule": "label" * 99, "count": -4, "examples": [{"html": "x" * 999, "ratio": "1e9"}] * 9}],
            [
                {
                    "rule": ("label" * 8),
                    "count": 3,
                    "examples": [{"html": "x" * 120, "text": "", "ratio": 0.0, "least": 0.0}] * 3,
                }
            ],
        ),
    ],
)
def test_what_the_box_says_of_it_is_checked_for_type_and_size(raw, clean):
    assert look._clean({"missed": raw}, PAGE)["missed"] == clean


def off(how="box", text="Total for the whole year", side="right", **more):
    return {
        "how": how,
        "side": side,
        "text": text,
        "html": "<p>",
        "by": '<div  class="card">',
        "slide": 0,
        **more,
    }


def test_words_that_are_cut_off_break_a_page_and_are_told_with_what_cuts_them():
    found = judged(cut={"1280": [], "390": [off(), off(how="page", text="Sum", side="top", by="")]})
    assert found.verdict == Verdict.BROKEN
    assert saw(found, "a-cut") == (
        "“Total for the whole year” is cut off at the right on a phone by <div class="
        '"card"> and “Sum” is cut off at the top on a phone by the edge of the page'
    )
    assert '<div class="card">' in found.evidence


def test_what_is_cut_off_on_a_desk_and_a_phone_is_told_once():
    found = judged(cut={"1280": [off()], "390": [off()]})
    assert saw(found, "a-cut") == '“Total for the whole year” is cut off at the right by <div class="card">'


def test_what_may_be_meant_or_was_not_looked_at_is_told_and_breaks_nothing():
    found = judged(cut={"1280": [off(how="moved")], "390": None})
    assert found.verdict == Verdict.HELD
    assert found.not_checked[1:] == [
        "Whether all its words can be read: I could not look whether some are cut off.",
        "Whether all its words can be read: “Total for the whole year” is cut off at the right, which may be meant.",
    ]
    assert "a-cut" not in {r["id"] for r in judged(cut={"1280": None}).results}


def deck(**more):
    return {
        "asked": True,
        "count": 3,
        "seen": 3,
        "way": "ArrowRight",
        "late": False,
        "cut": [],
        "below": [],
        **more,
    }


def test_slides_break_where_one_is_cut_off_and_are_told_where_they_are_high_or_were_not_turned():
    found = judged(slides=deck(cut=[off(slide=2, side="bottom", by="")]))
    assert saw(found, "a-slides").startswith("on slide 2 “Total for the whole year” is cut off at the bottom")
    assert found.verdict == Verdict.BROKEN
    for slides, said in (
        (
            deck(below=[{"slide": 1, "points": 80}, {"slide": 3, "points": 9}]),
            "slides 1 and 3 are higher than a screen",
        ),
        (deck(seen=1, way=""), "I saw one, and neither an arrow key"),
        (deck(seen=40, late=True), "I looked at the first 40 only"),
        (deck(seen=0), "I found none to turn"),
    ):
        found = judged(slides=slides)
        assert found.verdict == Verdict.HELD
        assert said in found.not_checked[-1]
    for none in (None, deck(asked=False, seen=1, way="")):
        found = judged(slides=none)
        assert "a-slides" not in {r["id"] for r in found.results}
        assert "slide" not in str(found.not_checked)


def test_what_a_box_says_of_words_and_slides_is_taken_for_what_it_should_be():
    raw = {"cut": {"1280": [{"text": 7, "slide": "x"}], "390": "no"}, "slides": {"seen": "many", "cut": "x"}}
    clean = look._clean(raw, PAGE)
    assert clean["cut"] == {"1280": [off(how="", text="7", side="", html="", by="")], "390": None}
    assert clean["slides"] == {
        "asked": False,
        "count": 0,
        "seen": 0,
        "way": "",
        "late": False,
        "cut": [],
        "below": [],
    }
    assert look._clean({"cut": [], "slides": []}, PAGE)["cut"] == {}


@pytest.mark.parametrize(
    ("asked", "base", "turned"), [("slides", "", True), ("auto", "slides", True), ("page", "page", False)]
)
def test_slides_are_turned_where_slides_were_asked_for(asked, base, turned):
    before = Base({}, base, "", "held", 0) if base else None
    run = run_of(Request("x", asked, base=before), {"index.html": "<p>x</p>"}, [])
    assert run.slides is turned
    assert not run_of(Request("x", "slides"), {"tool.toml": "", "main.py": ""}, []).slides
    assert json.loads(look.source(PAGE, [], slides=run.slides).files["job.json"])["slides"] is turned
