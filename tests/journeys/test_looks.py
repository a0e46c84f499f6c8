"""Looks side by side, with a real browser: tried in their sealed frames, picked by key or touch, after a restart too."""

import pytest
from playwright.sync_api import expect

from tests import modelserver as play

pytestmark = [pytest.mark.docker, pytest.mark.browser]

PLAN = 'TITLE Tea party\nSTEP One big poster\nCHECK It says when\n{"expect": [{"see": "visible", "target": {"text": "Saturday"}}], "covers": [1]}\n'
POSTER = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Tea party</title>
<style>body {{ margin: 0; min-height: 100vh; display: grid; place-content: center; text-align: center; font: 1.3rem/1.4 {font}; background: {paper}; color: {ink} }}
h1 {{ font-size: clamp(3rem, 9vw, 7rem); line-height: 1; margin: 0 0 1.5rem }} p {{ margin: .2rem }} b {{ color: {mark} }}</style>
<main><h1>{title}</h1><p><b>Saturday at four</b></p><p>in the garden, with cake</p></main></html>
"""
LOOKS = (
    {
        "title": "Tea &amp; cake",
        "font": "Georgia, serif",
        "paper": "#f6ead2",
        "ink": "#3b2413",
        "mark": "#8c2f16",
    },
    {"title": "TEA!", "font": "Verdana, sans-serif", "paper": "#123a3f", "ink": "#fdf6e3", "mark": "#ffd34d"},
    {
        "title": "a tea party",
        "font": "'Courier New', monospace",
        "paper": "#ffffff",
        "ink": "#1a1a1a",
        "mark": "#0a5d3c",
    },
)
SAID = (
    "Warm paper and an old serif, like an invitation by post.",
    "Loud and dark, to be read across the street.",
    "Quiet and typed, with much white around it.",
)


def reply(at):
    return play.say(
        f"{SAID[at]}\n\nFILE index.html\n```html\n{POSTER.format(**LOOKS[at])}```\n\nDONE\n", piece=400
    )


def ask(maker, served, autonomy):
    """From the sentence to where the looks are to be seen, or to the end."""
    maker.page.goto(served.url + "/")
    maker.page.check('.knob input[value="thorough"]', force=True)
    maker.page.check(f'.dial input[value="{autonomy}"]', force=True)
    maker.page.click("#shape-now")
    maker.page.check('.shapes input[value="picture"]', force=True)
    maker.page.fill("#ask", "A poster for our tea party on Saturday at four")
    maker.page.click(".ask button.big")
    maker.page.wait_for_url("**/programs/*/")


def test_a_look_is_tried_in_its_frame_and_picked_after_a_restart(played, visitor):
    served, model = played
    model.plan(PLAN)
    model.script.extend([reply(0), reply(1)])
    maker = visitor()
    ask(maker, served, "ask")
    maker.page.click("text=Go, make it")
    looks = maker.page.locator(".panel.looks .look")
    looks.nth(1).wait_for(timeout=120_000)
    expect(maker.page.locator("#question-title")).to_be_focused()  # it is said where the eye is
    for at in range(2):
        picture = looks.nth(at).locator("img")
        picture.evaluate("i => i.decode()")
        assert picture.evaluate("i => i.naturalWidth") > 600
    maker.shoot("looks-picking")
    maker.page.set_viewport_size({"width": 390, "height": 844})
    maker.page.click("text=See them")
    looks.nth(0).wait_for()
    assert maker.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    maker.shoot("looks-picking-phone")

    path = maker.page.url.removeprefix(served.url)
    served.stop()
    served.start()
    maker.page.goto(served.url + path)
    maker.page.locator("#question-title").wait_for()
    maker.wrong.clear()  # the line that dropped, tried again and again
    wanted = looks.filter(has_text="Loud and dark")
    wanted.locator("a:has-text('Try it')").focus()
    maker.page.keyboard.press("Enter")
    maker.page.wait_for_url("**/looks/*/")
    sealed = maker.page.frame_locator("[data-frame] iframe")
    sealed.locator("h1:has-text('TEA!')").wait_for()
    assert maker.page.locator("[data-frame] iframe").get_attribute("sandbox") == "allow-scripts allow-forms"
    maker.shoot("looks-one")
    maker.page.click(".foot nav a:not([aria-current])")
    sealed.locator("h1:has-text('Tea & cake')").wait_for()
    maker.page.go_back()
    sealed.locator("h1:has-text('TEA!')").wait_for()
    maker.page.focus("text=Take this one")
    maker.page.keyboard.press("Enter")
    maker.page.wait_for_url("**/programs/*/")
    assert maker.finished() == "Ready. Try it."
    maker.page.frame_locator("#part-preview iframe").locator("h1:has-text('TEA!')").wait_for()
    assert len(model.requests) + len(model.plans) == 3
    maker.page.locator("#looks-kept").scroll_into_view_if_needed()
    maker.shoot("looks-kept")


def test_who_has_it_just_made_finds_the_other_looks_beside_the_first(played, visitor):
    served, model = played
    model.plan(PLAN)
    model.script.extend([reply(0), reply(1), reply(2)])
    maker = visitor()
    ask(maker, served, "make")
    assert maker.finished(150) == "Ready. Try it."
    others = maker.page.locator("#part-end .look")
    assert others.count() == 3
    maker.page.locator("#looks-kept").scroll_into_view_if_needed()
    maker.shoot("looks-made")
    maker.page.set_viewport_size({"width": 390, "height": 844})
    assert maker.page.evaluate("document.body.dataset.view") == "look", "what was made is what is seen first"
    heading = maker.page.locator("#looks-kept")
    heading.wait_for()
    assert (
        maker.page.evaluate("scrollY + document.getElementById('looks-kept').getBoundingClientRect().bottom")
        < 720
    )
    assert not maker.page.locator("#part-steps").is_visible()
    maker.page.click("#tab-checks")
    assert not heading.is_visible()
    maker.page.click("#tab-preview")
    others.nth(2).locator("img").scroll_into_view_if_needed()
    assert others.nth(2).is_visible()
    maker.page.set_viewport_size({"width": 1440, "height": 900})
    others.nth(1).locator("button").click()
    maker.page.locator(".note:has-text('You use version 2 now')").wait_for()
    maker.page.click("#tab-versions")
    maker.shoot("looks-versions")

    plain = visitor(java_script_enabled=False, storage_state=maker.context.storage_state())
    plain.page.goto(maker.page.url)
    third = plain.page.locator("#part-end .look").nth(2)
    third.locator("button").click()
    assert "You use version 3 now" in plain.page.content()
