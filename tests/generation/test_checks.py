"""The verdict is computed from raw observations, never taken from the box."""

import pytest
from pydantic import ValidationError

from vibe.choices import Verdict
from vibe.generation.checks import Check, Expect, clean_text, judge

SEEN = {
    "loaded": True, "seconds": 0.4, "errors": [], "requests": [], "text": "Hello", "title": "x", "drawn": False,
    "colours": 40, "sideways": {"1280": False, "390": False}, "controls": {}, "buttons_tried": [], "checks": [],
    "missed": [], "absent": [],
}  # fmt: skip
PROMISE = {
    "id": "sum",
    "sentence": "It adds up",
    "steps": [{"do": "click", "target": {"role": "button", "name": "Add"}}],
    "expect": [{"see": "text", "target": {"css": "#sum"}, "is": "3"}],
}


def results(**more):
    return {r["id"]: r for r in judge("page", [], {**SEEN, **more}).results}


def test_a_calm_page_holds_and_says_what_was_not_checked():
    judged = judge("page", [], SEEN)
    assert judged.verdict == Verdict.HELD
    assert "Whether it does what you asked" in judged.not_checked[0]


@pytest.mark.parametrize(
    ("more", "broken"),
    [
        (
            {"errors": [{"kind": "uncaught", "text": "ReferenceError: x", "file": "app.js", "line": 3}]},
            "a-errors",
        ),
        ({"errors": [{"kind": "rejection", "text": "no", "file": None, "line": None}]}, "a-errors"),
        ({"text": " ", "colours": 1}, "a-blank"),
        ({"requests": [{"url": "https://tracker.example/x", "stage": "open"}]}, "a-outside"),
        ({"sideways": {"390": True}}, "a-phone"),
        (
            {
                "buttons_tried": [
                    {
                        "name": "Go",
                        "errors": 1,
                        "idle": "",
                        "text": "TypeError",
                        "file": "app.js",
                        "line": 9,
                    }
                ]
            },
            "a-buttons",
        ),
        ({"buttons_tried": [{"name": "Go", "errors": 0, "idle": "unheard", "text": ""}]}, "a-deaf"),
        ({"absent": [{"path": "cat.png", "stage": "open", "name": ""}]}, "a-files"),
        ({"missed": [{"rule": "label", "count": 1, "examples": []}]}, "a-names"),
    ],
)
def test_each_always_on_check_can_fail(more, broken):
    found = results(**more)
    assert [i for i, r in found.items() if not r["held"]] == [broken]


def error(stage, name="", kind="uncaught", text="TypeError: x"):
    return {"kind": kind, "text": text, "file": None, "line": None, "stage": stage, "name": name}


def button(name="Go", **more):
    return {"name": name, "errors": 0, "idle": "", "left": False, "text": "", **more}


def test_what_was_not_seen_is_never_held():
    found = results(sideways={"1280": False})
    assert (found["a-phone"]["held"], found["a-phone"]["saw"]) == (False, "I could not look")


@pytest.mark.parametrize(
    ("more", "broken", "says"),
    [
        ({"errors": [error("phone")]}, "a-errors", "it said on a phone: TypeError: x"),
        ({"errors": [error("later", kind="stuck", text="no answer")]}, "a-errors", "it said a while after it opened: no answer"),
        ({"errors": [error("click", "Go")], "buttons_tried": [button()]}, "a-buttons", "“Go”: TypeError: x"),
        ({"buttons_tried": [button(left=True)]}, "a-buttons", "“Go”: it left the page"),
        ({"requests": [{"url": "https://a.example/", "stage": "click", "name": "Load"}]}, "a-outside", "it asked for https://a.example/ when I clicked “Load”"),
        ({"requests": [{"url": "https://a.example/", "stage": "check", "name": "c1~again"}]}, "a-outside", "it asked for https://a.example/ when I did what a promise says"),
    ],
)  # fmt: skip
def test_what_came_later_is_told_with_when_it_came(more, broken, says):
    found = results(**more)
    assert {i: r["saw"] for i, r in found.items() if not r["held"]} == {broken: says}


def test_buttons_that_were_not_tried_are_named():
    def said(*untried):
        return judge("page", [], {**SEEN, "untried": untried}).not_checked[1:]

    assert said() == []
    assert said("Undo") == ["1 button was not tried: “Undo”."]
    assert said("+", "+", "") == ["3 buttons were not tried: “+” and one without a name."]
    assert said(*"abcdefgh")[0].endswith("“f” and 2 more.")


@pytest.mark.parametrize(
    ("more", "held"),
    [
        ({"text": "Hello", "colours": 2}, True),
        ({"text": "Hello", "colours": 1}, False),  # in the colour of the page
        ({"text": " ", "colours": 1, "drawn": True}, False),  # a canvas with nothing on it
        ({"text": " ", "colours": 2, "drawn": True}, True),
        ({"text": " ", "colours": 2, "drawn": False}, False),  # a line, or a border around nothing
        ({"text": " ", "colours": 2, "controls": {"inputs": 1}}, True),
        ({"text": " ", "colours": 3, "drawn": False}, True),  # a picture made of boxes
        ({"text": " ", "colours": 1, "controls": {"buttons": 1}}, False),
    ],
)
def test_there_is_something_to_see_when_somebody_could_see_it(more, held):
    assert results(**more)["a-blank"]["held"] is held


def test_a_warning_of_the_console_breaks_nothing():
    assert results(errors=[{"kind": "console-warning", "text": "deprecated", "file": None, "line": None}])[
        "a-errors"
    ]["held"]


def test_what_did_not_open_is_one_failed_check():
    judged = judge("page", [PROMISE], {**SEEN, "loaded": False, "reason": "the box was lost"})
    assert [r["id"] for r in judged.results] == ["a-opens"]
    assert judged.verdict == Verdict.BROKEN


def test_without_a_box_nothing_is_said_to_hold():
    judged = judge("page", [PROMISE], {"unchecked": "no engine"})
    assert judged.verdict == Verdict.UNCHECKED
    assert judged.results == []
    assert judged.not_checked == ["Everything: no engine"]


def promise(seen, failed=None):
    checks = [{"id": "sum", "failed": failed, "seen": seen}]
    return {r["id"]: r for r in judge("page", [PROMISE], {**SEEN, "checks": checks}).results}["sum"]


def test_a_promise_holds_only_when_the_value_is_the_right_one():
    assert promise(["3"])["held"]
    assert promise([" 3\u00a0"])["held"]
    assert not promise(["4"])["held"]
    assert not promise([None])["held"]
    assert not promise([])["held"]


def test_a_box_that_claims_success_is_not_believed():
    assert not promise([True])["held"]
    assert not {r["id"]: r for r in judge("page", [PROMISE], SEEN).results}["sum"]["held"]


def test_a_step_that_could_not_be_done_is_told_in_words():
    got = promise([], {"step": 0, "why": "it was not there"})
    assert got["saw"] == "I could not click “Add”: it was not there"


def test_the_same_failure_has_the_same_signature_whatever_the_figures():
    one = judge(
        "page", [], {**SEEN, "errors": [{"kind": "uncaught", "text": "x at 12", "file": "a.js", "line": 1}]}
    )
    two = judge(
        "page", [], {**SEEN, "errors": [{"kind": "uncaught", "text": "x at 99", "file": "a.js", "line": 7}]}
    )
    other = judge(
        "page", [], {**SEEN, "errors": [{"kind": "uncaught", "text": "y", "file": "a.js", "line": 1}]}
    )
    assert one.signature == two.signature != other.signature
    assert "a.js, line 1" in one.evidence


@pytest.mark.parametrize(
    "check",
    [
        {"id": "x", "sentence": "s", "expect": [{"see": "javascript"}]},
        {"id": "x", "sentence": "s", "expect": [{"see": "text", "matches": "("}]},
        {"id": "x", "sentence": "s", "expect": [], "steps": []},
        {"id": "x", "sentence": "s", "expect": [{"see": "text"}], "steps": [{"do": "evaluate"}]},
        {"id": "x", "sentence": "s", "expect": [{"see": "text"}], "steps": [{"do": "click"}]},
        {"id": "x", "sentence": "s", "expect": [{"see": "text", "target": {"role": "button", "text": "x"}}]},
        {"id": "X X", "sentence": "s", "expect": [{"see": "text"}]},
        {"id": "x", "sentence": "s", "expect": [{"see": "text"}], "code": "1"},
    ],
)
def test_the_language_of_checks_is_closed(check):
    with pytest.raises((ValidationError, ValueError)):
        Check.model_validate(check)


def test_expectations_compare_as_they_say():
    assert Expect(see="visible").holds(True)
    assert not Expect(see="visible").holds(False)
    assert Expect(see="hidden").holds(False)
    assert Expect(see="count", at_least=2).holds(3)
    assert not Expect(see="count", at_least=2).holds("3 things")
    assert Expect(see="text", contains="a b").holds("x a\nb y")
    assert Expect(see="text", matches=r"^\d+$").holds("12")


def test_what_a_program_printed_is_made_harmless():
    assert "\x1b" not in clean_text("\x1b[31mred\x1b[0m", 100)
    assert "\u202e" not in clean_text("a\u202eb", 100)
    assert len(clean_text("x" * 1000, 10)) == 10


def tool(runs, checks=()):
    base = {
        "signal": None,
        "artifacts": [],
        "seconds": 0.2,
        "stderr": "",
        "stdout": "",
        "code": 0,
        "ended": "exit",
    }
    return judge(
        "tool", list(checks), {"runs": [{"check": name, "outcome": {**base, **o}} for name, o in runs.items()]}
    )


def noise(**outcome):
    judged = tool({"sample": {"stdout": "ok"}, "broken": outcome})
    return {r["id"]: (r["held"], r["saw"]) for r in judged.results}["a-bad"]


TRACE = "Traceback (most recent call last)\nKeyError: 'x'"


@pytest.mark.parametrize(
    ("outcome", "held"),
    [
        ({"code": 1, "stderr": "I cannot read this."}, True),
        ({"code": 1, "stdout": "I cannot read this."}, True),
        ({"code": 0}, True),
        ({"code": 1}, False),
        ({"code": 1, "stdout": TRACE}, False),
        ({"code": 0, "stdout": TRACE}, False),
        ({"code": 1, "stdout": TRACE, "stderr": "Sorry."}, False),
        ({"code": 1, "stderr": "KeyError: 'x'"}, False),
        ({"code": 1, "stderr": "Error: the file has no dates."}, True),
    ],
)
def test_noise_must_be_met_with_a_sentence(outcome, held):
    assert noise(**outcome)[0] is held
    if outcome == {"code": 1}:
        assert noise(**outcome)[1] == "it ended without a word"


REFUSED = {"code": 2, "stderr": "Enter an IBAN."}
IBAN = {
    "id": "t", "sentence": "It knows a wrong one", "input": {"iban": "DE02"}, "expect": [{"see": "stdout", "contains": "wrong"}],
}  # fmt: skip


def test_a_tool_that_refuses_what_we_made_up_is_not_broken():
    judged = tool({"sample": REFUSED, "broken": REFUSED, "t": {"stdout": "wrong"}}, [IBAN])
    assert judged.verdict == Verdict.HELD
    assert {r["id"] for r in judged.results} == {"a-bad", "t"}
    assert judged.not_checked == [
        "Whether it runs on other input: I had none that fits, and it said “Enter an IBAN.”."
    ]


def test_a_tool_that_was_never_seen_to_run_is_never_held():
    judged = tool({"sample": REFUSED, "broken": REFUSED})
    assert judged.verdict == Verdict.UNCHECKED
    assert judged.not_checked[0] == "Whether it does what you asked."
    assert "Nothing was seen to run." in judged.not_checked[1]
    assert tool({"sample": REFUSED, "t": REFUSED}, [IBAN]).verdict == Verdict.BROKEN


@pytest.mark.parametrize("of", ["person", "promise", "tool"])
def test_a_tool_that_refuses_what_is_not_ours_is_broken(of):
    base = {"ended": "exit", "stdout": "", "artifacts": [], "seconds": 0.2, **REFUSED}
    judged = judge("tool", [], {"runs": [{"check": "sample", "of": of, "outcome": base}]})
    assert {r["id"] for r in judged.results if not r["held"]} == {"a-runs", "a-says"}


def test_a_silent_or_broken_end_on_our_sample_is_broken():
    for outcome in (
        {"code": 1},
        {"code": 1, "stderr": TRACE},
        {"ended": "timeout", "code": None, "stderr": "Hm."},
    ):
        assert tool({"sample": outcome}).verdict == Verdict.BROKEN


def test_a_tool_must_answer_and_meet_noise_with_a_sentence():
    good = tool({"sample": {"stdout": "ok"}, "broken": {"code": 1, "stderr": "I cannot read this."}})
    assert good.verdict == Verdict.HELD
    trace = tool(
        {
            "sample": {"stdout": "ok"},
            "broken": {"code": 1, "stderr": "Traceback (most recent call last)\nKeyError"},
        }
    )
    assert [r["id"] for r in trace.results if not r["held"]] == ["a-bad"]
    silent = tool({"sample": {}})
    assert [r["id"] for r in silent.results if not r["held"]] == ["a-says"]
    late = tool({"sample": {"ended": "timeout", "code": None, "stdout": "x"}})
    assert not late.results[0]["held"]


def test_a_tools_promise_is_compared_with_what_it_left():
    check = {
        "id": "t",
        "sentence": "adds",
        "input": {},
        "expect": [{"see": "artifact:out.csv", "contains": "3.00"}, {"see": "exit", "is": 0}],
    }
    left = {"artifacts": [{"name": "out.csv", "size": 9, "text": "sum\n3.00\n"}], "stdout": "x"}
    assert tool({"sample": {"stdout": "x"}, "t": left}, [check]).verdict == Verdict.HELD
    assert tool({"sample": {"stdout": "x"}, "t": {"stdout": "x"}}, [check]).verdict == Verdict.BROKEN
