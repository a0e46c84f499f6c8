"""What is told of a page that no promise speaks of: names, contrast, buttons without effect, files that are missing."""

import pytest

from tests.generation.test_checks import SEEN, button
from vibe.choices import Verdict
from vibe.generation import look
from vibe.generation.bundle import bundle
from vibe.generation.checks import judge

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
