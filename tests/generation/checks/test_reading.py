"""A check that cannot be used is refused with a sentence that says what to write instead."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings

from vibe.generation.checks import Check, read, runs
from vibe.generation.checks.language import PAGE_SEES, TOOL_SEES, Step
from vibe.generation.checks.writer import PAGE_EXAMPLE, TOOL_EXAMPLE, schema_for_prompt

CHECK = {
    "id": "c1", "sentence": "It doubles", "given": {"bill": 90, "name": "Ann"},
    "steps": [{"do": "fill", "target": {"label": "Bill"}, "value": "{bill}"}],
    "expect": [{"see": "text", "target": {"mark": "share"}, "number": "bill * 2"}],
}  # fmt: skip


def test_a_good_check_is_read():
    assert isinstance(read(CHECK), Check)
    assert isinstance(read({**CHECK, "expect": CHECK["expect"][0]}), Check)
    assert read({**CHECK, "steps": [{**CHECK["steps"][0], "value": 90}]}).steps[0].value == "90"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"given": {}}, "“{bill}” names nothing in “given”; there is nothing."),
        ({"given": {"bill": [90]}, "expect": [{"see": "text", "contains": "{bill.3}"}]}, "“{bill.3}” is not there: bill is 90."),
        ({"vary": {"name": [1, 2]}}, "“vary” has “name”, which is no number in “given”: only numbers can be varied."),
        ({"vary": {"bill": [5, 5]}}, "“vary” of “bill” needs a range from less to more, as [1, 500]."),
        ({"again": {"total": "1"}}, "“again” changes “total”, which is not in “given”."),
({"again": {"bill": [1]}}, "“again” gives “bill” another kind of value than “given”."),
        ({"again": {"bill": "bill"}}, "“again” changes nothing: give it other values."),
        ({"expect": []}, "expect: a check needs something that can fail: add to “expect”."),
        ({"expect": [{"see": "text", "number": "before * 2"}]}, "“before” is what was seen the first time: it needs “again”, which says what changes."),
        ({"expect": [{"see": "text", "number": "bill / 0"}]}, "number: “bill / 0” divides by zero."),
        ({"expect": [{"see": "text", "number": "total"}]}, "number: There is no value “total”; there is bill."),
        ({"expect": [{"see": "text", "is": "180.00"}]}, "“180.00” is a number that somebody worked out: say how it comes about instead, with “number” as an expression over “given”."),
        ({"expect": [{"see": "text"}]}, "“text” needs something to compare with: is, contains, matches, at_least or number."),
        ({"expect": [{"see": "text", "is": "a", "contains": "b"}]}, "expect.0: compare by one of is, contains, matches, at_least, number, not by is and contains."),
        ({"expect": [{"see": "visible", "target": {"css": "#x"}}]}, "A selector ties the check to one way of writing the page: use role, label, text or mark."),
        ({"expect": [{"see": "stdout", "contains": "x"}]}, "A tool has no steps: give its form values in “input” and its files' texts in “files”."),
        ({"expect": [{"see": "text", "matches": "(?=x)"}]}, "expect.0: A pattern cannot look ahead or behind."),
        ({"steps": [{"do": "hover"}]}, "steps.0.do: “hover” is not known here; use open, click, fill, press, select, check, uncheck, reload, wait or resize."),
        ({"steps": [{"do": "fill", "target": "Bill", "value": "1"}]}, "steps.0.target: “Bill” should be an object, such as {\"label\": \"Bill\"}."),
        ({"steps": [{"do": "click", "target": {"role": "buton"}}]}, "steps.0.target: there is no role “buton”."),
        ({"code": "1"}, "code: “code” is no part of a check."),
        ({"id": None}, "id: Input should be a valid string."),
        ({"given": {"bill": float("nan")}}, "“bill” is too large."),
        ({"steps": [], "input": {"Big Table": 1}, "expect": [{"see": "exit"}]}, "“Big Table” cannot name a field of the form: use small letters, digits and “_”."),
    ],
)  # fmt: skip
def test_the_sentence_says_what_to_write_instead(change, sentence):
    assert read({**CHECK, **change}) == sentence


def test_a_model_cannot_pass_for_a_recipe_nor_tick_its_own_check():
    sly = {
        **CHECK,
        "source": "recipe",
        "confirmed": True,
        "expect": [{"see": "visible", "target": {"css": "#x"}}],
    }
    assert "selector" in read(sly, source="model")
    assert not read({**CHECK, "confirmed": True}, source="model").confirmed
    assert read(CHECK, source="person").confirmed


def test_a_check_is_stored_and_read_back_as_it_was():
    for raw in (CHECK, json.loads(PAGE_EXAMPLE), json.loads(TOOL_EXAMPLE)):
        check = read(raw, source="person")
        assert json.loads(json.dumps(check.as_json())) == check.as_json()
        assert read(check.as_json()) == check


def test_a_person_may_say_the_number_that_they_worked_out():
    check = {**CHECK, "expect": [{"see": "text", "contains": "180.00"}]}
    assert isinstance(read(check, source="person"), Check)
    assert "worked out" in read(check, source="model")


def test_a_recipes_words_in_braces_are_only_words():
    check = {"id": "c", "sentence": "s", "source": "recipe", "expect": [{"see": "text", "contains": "{tea}"}]}
    assert runs([read(check)])[0]["expect"][0]["contains"] == "{tea}"


def test_whatever_is_sent_is_answered_in_words():
    for raw in (None, [], "check", {}, {"expect": 3}, {**CHECK, "files": {"a": "x" * 50_000}}, {"a": {1, 2}}):
        assert isinstance(read(raw), str)


# --- what is written about the language -------------------------------------------------------------------------

DOCS = (Path(settings.BASE_DIR) / "docs" / "checks.md").read_text(encoding="utf-8")
ROWS = [json.loads(row) for row in re.findall(r"^\| [^|]*\| `(\{.*\})` \|$", DOCS, re.MULTILINE)]


def test_the_docs_have_an_example_of_every_step_and_of_everything_that_is_seen():
    steps, sees = [r for r in ROWS if "do" in r], [r for r in ROWS if "see" in r]
    assert {s["do"] for s in steps} == set(Step.model_fields["do"].annotation.__args__)
    assert {e["see"].split(":")[0] for e in sees} == {*PAGE_SEES, *TOOL_SEES}
    for step in steps:
        expect = [{"see": "changed", "target": {"mark": "x"}}]
        assert isinstance(read({"id": "x", "sentence": "s", "steps": [step], "expect": expect}), Check), step
    for expect in sees:
        one = {"id": "x", "sentence": "s", "given": {"amounts": [1, 2]}, "expect": [expect]}
        assert isinstance(read(one), Check), (expect, read(one))


def test_the_whole_checks_in_the_docs_can_be_used():
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL)]
    assert len(blocks) == 2
    assert [read(block) for block in blocks if isinstance(read(block), str)] == []


def test_what_a_small_model_is_told_is_short_and_its_examples_can_be_used():
    assert len(schema_for_prompt().split()) <= 350
    for example in (PAGE_EXAMPLE, TOOL_EXAMPLE):
        assert example in schema_for_prompt()
        assert isinstance(read(json.loads(example), source="model"), Check)
