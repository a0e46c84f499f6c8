"""Changes in a real browser: pointed at, edited by hand, compared, held back."""

import re

import pytest
from playwright.sync_api import expect

from tests import modelserver as play

pytestmark = [pytest.mark.docker, pytest.mark.browser]

PAGE = """A counter for your teas.

FILE index.html
```html
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Tea counter</title><link rel="stylesheet" href="style.css"></head>
<body><h1>Tea counter</h1>
<p>Cups today: <b id="count">0</b></p>
<p><label>Which tea <input id="tea"></label></p>
<button id="add">Add a cup</button> <button>Start over</button>
<script src="app.js"></script>
</body></html>
```

FILE style.css
```css
body { font: 18px system-ui; margin: 2rem; color-scheme: light dark }
h1 { color: teal }
button { padding: 1rem }
```

FILE app.js
```js
let cups = 0;
function show() { document.getElementById("count").textContent = cups; }
addEventListener("click", event => {
  if (event.target.id === "add") cups += 1;
  else if (event.target.matches("button")) cups = 0;
  show();
}, true);
addEventListener("keydown", event => { if (event.key === "Enter") { cups += 100; show(); } }, true);
show();
```
DONE
"""
BLUE = "EDIT style.css\n```css\n<<<<<<< SEARCH\nbutton { padding: 1rem }\n=======\nbutton { padding: 1rem; background: navy; color: white }\n>>>>>>> REPLACE\n```\nDONE\n"
CLIP = "#pointed-clip .clip"


def said(page, text):
    """Wait until the page says `text` to a screen reader; its policy forbids the polling of a string."""
    page.locator("#live", has_text=text).wait_for(state="attached")


@pytest.fixture
def made(played, visitor):
    """(model, maker) with a program that counts cups."""
    served, model = played
    model.script.append(play.say(PAGE, piece=400))
    maker = visitor()
    maker.describe(served.url, "A counter for my teas")
    assert maker.finished() == "Ready. Try it."
    return model, maker


def frame_of(page):
    frame = page.frame_locator("#part-preview iframe")
    frame.locator("#add").wait_for()
    return frame


def test_a_part_is_pointed_at_by_mouse_and_the_program_hears_nothing_of_it(made):
    model, maker = made
    page, frame = maker.page, frame_of(maker.page)
    frame.locator("#add").click()
    assert frame.locator("#count").inner_text() == "1"
    page.click("#point-at")
    assert page.get_attribute("#point-at", "aria-pressed") == "true"
    frame.locator("h1").hover()
    frame.locator("#add").hover()
    assert frame.locator("vibe-point").count() == 1
    maker.shoot("changes-pointing")
    frame.locator("#add").click()
    assert page.inner_text(CLIP).startswith("the button “Add a cup”")
    assert page.get_attribute("#point-at", "aria-pressed") == "false"
    assert frame.locator("#count").inner_text() == "1", "the program did not hear the click"
    assert frame.locator("vibe-point").count() == 0
    expect(page.locator("#say")).to_be_focused()
    maker.shoot("changes-pointed")
    model.script.append(play.say(BLUE))
    page.fill("#say", "Make this dark blue")
    page.press("#say", "Enter")
    page.locator(".said .clip").wait_for()
    maker.finished()
    asked = model.requests[-1]["body"]["messages"][-1]["content"]
    assert "the button “Add a cup” (button#add)" in asked
    frame_of(page).locator("#add").click()
    assert frame_of(page).locator("#count").inner_text() == "1", "afterwards it hears clicks as before"


def test_a_part_is_pointed_at_by_keyboard_taken_out_again_and_escape_ends_it(made):
    _, maker = made
    page, frame = maker.page, frame_of(maker.page)
    page.focus("#point-at")
    page.keyboard.press("Enter")
    for _ in range(2):
        page.keyboard.press("Tab")
    said(page, re.compile(r"^the text"))
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    said(page, "field")
    page.keyboard.press("Tab")
    said(page, "Add a cup")
    page.keyboard.press("Enter")
    page.wait_for_selector(CLIP)
    assert page.input_value("#pointed") == "the button “Add a cup” (button#add)"
    assert frame.locator("#count").inner_text() == "0", "the program did not hear the keys"
    page.click(f"{CLIP} button")
    assert page.locator(CLIP).count() == 0
    assert page.input_value("#pointed") == ""
    page.click("#point-at")
    page.keyboard.press("Escape")
    page.wait_for_selector("#point-at[aria-pressed=false]")
    frame.locator("#add").click()
    assert frame.locator("#count").inner_text() == "1"
    assert page.locator(CLIP).count() == 0


HOSTILE = """([message]) => {
  const post = MessagePort.prototype.postMessage;
  MessagePort.prototype.postMessage = function (...all) { window.stolen = this; return post.apply(this, all); };
  localStorage.setItem("x", "1");  // the first script answers over its port, and the page takes the port from it
  post.call(window.stolen, message);
}"""
PICKED = {
    "type": "pointed",
    "picked": True,
    "selector": "p",
    "text": "<img src=x onerror=alert(1)>\u202e",
    "label": "constructor",
}


def hostile(page, message):
    """A made page that took the port of its first script says `message` over it."""
    (sealed,) = [f for f in page.frames if f.parent_frame]
    sealed.evaluate(HOSTILE, [message])
    page.wait_for_timeout(200)


def test_a_made_page_points_at_nothing_unasked_and_its_words_are_text_alone(made):
    _, maker = made
    page = maker.page
    frame_of(page)
    hostile(page, PICKED)
    assert page.locator(CLIP).count() == 0, "nobody asked"
    page.click("#point-at")
    for wrong in ({"text": "x" * 81}, {"selector": ["p"]}, {"label": "x" * 41}):
        hostile(page, {**PICKED, **wrong})
        assert page.locator(CLIP).count() == 0, wrong
    hostile(page, PICKED)
    assert page.inner_text(CLIP).startswith("the part “<img src=x onerror=alert(1)>”")
    assert page.locator(f"{CLIP} img").count() == 0
    assert page.input_value("#pointed") == "the part “<img src=x onerror=alert(1)>” (p)"
    page.click(".bar button[data-opens=share]")
    page.goto(page.input_value("#share-link"))
    page.frame_locator("[data-frame] iframe").locator("#add").wait_for()
    page.evaluate("addEventListener('vibe:pointed', () => { document.title = 'pointed'; })")
    page.evaluate("document.querySelector('[data-frame]').vibePoint(true)")
    hostile(page, PICKED)
    assert page.title() != "pointed", "a card has no pointing"


def test_files_are_edited_by_hand_compared_and_a_broken_edit_is_held_back(made):
    _, maker = made
    page = maker.page
    page.click("#tab-code")
    page.click("text=Edit by hand")
    page.wait_for_selector("form.byhand")
    text = page.locator("#text-2")  # app.js, index.html, style.css come as they were written
    names = [page.input_value(f"#path-{n}") for n in range(3)]
    text = page.locator(f"#text-{names.index('style.css')}")
    assert text.get_attribute("spellcheck") == "false"
    text.fill(text.input_value().replace("teal", "crimson") + "p { letter-spacing: .02em }\n")
    maker.shoot("changes-by-hand")
    page.click("text=Keep it as a new version")
    page.locator(".said", has_text="Edited by hand").wait_for()
    assert maker.finished() == "Ready. Try it."
    colour = frame_of(page).locator("h1").evaluate("h => getComputedStyle(h).color")
    assert colour == "rgb(220, 20, 60)"
    page.click("#tab-versions")
    page.locator("#part-versions summary").first.click()
    assert "Changed 1 line and added 1 in style.css." in page.inner_text("#part-versions")
    page.locator("#part-versions a", has_text="Show the lines").first.click()
    page.wait_for_selector(".diff [data-line=added]")
    assert page.locator(".diff [data-line=removed] code").inner_text() == "h1 { color: teal }"
    maker.shoot("changes-difference")
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    page.click("#tab-code")
    page.click("text=Edit by hand")
    names = [page.input_value(f"#path-{n}") for n in range(3)]
    page.fill(f"#text-{names.index('app.js')}", "nothing.there();\n")
    page.click("text=Keep it as a new version")
    page.locator(".said", has_text="Removed").wait_for()
    assert maker.finished() == "The version you had stays"
    assert "The change broke: It opens without errors" in page.inner_text("#part-end")
    page.click("#part-end [data-tab=versions]")
    maker.shoot("changes-held-back")
    page.locator("#part-versions").get_by_text("Use it anyway").click()
    page.wait_for_load_state()
    assert "You use version 3 now." in page.inner_text("#part-end")
    maker.wrong.clear()  # the page's own error, in its preview


def test_without_scripts_the_same_is_done_by_plain_links_and_forms(played, visitor):
    served, model = played
    model.script.append(play.say(PAGE, piece=400))
    maker = visitor()
    maker.describe(served.url, "A counter for my teas")
    maker.finished()
    address = maker.page.url
    plain = visitor(java_script_enabled=False, storage_state=maker.context.storage_state())
    plain.page.goto(address + "edit/")
    names = [plain.page.input_value(f"#path-{n}") for n in range(3)]
    plain.page.fill(f"#text-{names.index('style.css')}", "h1 { color: crimson }\n")
    plain.page.click("text=Keep it as a new version")
    maker.page.goto(address)
    maker.finished()
    plain.page.goto(address + "versions/2/difference/")
    assert "removed 2 in style.css" in plain.page.inner_text("main")
    plain.page.screenshot(path="var/shots/changes-difference-page.png")
    plain.page.goto(address + "edit/")
    maker.page.goto(address)  # meanwhile another version comes to be
    maker.page.click("#tab-versions")
    maker.page.click("text=Go back to this")
    plain.page.fill("#text-0", "let mine = 1;\n")
    plain.page.click("text=Keep it as a new version")
    assert "version 3 is the current one now" in plain.page.inner_text("main")
    assert plain.page.input_value("#text-0") == "let mine = 1;\n"
    maker.page.set_viewport_size({"width": 390, "height": 844})
    for width in (390, 1440):
        plain.page.set_viewport_size({"width": width, "height": 900})
        plain.page.screenshot(path=f"var/shots/changes-conflict-{width}.png")
    plain.wrong.clear()  # the 422 itself
