"""A check holds only if all its runs hold, and says in plain words what was done, wanted and seen."""

import pytest

from tests.generation.test_checks import SEEN
from vibe.choices import Verdict
from vibe.generation.checks import judge, runs

SHARE = {
    "id": "share", "sentence": "Everybody pays the same", "confirmed": True,
    "given": {"bill": 90, "people": 3}, "vary": {"bill": [100, 500]}, "again": {"bill": "bill * 2"},
    "steps": [
        {"do": "fill", "target": {"label": "Bill"}, "value": "{bill}"},
        {"do": "click", "target": {"role": "button", "name": "Split"}},
    ],
    "expect": [{"see": "text", "target": {"mark": "share"}, "number": "bill / people"}],
}  # fmt: skip
RELATION = {**SHARE, "expect": [{"see": "text", "target": {"mark": "share"}, "number": "before * 2"}]}


def judged(checks, shows, *, seed=0, failed=None, idle=None):
    """`shows` gives what the page shows for a run, `failed` how its steps went."""
    seen = [{"id": r["id"], "failed": failed, "seen": [] if failed else shows(r)} for r in runs(checks, seed)]
    return judge("page", checks, {**SEEN, "checks": seen}, seed=seed, idle=idle)


def one(judged):
    return next(r for r in judged.results if not r["id"].startswith("a-"))


def bill(run):
    return float(run["steps"][0]["value"])


def test_a_program_that_reckons_holds_whatever_the_numbers():
    for seed in (0, 7, 8):
        made = judged([SHARE], lambda r: [f"€{bill(r) / 3:,.2f} for 3"], seed=seed)
        assert made.verdict == Verdict.HELD
        assert "share" in made.held_ids
        assert one(made) == {
            "id": "share", "sentence": "Everybody pays the same", "held": True,
            "did": "I typed 90 into “Bill” and clicked “Split”", "expected": "30", "saw": "just that",
            "source": "model", "confirmed": True, "idle": "", "film": "", "seed": seed,
        }  # fmt: skip


def test_a_program_that_knows_the_example_by_heart_is_found_out():
    fixed = {**SHARE, "again": {}}
    assert judged([fixed], lambda r: ["€30.00"]).verdict == Verdict.HELD
    made = judged([fixed], lambda r: ["€30.00"], seed=7)
    assert made.verdict == Verdict.BROKEN
    assert one(made)["did"].startswith("With other numbers: I typed ")


def test_what_was_done_wanted_and_seen_is_said_as_the_page_says_it():
    made = one(judged([SHARE], lambda r: ["€31,00"]))
    assert (made["did"], made["expected"], made["saw"]) == (
        "I typed 90 into “Bill” and clicked “Split”", "€30,00", "“€31,00”",
    )  # fmt: skip
    assert one(judged([SHARE], lambda r: ["NaN"]))["saw"] == "“NaN”"
    assert one(judged([SHARE], lambda r: [None]))["saw"] == "nothing marked “share” is there"
    again = one(judged([SHARE], lambda r: ["€30.00"]))
    assert again["did"] == (
        "Once more on a fresh page, with other values: I typed 180 into “Bill” and clicked “Split”"
    )
    assert again["expected"] == "€60.00"


def test_a_relation_looks_back_at_what_was_seen_the_first_time():
    assert judged([RELATION], lambda r: [f"{bill(r) / 7:.2f} for 3"], seed=7).verdict == Verdict.HELD
    made = one(judged([RELATION], lambda r: ["12.86 for 3"]))
    assert (made["held"], made["expected"], made["saw"]) == (False, "25.72", "“12.86 for 3”")
    assert not one(judged([RELATION], lambda r: ["none"]))["held"]
    assert one(judged([RELATION], lambda r: ["none"]))["expected"] == "a number"


def test_a_step_that_could_not_be_done_is_told_with_what_was_done_before():
    missing = {"step": 0, "why": "it was not there, or it could not be used", "missing": True}
    made = one(judged([SHARE], None, failed=missing))
    assert (made["did"], made["saw"]) == (
        "I opened it in a sealed box", "nothing labelled “Bill” is there: I could not type into it",
    )  # fmt: skip
    made = one(judged([SHARE], None, failed={**missing, "step": 1}))
    assert (made["did"], made["saw"]) == (
        "I typed 90 into “Bill”", "there is no button “Split”: I could not click it",
    )  # fmt: skip


def test_the_same_done_several_times_is_said_once():
    wine = {"do": "uncheck", "target": {"label": "Wine"}}
    check = {
        "id": "wine", "sentence": "s", "steps": [wine, wine, wine, {"do": "press", "key": "Enter"}, {"do": "reload"}],
        "expect": [{"see": "hidden", "target": {"text": "Wine"}}, {"see": "errors"}, {"see": "kept"}],
    }  # fmt: skip
    made = one(judged([check], lambda r: [True, 2, False]))
    assert made["did"] == "I unticked “Wine” 3 times, pressed Enter and reloaded it"
    assert made["expected"] == "“Wine” cannot be seen; no errors; the page is the same after a reload"
    assert made["saw"] == "“Wine” can be seen; 2 errors; the page was not the same after a reload"


def test_a_run_that_the_box_did_not_do_does_not_hold():
    seen = [{"id": "share", "failed": None, "seen": ["30.00"]}]
    made = judge("page", [SHARE], {**SEEN, "checks": seen})
    assert (one(made)["held"], one(made)["saw"]) == (False, "I could not look")


def test_an_error_while_a_promise_is_kept_breaks_it():
    def seen(**more):
        return [{"id": "p", "failed": None, "seen": ["3"], "raised": "TypeError: x", **more}]

    check = {"id": "p", "sentence": "s", "expect": [{"see": "text", "is": "3"}]}
    made = judge("page", [check], {**SEEN, "checks": seen()})
    assert (one(made)["held"], one(made)["saw"], one(made)["expected"]) == (
        False, "it held, but the page raised an error: TypeError: x", "3; no errors",
    )  # fmt: skip
    wrong = one(judge("page", [check], {**SEEN, "checks": seen(seen=["4"])}))
    assert wrong["saw"] == "“4”; the page raised an error: TypeError: x"
    lost = seen(seen=[], failed={"step": 0, "why": "it was not there", "missing": False})
    assert one(judge("page", [check], {**SEEN, "checks": lost}))["saw"].endswith(
        "raised an error: TypeError: x"
    )
    counts = {**check, "expect": [{"see": "errors", "is": 1}]}
    assert one(judge("page", [counts], {**SEEN, "checks": seen(seen=[1])}))["held"]


LATE = {"failed": {"step": 0, "why": "there was no time left"}, "seen": [], "late": True, "seconds": 0.0}


def test_a_promise_that_there_was_no_time_for_is_not_checked():
    first = {"id": "share", "failed": None, "seen": ["30.00"], "seconds": 1.2}
    made = judge("page", [SHARE], {**SEEN, "checks": [first, {"id": "share~again", **LATE}]})
    assert made.verdict == Verdict.HELD
    assert "share" not in made.held_ids
    assert made.not_checked == ["“Everybody pays the same”: there was no time left to look."]
    wrong = judge(
        "page", [SHARE], {**SEEN, "checks": [{**first, "seen": ["31"]}, {"id": "share~again", **LATE}]}
    )
    assert "share" in wrong.broken_ids


def test_a_page_does_not_get_out_of_its_promises_by_being_slow():
    first = {"id": "share", "failed": None, "seen": ["30.00"], "seconds": 4.1}
    made = judge("page", [SHARE], {**SEEN, "checks": [first, {"id": "share~again", **LATE}]})
    assert made.verdict == Verdict.BROKEN
    assert one(made)["saw"] == "there was no time left to look: it is too slow"


def test_what_cannot_fail_counts_for_nothing():
    made = judged([SHARE], lambda r: ["NaN"], idle={"share": "blank"})
    assert made.verdict == Verdict.HELD
    assert one(made)["idle"] == "blank"
    assert made.evidence == ""
    assert made.not_checked == [
        "Whether it does what you asked: my own checks cannot fail, so they count for nothing. All I know is that it "
        "opens and shows no errors."
    ]
    two = judged([SHARE, {**SHARE, "id": "b"}], lambda r: ["NaN"], idle={"share": "blank"})
    assert two.verdict == Verdict.BROKEN
    assert two.not_checked == []


def test_of_what_is_kept_back_a_repair_hears_only_how_many():
    made = judged([SHARE, {**SHARE, "id": "b", "sentence": "Secret"}], lambda r: ["NaN"])
    assert "Secret" in made.evidence
    assert made.evidence_without({"b"}) == (
        "- Everybody pays the same: “NaN” (should be: 30; I typed 90 into “Bill” and clicked “Split”)"
        ' [looked at data-vibe="share"]\n- 1 more check does not hold.'
    )
    assert made.evidence_without({"share", "b"}) == "- 2 checks do not hold."


def test_the_same_failure_has_the_same_signature_whatever_was_typed():
    signatures = {judged([SHARE], lambda r: [f"€{bill(r) / 2:,.2f}"], seed=s).signature for s in (0, 7, 8)}
    assert len(signatures) == 1
    assert judged([SHARE], lambda r: ["NaN"]).signature not in signatures


def test_the_film_is_that_of_the_run_that_is_told():
    seen = [{"id": i, "failed": None, "seen": ["30.00"], "film": [1]} for i in ("share", "share~again")]
    assert one(judge("page", [SHARE], {**SEEN, "checks": seen}))["film"] == "share~again"


TOTAL = {
    "id": "total", "sentence": "It adds up", "given": {"amounts": [12.5, 8]}, "vary": {"amounts": [1, 99]},
    "input": {"table": "bank.csv", "year": 2026}, "files": {"bank.csv": "Amount\n{amounts.0}\n{amounts.1}\n"},
    "expect": [{"see": "stdout", "number": "sum(amounts)"}],
}  # fmt: skip


def of_a_tool(checks, prints, seed=0):
    out = {"ended": "exit", "code": 0, "stdout": "x", "stderr": "", "artifacts": [], "seconds": 0.1}
    ran = [{"check": r["id"], "outcome": {**out, **prints(r)}} for r in runs(checks, seed)]
    return judge("tool", checks, {"runs": [{"check": "sample", "outcome": out}, *ran]}, seed=seed)


def test_a_tool_that_reckons_holds_and_one_that_prints_the_answer_does_not():
    def adds(run):
        return {"stdout": f"Total: {sum(map(float, run['files']['bank.csv'].split()[1:])):.2f}"}

    assert of_a_tool([TOTAL], adds, 5).verdict == Verdict.HELD
    made = of_a_tool([TOTAL], lambda r: {"stdout": "Total: 20.50"}, 5)
    assert made.verdict == Verdict.BROKEN
    wrong = one(of_a_tool([TOTAL], lambda r: {"stdout": "Total: 21.50"}))
    assert (wrong["did"], wrong["expected"], wrong["saw"]) == (
        "I ran it with table: “bank.csv” and year: 2026", "Total: 20.50", "“Total: 21.50”",
    )  # fmt: skip


def test_a_tool_that_broke_says_so_rather_than_that_it_printed_nothing():
    broke = {"code": 1, "stdout": "", "stderr": "Traceback (most recent call last)\nKeyError: 'Amount'"}
    assert "KeyError" in one(of_a_tool([TOTAL], lambda r: broke))["saw"]


@pytest.mark.parametrize(("seen", "held"), [(0, True), (1, False), (None, False)])
def test_no_errors_means_none(seen, held):
    check = {"id": "e", "sentence": "s", "expect": [{"see": "errors"}]}
    assert one(judged([check], lambda r: [seen]))["held"] is held
