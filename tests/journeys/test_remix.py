"""Somebody who got a link makes the card theirs, changes it and hands it on; the first card stays as it was."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.docker, pytest.mark.browser]


def test_a_card_is_made_mine_changed_and_handed_on(vibe, visitor):
    ada, bo = visitor(), visitor()
    ada.describe(vibe.url, "Split our dinner bill between Anna, Ben and Chris with 10% tip")
    assert ada.finished() == "Ready. Try it."
    link = ada.page.input_value("#share-link")

    bo.page.goto(link)
    bo.shoot("card-of-another")
    expect(bo.page.get_by_role("button", name="Make it mine")).to_be_visible()
    bo.page.get_by_role("button", name="Make it mine").click()
    bo.page.wait_for_url("**/programs/*/")
    expect(bo.page.locator(".talk")).to_contain_text("Remixed from a card of somebody else")
    expect(bo.page.frame_locator("#part-preview iframe").locator("h1").first).to_be_visible()
    bo.shoot("workbench-remixed")
    bo.page.fill("#slot-tip", "25")
    bo.page.click("text=Use these settings")
    bo.page.locator(".said").nth(1).wait_for()
    assert bo.finished() == "Ready. Try it."
    own = bo.page.input_value("#share-link")
    assert own != link

    ada.page.goto(link)
    expect(ada.page.get_by_role("link", name="Change it")).to_be_visible()
    assert ada.page.get_by_role("button", name="Make it mine").count() == 0
    expect(ada.page.frame_locator("[data-frame] iframe").locator("h1").first).to_be_visible()
