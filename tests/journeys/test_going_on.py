"""Going on: after a change that came to nothing, a stop in mid-sentence, a request in line, other settings, a second run."""

import threading

import pytest

from tests import modelserver as play
from tests.journeys.test_with_a_model import PAGE

pytestmark = [pytest.mark.docker, pytest.mark.browser]
BANK = "Date;Text;Amount\n02.01.2026;Rent flat;-870,00\n30.01.2026;Salary;2.840,00\n"


def test_a_recipe_is_seen_at_once_and_changed_by_settings_that_came_by_themselves(vibe, visitor):
    maker = visitor()
    maker.describe(vibe.url, "Split our dinner bill between Anna, Ben and Chris with 10% tip")
    maker.page.wait_for_selector('#part-preview[data-label="not checked yet"] iframe')
    assert maker.page.frame_locator("#part-preview iframe").locator("h1").first.inner_text()
    assert not maker.page.query_selector("#part-end h2")
    maker.shoot("going-on-unchecked")
    assert maker.finished() == "Ready. Try it."
    maker.page.wait_for_selector("#slot-tip")
    assert maker.page.locator("#part-end h2").evaluate(
        "h => h.getBoundingClientRect().top >= h.closest('.talk').getBoundingClientRect().top"
    )
    maker.page.fill("#slot-tip", "-5 apples")
    maker.page.click("text=Use these settings")
    maker.page.wait_for_selector("#wrong-slot-tip:not(:empty)")
    maker.wrong.clear()  # the 422 itself
    assert maker.page.inner_text("#wrong-slot-tip") == "Use a number from 0 to 100."
    maker.shoot("going-on-settings")
    maker.page.fill("#slot-tip", "15")
    maker.page.click("text=Use these settings")
    maker.page.locator(".said").nth(1).wait_for()
    assert maker.finished() == "Ready. Try it."
    assert "as you set it" in maker.page.inner_text("#part-note")

    maker.page.fill("#say", "make it blue")
    maker.page.press("#say", "Enter")
    maker.page.locator(".said").nth(2).wait_for()
    assert maker.finished() == "Nothing was changed"
    assert "Version 2 is still there." in maker.page.inner_text("#part-end")
    maker.shoot("going-on-nothing-changed")
    maker.page.click(".bar button[data-opens=share]")
    assert "The link shows version 1; you are looking at 2." in maker.page.inner_text("#share")
    maker.shoot("going-on-share")


def test_what_a_tool_made_of_the_file_is_shown_and_runs_again_without_it(vibe, visitor, tmp_path):
    maker = visitor()
    bank = tmp_path / "german.csv"
    bank.write_text(BANK)
    maker.describe(vibe.url, "Turn my bank CSV into monthly totals, rent on its own line", files=[bank])
    assert maker.finished() == "Ready. Try it."
    assert "Tried on your german.csv:" in maker.page.inner_text("#part-preview")
    assert maker.page.locator("#part-preview table").count() == 1
    assert maker.page.locator("#part-preview img.shown").evaluate("i => i.complete && i.naturalWidth > 100")
    maker.shoot("going-on-tried")
    maker.page.set_input_files("#in-file", bank)
    maker.page.click("#part-preview button.big")
    maker.page.wait_for_url("**/runs/*/#result")
    maker.page.wait_for_selector("#part-run table")
    maker.page.set_viewport_size({"width": 390, "height": 844})
    assert (
        maker.page.locator("#result").bounding_box()["y"] < maker.page.locator("form.sheet").bounding_box()["y"]
    )
    maker.shoot("going-on-run")
    before = maker.page.url
    maker.page.click("form.sheet button.big")
    maker.page.wait_for_function("before => location.href !== before", arg=before)
    maker.page.wait_for_selector("#part-run table")
    assert "german.csv from the last run" in maker.page.inner_text("form.sheet")


def test_a_stop_in_mid_sentence_paints_what_was_written(played, visitor):
    served, model = played
    go = threading.Event()
    written = PAGE.partition("FILE style.css")[0][:-60]  # nothing comes after this half
    model.script.append(play.say(PAGE[: 2 * len(written)], piece=6, go=go))
    maker = visitor()
    maker.describe(served.url, "A diary for my teas")
    maker.page.frame_locator("#part-preview iframe").locator("h1").wait_for()
    maker.page.click("[data-stop]")
    assert maker.finished() == "Stopped"
    go.set()
    maker.page.wait_for_selector('#part-preview[data-label="Stopped here, not checked"]')
    assert maker.page.frame_locator("#part-preview iframe").locator("h1").inner_text() == "Tea diary"
    maker.shoot("going-on-stopped")
    maker.page.reload()
    assert maker.page.frame_locator("#part-preview iframe").locator("h1").inner_text() == "Tea diary"


def test_a_request_in_line_is_seen_and_begins_by_itself(played, visitor):
    served, model = played
    go = threading.Event()
    model.script.append(play.say(PAGE, piece=8, pause_s=0.03, go=go))
    model.script.append(play.say(PAGE.replace("teal", "navy"), piece=8, pause_s=0.03))
    maker = visitor()
    maker.describe(served.url, "A diary for my teas")
    maker.page.frame_locator("#part-preview iframe").locator("h1").wait_for()
    for words in ("make it navy", "and larger"):
        maker.page.fill("#say", words)
        maker.page.press("#say", "Enter")
        maker.page.locator("#part-next", has_text=words).wait_for()
    assert maker.page.get_attribute("#part-preview", "aria-busy") == "true"
    maker.shoot("going-on-line")
    maker.page.locator("#part-next .row", has_text="and larger").locator("button").click()
    maker.page.locator("#part-next", has_text="Taken back: and larger").wait_for()
    go.set()
    maker.page.locator(".said", has_text="make it navy").wait_for(timeout=60_000)
    assert maker.finished() == "Ready. Try it."
    assert maker.page.locator(".said").count() == 2
