"""A line that drops under a hand, and a phone that shows the other side: the person is told, there where they are."""

import pytest
from playwright.sync_api import expect

from tests import modelserver as play
from tests.journeys.test_with_a_model import BROKEN, DIARY, MINE, PAGE, typed_into_the_plan

pytestmark = [pytest.mark.docker, pytest.mark.browser]
PHONE = {"width": 390, "height": 844}


def test_a_stop_that_did_not_get_through_is_said_and_pressed_again(played, visitor):
    served, model = played
    model.plan(DIARY)
    model.script.append(play.say(PAGE, piece=4, pause_s=0.1))
    maker = visitor()
    page = maker.page
    maker.describe(served.url, "A diary for my teas")
    page.locator("#code-0", has_text="Tea diary").wait_for(state="attached")
    maker.context.set_offline(True)
    page.click("[data-stop]")
    said = page.locator("#say-wrong")
    expect(said).to_contain_text("so that did not reach me")
    page.wait_for_timeout(2500)
    maker.shoot("line-down-stop")
    maker.context.set_offline(False)
    page.click("[data-stop]")
    assert maker.finished() == "Stopped"
    expect(said).to_have_text("")
    maker.wrong.clear()  # the line that dropped


def test_a_card_that_could_not_be_pinned_says_so_on_the_shelf(vibe, visitor):
    maker = visitor()
    maker.describe(vibe.url, "Split our dinner bill between Anna, Ben and Chris with 10% tip")
    maker.finished()
    maker.page.goto(vibe.url + "/shelf/")
    maker.context.set_offline(True)
    maker.page.click(".pin")
    said = maker.page.get_by_role("alert")
    expect(said).to_contain_text("so that did not reach me")
    maker.shoot("line-down-pin")
    maker.context.set_offline(False)
    maker.page.click(".pin")
    expect(maker.page.locator(".pin[aria-pressed=true]")).to_be_visible()
    expect(said).to_have_count(0)
    maker.wrong.clear()


def test_of_a_line_that_drops_when_all_is_made_nothing_is_said(vibe, visitor):
    """A card that is there is not said to be still being made."""
    maker = visitor()
    maker.describe(vibe.url, "A focus timer")
    maker.page.wait_for_selector("#part-end h2", state="attached")
    maker.context.set_offline(True)
    maker.page.wait_for_timeout(4000)  # twice what a break may take before it is spoken of
    expect(maker.page.locator("#dropped")).to_be_hidden()
    maker.context.set_offline(False)
    maker.wrong.clear()


def test_a_plan_that_waits_says_so_when_the_line_is_down(played, visitor):
    served, model = played
    model.plan(DIARY)
    maker = visitor()
    maker.describe(served.url, "A diary for my teas", autonomy="plan")
    maker.page.wait_for_selector("form[data-plan]")
    maker.context.set_offline(True)
    note = maker.page.locator("#dropped")
    expect(note).to_contain_text("I still wait for your answer.")
    expect(note).not_to_contain_text("being made")
    maker.context.set_offline(False)
    maker.wrong.clear()


def changing_the_plan_on_a_phone(served, model, visitor):
    """Somebody who has typed into the plan and not sent it, while the page is being written."""
    model.plan(DIARY)
    model.script.append(play.say(PAGE, piece=40, pause_s=0.05))
    maker = visitor()
    maker.describe(served.url, "A diary for my teas")
    maker.page.set_viewport_size(PHONE)
    typed_into_the_plan(maker.page)
    return maker


def test_on_a_phone_what_came_too_late_is_marked_where_the_result_shows(played, visitor):
    maker = changing_the_plan_on_a_phone(*played, visitor)
    page = maker.page
    steps = page.get_by_role("button", name="Steps")
    page.click("[data-go=look]")
    expect(steps).to_have_accessible_name("Steps")
    expect(page.locator("#live")).to_contain_text("What you typed into the plan was not sent", timeout=60_000)
    maker.page.wait_for_selector("#part-end h2", state="attached")
    expect(page.locator(MINE)).to_be_hidden()
    expect(steps).to_have_accessible_name("Steps not sent")
    expect(page.locator("[data-go=talk] .news")).to_be_visible()
    maker.shoot("phone-late")
    page.set_viewport_size(PHONE)
    steps.click()
    expect(page.locator("[data-late-note]")).to_be_in_viewport()
    expect(steps).to_have_accessible_name("Steps")


def test_on_a_phone_nobody_is_taken_away_from_a_plan_they_are_changing(played, visitor):
    maker = changing_the_plan_on_a_phone(*played, visitor)
    page = maker.page
    page.wait_for_selector("#part-end h2", state="attached")
    expect(page.locator(MINE)).to_be_visible()
    expect(page.locator("[data-late-note]")).to_be_visible()


def test_on_a_phone_a_plan_that_waits_is_marked_where_the_result_shows(played, visitor):
    served, model = played
    model.plan(play.say(DIARY, piece=10, pause_s=0.3))
    maker = visitor()
    page = maker.page
    page.set_viewport_size(PHONE)
    maker.describe(served.url, "A diary for my teas", autonomy="plan")
    page.click("[data-go=look]")
    steps = page.get_by_role("button", name="Steps")
    expect(steps).to_have_accessible_name("Steps your turn")
    maker.shoot("phone-turn")
    page.set_viewport_size(PHONE)
    steps.click()
    expect(page.locator("#plan-title")).to_be_focused()


def test_on_a_phone_that_not_all_works_is_told_beside_the_page_that_looks_well(played, visitor):
    served, model = played
    model.always(play.say(BROKEN, piece=400))
    maker = visitor()
    page = maker.page
    page.set_viewport_size(PHONE)
    maker.describe(served.url, "A diary for my teas")
    page.wait_for_selector("#part-end h2", state="attached", timeout=90_000)
    expect(page.frame_locator("#part-preview iframe").locator("h1")).to_be_visible()
    steps = page.get_by_role("button", name="Steps")
    expect(steps).to_have_accessible_name("Steps has faults")
    maker.shoot("phone-broken")
    page.set_viewport_size(PHONE)
    steps.click()
    expect(page.locator("#part-end h2")).to_be_in_viewport()
    page.click("[data-go=look]")
    expect(steps).to_have_accessible_name("Steps")  # it was read
    maker.wrong.clear()  # the page's own error, in its preview
