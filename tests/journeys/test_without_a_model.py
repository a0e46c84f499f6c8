"""No key, no internet: a sentence becomes a card that a stranger opens."""

import os
import re

import pytest

from vibe import recipes

pytestmark = [pytest.mark.docker, pytest.mark.browser]
BILL = "Split our dinner bill between Anna, Ben and Chris with 10% tip"
BANK = "Date;Text;Amount\n02.01.2026;Rent flat;-870,00\n05.01.2026;Shop;-64,20\n30.01.2026;Salary;2.840,00\n02.02.2026;Rent flat;-870,00\n"


def test_from_the_desk_to_a_card_in_another_browser(vibe, visitor, docs):
    maker, friend = visitor(), visitor()
    maker.page.goto(vibe.url + "/")
    assert "What should it do?" in maker.page.inner_text("h1")
    maker.shoot("home-no-model")
    maker.describe(vibe.url, BILL)
    assert "ready-made, no AI was used" in maker.page.wait_for_selector("#part-note .sheet").inner_text()
    maker.page.wait_for_selector('#part-steps li[data-step="now"]')
    maker.shoot("workbench-checking")
    assert maker.finished() == "Ready. Try it."
    frame = maker.page.frame_locator("#part-preview iframe")
    frame.locator(".had").first.fill("20")
    assert frame.locator(".owes").first.inner_text() == "€22.00"
    maker.page.wait_for_timeout(500)
    if os.environ.get("VIBE_PICTURES") or not (docs / "workbench.png").exists():
        maker.page.screenshot(path=docs / "workbench.png")
    maker.shoot("workbench-done")
    maker.page.click("#tab-checks")
    assert "checks hold" in maker.page.inner_text("#part-checks h2")
    maker.shoot("workbench-checks")
    maker.page.click(".bar button[data-opens=share]")
    maker.shoot("share")
    link = maker.page.input_value("#share-link")
    assert re.fullmatch(rf"{vibe.url}/c/[\w-]{{22}}/", link)

    friend.page.goto(link)
    card = friend.page.frame_locator("[data-frame] iframe")
    card.locator(".had").first.fill("12,50")
    assert card.locator(".owes").first.inner_text() == "€13.75"
    friend.page.reload()
    assert friend.page.frame_locator("[data-frame] iframe").locator(".had").first.input_value() == "12,50"
    friend.shoot("card-page")
    friend.page.click('button[popovertarget="about"]')
    assert "without AI" in friend.page.inner_text("#about")
    friend.shoot("card-about")
    assert friend.context.cookies() == [c for c in friend.context.cookies() if c["name"] == "csrftoken"]
    friend.page.goto(vibe.url + "/shelf/")
    assert "Nothing here yet" in friend.page.inner_text("main")

    maker.page.goto(vibe.url + "/shelf/")
    assert "Split the bill" in maker.page.inner_text("#cards")
    maker.shoot("shelf")


def test_a_tool_card_runs_on_a_visitors_own_file(vibe, visitor, tmp_path):
    maker, friend = visitor(), visitor()
    maker.describe(vibe.url, "Turn my bank CSV into monthly totals, rent on its own line")
    assert maker.finished() == "Ready. Try it."
    maker.shoot("workbench-tool")
    maker.page.click(".bar button[data-opens=share]")
    friend.page.goto(maker.page.input_value("#share-link"))
    friend.shoot("card-tool")
    friend.page.click("form button.big")
    assert "Choose a file." in friend.page.inner_text("#wrong-file")
    friend.wrong.clear()  # the 422 itself
    bank = tmp_path / "bank.csv"
    bank.write_text(BANK)
    friend.page.set_input_files("#in-file", bank)
    friend.page.click("form button.big")
    friend.page.wait_for_url("**/runs/*/#result")
    friend.page.wait_for_selector("#part-run table")
    assert "2,840.00" in friend.page.inner_text("#part-run") or "2840.00" in friend.page.inner_text("#part-run")
    assert friend.page.locator("#part-run img.shown").evaluate("i => i.complete && i.naturalWidth > 100")
    assert "Read CSV with semicolons, 4 rows" in friend.page.inner_text("#printed")
    friend.shoot("card-tool-run")
    with friend.page.expect_download() as download:
        friend.page.click("#part-run .btn:has-text('monthly-totals.csv')")
    assert "2026-01,2840.00,870.00,64.20" in download.value.path().read_text()
    run = friend.page.url
    maker.page.goto(run)
    assert "There is nothing here" in maker.page.inner_text("h1")
    maker.wrong.clear()  # the 404 itself


@pytest.mark.parametrize("recipe", recipes.catalog(), ids=lambda r: r.slug)
def test_every_recipe_is_made_by_the_form(vibe, visitor, recipe):
    maker = visitor()
    maker.describe(vibe.url, recipe.asks)
    assert maker.finished() == "Ready. Try it."
    assert recipe.name in maker.page.inner_text("#part-note")
    text = maker.page.inner_text("#part-end")
    held, total = re.search(r"(\d+) of (\d+) checks hold", text).groups()
    assert held == total
    if recipe.shape == "page":
        frame = maker.page.frame_locator("#part-preview iframe")
        assert frame.locator("h1").first.inner_text()
        maker.page.click("#part-end .btn:has-text('Open the card')")
        maker.page.wait_for_url("**/c/*/")
        assert maker.page.frame_locator("[data-frame] iframe").locator("h1").first.inner_text()
    maker.shoot(f"recipe-{recipe.slug}")


def test_a_recipe_is_changed_by_its_settings_and_an_old_version_comes_back(vibe, visitor):
    maker = visitor()
    maker.describe(vibe.url, "shopping list: milk, eggs")
    maker.finished()
    maker.page.reload()
    maker.page.fill("#say", "add bread")
    maker.page.press("#say", "Enter")
    maker.page.locator(".said").nth(1).wait_for()
    assert maker.finished() == "Ready. Try it."
    frame = maker.page.frame_locator("#part-preview iframe")
    assert "bread" in frame.locator("#list").inner_text()
    assert "The link still shows version 1" in maker.page.inner_text("#part-end")
    maker.page.click("text=Let the link show this version")
    maker.page.wait_for_load_state()
    maker.page.click("#tab-versions")
    maker.shoot("workbench-versions")
    maker.page.click("text=Go back to this")
    maker.page.wait_for_load_state()
    assert "bread" not in maker.page.frame_locator("#part-preview iframe").locator("#list").inner_text()


def test_what_no_recipe_does_is_asked_and_not_guessed(vibe, visitor):
    maker = visitor()
    maker.describe(vibe.url, "A multiplayer chess game with an online ranking")
    maker.page.wait_for_selector("#part-question form")
    maker.shoot("workbench-question")
    maker.page.check('input[value="model"]')
    maker.page.click("text=Answer")
    assert maker.finished() == "There is no program from this"
    assert "Your words are kept" in maker.page.inner_text("#part-end")


def test_a_refusal_takes_neither_words_nor_files(vibe, visitor, tmp_path):
    maker = visitor()
    note = tmp_path / "note.txt"
    note.write_text("tea")
    maker.page.goto(vibe.url + "/")
    maker.page.fill("#ask", "x" * 20_001)
    maker.page.set_input_files("#files", note)
    maker.page.click(".ask button.big")
    maker.page.wait_for_selector("#ask-wrong .wrong")
    maker.wrong.clear()  # the 422 itself
    assert "Use at most 20,000 characters" in maker.page.inner_text("#ask-wrong")
    assert "note.txt" in maker.page.inner_text("#clips")
    assert len(maker.page.input_value("#ask")) == 20_001
    maker.shoot("home-refused")
    maker.page.fill("#ask", "Count the words of my text")
    maker.page.click(".ask button.big")
    maker.page.wait_for_url("**/programs/*/")
    assert "note.txt" in maker.page.inner_text(".slip.said")


def test_too_many_or_too_large_files_are_said_before_anything_is_sent(vibe, visitor, tmp_path):
    maker = visitor()
    large = tmp_path / "large.bin"
    with large.open("wb") as out:
        out.truncate(26 * 1024 * 1024)
    maker.page.goto(vibe.url + "/")
    maker.page.fill("#ask", "Read this")
    maker.page.set_input_files("#files", large)
    assert "larger than 25 MB" in maker.page.inner_text("#clips")
    maker.page.click(".ask button.big")
    assert maker.page.url == vibe.url + "/"
    maker.page.click("#clips button")
    assert maker.page.inner_text("#clips") == ""


def test_a_double_click_is_one_program(vibe, visitor):
    maker = visitor()
    maker.page.goto(vibe.url + "/")
    maker.page.fill("#ask", "a focus timer, please")
    maker.page.dblclick(".ask button.big")
    maker.page.wait_for_url("**/programs/*/")
    assert len(vibe.rows("SELECT id FROM vibe_program WHERE description = 'a focus timer, please'")) == 1


def test_a_second_tab_and_a_reload_see_the_same(vibe, visitor):
    maker = visitor()
    maker.describe(vibe.url, "a countdown to Christmas")
    other = maker.tab()
    other.goto(maker.page.url)
    maker.page.wait_for_timeout(700)
    maker.page.reload()
    maker.finished()
    other.wait_for_selector("#part-end h2")
    third = maker.tab()
    third.goto(maker.page.url)
    parts = ["part-note", "part-steps", "part-end", "part-checks", "part-versions", "part-files"]
    shown = [
        [
            page.evaluate("id => document.getElementById(id).textContent.replace(/\\s+/g, ' ')", part)
            for part in parts
        ]
        for page in (maker.page, other, third)
    ]
    assert shown[0] == shown[1] == shown[2]
