"""Checks before code, as a person meets them: ticked in the plan, held or not, and never more than was seen."""

import json

import pytest

from tests import modelserver as play
from tests.journeys.test_with_a_model import APP, INDEX, PAGE, STYLE, blocks

pytestmark = [pytest.mark.docker, pytest.mark.browser]

LISTED = {
    "given": {"tea": "Assam", "cups": 3},
    "vary": {"cups": [1, 5]},
    "again": {"tea": "Earl Grey"},
    "steps": [
        {"do": "fill", "target": {"label": "Tea"}, "value": "{tea}"},
        {"do": "fill", "target": {"label": "Cups"}, "value": "{cups}"},
        {"do": "click", "target": {"role": "button", "name": "Add"}},
    ],
    "expect": [{"see": "text", "target": {"role": "listitem"}, "is": "{tea}: {cups}"}],
    "covers": [1],
}
SEEN_AT_ONCE = {"expect": [{"see": "visible", "target": {"text": "teas"}}]}
PLAN = (
    "TITLE Tea diary\nSTEP Teas are listed with their cups\nSTEP A chart\n"
    f"CHECK What I drank is in the list\n{json.dumps(LISTED)}\n"
    f"CHECK It speaks of teas\n{json.dumps(SEEN_AT_ONCE)}\n"
)
# It looks the part and shows the one answer that a lazy check would ask for, whatever is typed.
CHEAT = APP.replace('t.tea + ": " + t.cups', '"Assam: 3"')


def test_what_was_ticked_and_holds_is_as_asked_and_what_cannot_fail_does_not_count(played, visitor):
    served, model = played
    model.plan(PLAN)
    model.script.append(play.say(PAGE, piece=400))
    maker = visitor()
    maker.describe(served.url, "A diary for my teas", autonomy="plan")
    maker.page.wait_for_selector("form[data-plan]")
    maker.page.check('input[name="confirm"][value="p1"]')
    maker.shoot("workbench-plan-checks")
    maker.page.click("text=Go, make it")
    assert maker.finished(150) == "It works as you asked. Try it."
    asked = model.requests[0]["body"]["messages"][-1]["content"]
    assert "A field labelled “Tea”" in asked
    assert "Assam" not in asked, "the writer must not learn what is expected"
    maker.page.click("#tab-checks")
    checks = maker.page.inner_text("#part-checks")
    assert "What I drank is in the list" in checks
    assert "cannot fail" in checks
    assert "“A chart”" in checks
    maker.shoot("workbench-as-asked")


def test_a_program_that_knows_the_answer_by_heart_is_found_out_and_written_afresh(played, visitor):
    served, model = played
    model.plan(PLAN)
    cheat = "A diary.\n\n" + blocks(index=INDEX, style=STYLE, app=CHEAT)
    model.script.extend([play.say(cheat, piece=400), play.say(cheat, piece=400), play.say(PAGE, piece=400)])
    maker = visitor()
    maker.describe(served.url, "A diary for my teas")
    assert maker.finished(200) == "Ready. Try it."
    assert "It passes the checks I made up" in maker.page.inner_text("#part-end")
    assert [len(model.plans), len(model.requests)] == [1, 3]
    repair, afresh = (model.requests[n]["body"]["messages"][-1]["content"] for n in (1, 2))
    assert "What I drank is in the list" in repair
    assert "Assam: 3" not in afresh, "written afresh it must not see the failed code"
