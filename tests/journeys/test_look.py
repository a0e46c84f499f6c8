"""Where things stand: nothing is cut, nothing sticks out, and the keyboard gets to everything."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.docker, pytest.mark.browser]
LONG = "shopping list: milk, eggs, " + "Donaudampfschifffahrtsgesellschaft" * 5
WIDER = """root => { const within = document.querySelector(root), edge = within.getBoundingClientRect().right + 1;
  return [...within.querySelectorAll("*")].filter(e => e.checkVisibility() && !e.closest(".sr") && e.getBoundingClientRect().right > edge).map(e => e.className || e.tagName); }"""
BROKEN_WORDS = """es => es.flatMap(e => [...e.textContent.matchAll(/\\S+/g)].filter(word => {
  const range = document.createRange();
  range.setStart(e.firstChild, word.index);
  range.setEnd(e.firstChild, word.index + word[0].length);
  return range.getClientRects().length > 1;
}).map(word => word[0]))"""
RIGHT = "e => e.getBoundingClientRect().right"
HELD = "".join(
    f'CHECK {words}\n{{"expect": [{{"see": "visible", "target": {{"text": "{words}"}}}}], "covers": [1]}}\n'
    for words in ("The sum is right for three people", "An empty field is not counted as zero but said")
)
PLAN = f"TITLE Split the bill\nSTEP A form for the bill\nSTEP The sum for each\n{HELD}CHECK It feels calm\n"


def test_a_long_word_stays_in_its_column(vibe, visitor):
    maker = visitor()
    maker.describe(vibe.url, LONG)
    maker.finished()
    for width in (1440, 390, 320):
        maker.page.set_viewport_size({"width": width, "height": 900})
        assert maker.page.evaluate(WIDER, ".talk") == [], width
        assert maker.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    maker.shoot("long-word")


def test_a_date_in_the_note_of_a_recipe_is_not_broken(vibe, visitor):
    maker = visitor()
    maker.describe(vibe.url, "a countdown to Grandmother's birthday on 5 May 2027")
    maker.finished()
    maker.shoot("recipe-note")
    for width in (1440, 390, 320):
        maker.page.set_viewport_size({"width": width, "height": 900})
        assert maker.page.eval_on_selector_all(".slots :is(dt, dd, .fact)", BROKEN_WORDS) == [], width


def test_on_a_phone_every_tab_is_in_sight_and_no_empty_strip(vibe, visitor):
    maker = visitor()
    maker.describe(vibe.url, "Turn my bank CSV into monthly totals")
    maker.finished()
    for width in (390, 320):
        maker.page.set_viewport_size({"width": width, "height": 844})
        for tab in maker.page.locator("[role=tab]").all():
            assert tab.evaluate("e => e.getBoundingClientRect().left") >= 0, width
            assert tab.evaluate(RIGHT) <= width, width
            assert tab.evaluate("e => e.scrollWidth <= e.clientWidth"), width
        if width == 390:
            tops = "tabs => new Set(tabs.map(t => t.getBoundingClientRect().top)).size"
            assert maker.page.eval_on_selector_all("[role=tab]", tops) == 1
    assert not maker.page.locator(".work .strip").is_visible()
    maker.page.set_viewport_size({"width": 1440, "height": 900})
    maker.page.goto(maker.page.evaluate("document.querySelector('#part-end a.btn').href"))
    assert maker.page.locator(".foot").evaluate(RIGHT) == 1440
    art, words = (maker.page.locator(f".words {one}").evaluate("e => { const b = e.getBoundingClientRect(); return b.left + b.width / 2; }") for one in (".art", "p"))  # fmt: skip
    assert abs(art - words) < 1
    maker.shoot("tool-card")


def test_after_throwing_a_card_away_enter_brings_it_back(vibe, visitor):
    maker = visitor()
    for words in ("shopping list: milk, eggs", "a focus timer"):
        maker.describe(vibe.url, words)
        maker.finished()
    maker.page.goto(vibe.url + "/shelf/")
    maker.page.locator("summary", has_text="More").first.click()
    maker.page.locator("button", has_text="Throw away").first.click()
    maker.page.wait_for_url("**thrown=*")
    expect(maker.page.get_by_role("button", name="Bring back").first).to_be_focused()
    note, first = (maker.page.locator(one).first.bounding_box() for one in (".note", "#cards"))
    assert first["y"] - note["y"] - note["height"] >= 16
    maker.shoot("shelf-thrown")
    maker.page.keyboard.press("Enter")
    maker.page.wait_for_selector("#cards .card >> nth=1")


def test_only_the_big_box_is_ruled(vibe, visitor):
    maker = visitor()
    maker.page.goto(vibe.url + "/?recipe=checklist")
    lines = "e => getComputedStyle(e).backgroundImage"
    assert "gradient" in maker.page.locator("#ask").evaluate(lines)
    field = maker.page.locator(".ask textarea.input").first
    assert field.evaluate(lines) == "none"
    assert field.evaluate("e => getComputedStyle(e).borderTopWidth") == "1px"
    maker.shoot("home-recipe")
    maker.page.set_viewport_size({"width": 320, "height": 800})
    assert maker.page.locator(".ask .head .fact").first.evaluate("e => e.getClientRects().length + '/' + Math.round(e.offsetHeight / 20)") == "1/1"  # fmt: skip
    maker.page.screenshot(path="var/shots/home-recipe-320-light.png")


def test_a_plan_with_its_checks_fits_and_is_reached_by_keyboard(played, visitor):
    served, model = played
    model.plan(PLAN)
    maker = visitor()
    maker.page.goto(served.url + "/")
    maker.shoot("home-dial")
    maker.page.set_viewport_size({"width": 320, "height": 800})
    for scheme in ("light", "dark"):
        maker.page.emulate_media(color_scheme=scheme)
        maker.page.screenshot(path=f"var/shots/home-dial-320-{scheme}.png", full_page=True)
    assert maker.page.evaluate(WIDER, ".dial") == []
    maker.page.set_viewport_size({"width": 1440, "height": 900})
    maker.describe(served.url, "Split our bill, please, and be calm", autonomy="plan")
    maker.page.wait_for_selector("form[data-plan]")
    maker.shoot("plan-checks")
    for width in (1440, 390, 320):
        maker.page.set_viewport_size({"width": width, "height": 900})
        for line in maker.page.locator(".plan.checks > li:visible").all():
            box, words, tool = (
                line.locator(one).bounding_box() for one in ("input[type=checkbox]", "textarea", ".tools")
            )
            assert box["x"] + box["width"] <= words["x"]
            assert words["x"] + words["width"] <= tool["x"] + 1
            assert words["width"] >= 140
            assert abs(box["y"] - tool["y"]) < 12
        assert maker.page.evaluate(WIDER, "form[data-plan]") == []
    maker.page.screenshot(path="var/shots/plan-checks-320.png", full_page=True)
    maker.page.set_viewport_size({"width": 1440, "height": 900})
    maker.page.focus("#plan-title")
    reached = []
    for _ in range(24):
        maker.page.keyboard.press("Tab")
        reached.append(
            maker.page.evaluate(
                "(e => [e.getAttribute('aria-label') || e.textContent.trim(), getComputedStyle(e).outlineStyle])(document.activeElement)"
            )
        )
    names = [name for name, _ in reached]
    wanted = [
        "Step 1",
        "Remove step 2",
        "Add a step",
        "I want this: It feels calm",
        "Check 3",
        "Remove check 3",
        "Add a check of your own",
        "Go, make it",
        "Leave it",
    ]
    assert [name for name in names if name in wanted] == wanted
    assert {outline for name, outline in reached if name in wanted} == {"solid"}


def test_what_waits_for_an_answer_can_always_be_answered(vibe, visitor):
    """The row of buttons stays in sight, whatever the height; a model is one click away from where it is missed."""
    maker = visitor()
    maker.describe(vibe.url, "A multiplayer chess game with an online ranking")
    maker.page.wait_for_selector("#part-question form")
    for width, height in ((1440, 620), (1440, 900), (390, 844), (320, 640)):
        maker.page.set_viewport_size({"width": width, "height": height})
        answer = maker.page.get_by_role("button", name="Answer").bounding_box()
        composer = maker.page.locator("#say-form").bounding_box()
        assert answer["y"] + answer["height"] <= composer["y"], (width, height)
    maker.page.set_viewport_size({"width": 1440, "height": 900})
    maker.page.locator("#part-question").get_by_role("link", name="Connect a model").click()
    maker.page.wait_for_selector("#base_url")


def test_a_recipe_says_all_of_what_it_does(vibe, visitor):
    maker = visitor()
    maker.page.goto(vibe.url + "/recipes/")
    for width in (1440, 390, 320):
        maker.page.set_viewport_size({"width": width, "height": 900})
        cut = "all => all.filter(e => e.scrollHeight > e.clientHeight + 1).map(e => e.textContent)"
        assert maker.page.eval_on_selector_all(".card .asked", cut) == [], width
