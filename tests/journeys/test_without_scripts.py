"""A browser that runs no scripts: everything that a person needs is there, and every form works."""

import pytest

from tests import modelserver as play
from tests.journeys.test_with_a_model import PAGE

OWN = 'CHECK Milk can be added\n{"expect": [{"see": "visible", "target": {"label": "Tea"}}]}\n'
pytestmark = [pytest.mark.docker, pytest.mark.browser]


def test_from_a_sentence_over_a_plan_to_a_card_and_back_to_an_older_version(played, visitor):
    served, model = played
    model.plan("TITLE Tea diary\nSTEP A form for teas\nSTEP A chart\nCHECK The chart grows\n")
    model.script.extend([play.say(OWN), play.say(PAGE, piece=400)])
    maker = visitor(java_script_enabled=False)
    page = maker.page
    maker.describe(served.url, "A diary for my teas", autonomy="plan")
    page.wait_for_selector(
        "form[data-plan]", timeout=30_000
    )  # nothing is pressed: the page looks again by itself
    maker.shoot("plain-plan")
    page.fill(".plan li:nth-child(2) textarea", "A teal chart")
    page.locator('textarea[placeholder="Say what must hold"]').fill("Milk can be added")
    page.click("text=Go, make it")
    assert maker.finished() == "Ready. Try it."
    asked = model.requests[1]["body"]["messages"][-1]["content"]
    assert "A teal chart" in asked
    assert "Milk can be added" in asked
    for words in ("checks hold", "Versions", "The code", "Hand it on"):
        assert page.locator("h2:visible", has_text=words).count() == 1, words
    for selector in ("#part-checks .verdicts", "#part-versions .line", "#p-code pre", "#share-link"):
        assert page.locator(selector).first.is_visible(), selector
    assert page.locator("[role=tab]:visible, [data-opens]:visible").count() == 0
    assert page.locator("#part-preview").is_visible() is False
    maker.shoot("plain-done")
    link = page.locator("#p-preview a:visible", has_text="Open the card").get_attribute("href")
    model.script.append(
        play.say(
            "EDIT style.css\n```css\n<<<<<<< SEARCH\nh1 { color: teal }\n=======\nh1 { color: crimson }\n>>>>>>> REPLACE\n```\nDONE\n"
        )
    )
    model.plan("TITLE Crimson\nSTEP Make it crimson\n")
    page.fill("#say", "Make the title crimson")
    page.click("[aria-label=Send]")
    page.wait_for_selector("form[data-plan]", timeout=30_000)
    page.click("text=Go, make it")
    page.locator("#part-versions .line").nth(1).wait_for(timeout=60_000)
    maker.finished()
    page.locator("#part-versions form button", has_text="Go back to this").click()
    assert "Version 1 is back, as version 3" in page.inner_text(".talk")
    page.goto(served.url + link if link.startswith("/") else link)
    assert "needs JavaScript" in page.inner_text("main")


def test_a_job_that_is_over_or_waits_for_its_person_stands_still(played, visitor):
    served, model = played
    model.plan("TITLE Tea diary\nSTEP A form for teas\n")
    maker = visitor(java_script_enabled=False)
    maker.describe(served.url, "A diary for my teas", autonomy="plan")
    maker.page.wait_for_selector("form[data-plan]", timeout=30_000)
    maker.page.fill(".plan li:first-child textarea", "Typed slowly")
    maker.page.wait_for_timeout(4000)
    assert maker.page.input_value(".plan li:first-child textarea") == "Typed slowly"


def test_which_files_were_chosen_is_seen(vibe, visitor):
    """There is no script that could show them as clips, so the browser's own field does."""
    maker = visitor(java_script_enabled=False)
    maker.page.goto(vibe.url + "/")
    assert maker.page.locator("#files").bounding_box()["width"] > 100
    maker.describe(vibe.url, "A multiplayer chess game with an online ranking")
    for width in (1440, 390):
        maker.page.set_viewport_size({"width": width, "height": 900})
        picked, words = (maker.page.locator(one).bounding_box() for one in ("#say-files", "#say"))
        assert picked["width"] > 100, width
        assert words["width"] > 200, width
