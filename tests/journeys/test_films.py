"""A person plays what the checker did: on the workbench, on a stranger's card, and without a script."""

import pytest

from tests import modelserver as play
from tests.journeys.test_without_a_model import BILL

pytestmark = [pytest.mark.docker, pytest.mark.browser]

COUNTER = """FILE index.html
```html
<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Cups of tea</title>
<style>body { font: 20px system-ui; margin: 3rem; color-scheme: light dark } button { font: inherit; padding: .5rem 1rem }</style>
<h1>Cups of tea</h1><p>Today: <b id="n">0</b></p>
<button onclick="n.textContent++">One more</button> <button onclick="n.textContent = 0; share()">Start over</button>
```
DONE
"""


def watch(page, sentence, inside="#part-checks"):
    """Opens the film under a check and answers it."""
    film = page.locator(f"{inside} .verdicts > li", has_text=sentence).locator(".film")
    film.locator("summary").click()
    film.locator(".reel-bar").wait_for()
    return film


def caption(film):
    return film.locator("li[data-now] figcaption").text_content()


def is_drawn(film):
    picture = film.locator("li[data-now] img")
    picture.evaluate("i => i.decode()")
    return picture.evaluate("i => i.naturalWidth === 640 && i.naturalHeight === 400")


def test_a_film_is_played_on_the_workbench_and_by_whoever_has_the_link(vibe, visitor):
    maker, friend = visitor(), visitor()
    maker.describe(vibe.url, BILL)
    assert maker.finished() == "Ready. Try it."
    maker.page.click("#tab-checks")
    film = watch(maker.page, "It copes when nobody shares")
    assert caption(film) == "I opened it"
    assert is_drawn(film)
    film.locator("[data-now] figcaption:has-text('I clicked “Nobody”')").wait_for()
    maker.shoot("film-workbench-playing")
    film.locator("[data-now] figcaption:has-text('it is as it should be')").wait_for()
    assert film.locator("button").get_attribute("aria-label") == "Play"
    height = film.bounding_box()["height"]
    film.locator("input[type=range]").focus()
    maker.page.keyboard.press("ArrowLeft")
    assert caption(film) == "I clicked “Nobody”"
    maker.page.keyboard.press("Home")
    assert caption(film) == "I opened it"
    film.locator("button").click()
    assert film.locator("button").get_attribute("aria-label") == "Pause"
    film.locator("button").click()
    assert film.bounding_box()["height"] == height

    maker.page.click(".bar button[data-opens=share]")
    friend.page.goto(maker.page.input_value("#share-link"))
    friend.page.click('button[popovertarget="about"]')
    friend.page.click("#about summary:has-text('What was checked')")
    film = watch(friend.page, "It copes when nobody shares", "#about")
    film.locator("[data-now] figcaption:has-text('it is as it should be')").wait_for()
    assert is_drawn(film)
    assert "/c/" in film.locator("li[data-now] img").get_attribute("src")
    friend.shoot("film-card")
    mine = maker.page.locator("#part-checks .film img").first.evaluate("i => i.src")
    friend.page.goto(mine)
    assert "There is nothing here" in friend.page.inner_text("h1")
    friend.wrong.clear()  # the 404 itself


def test_a_check_that_failed_stands_at_the_moment_it_failed(played, visitor):
    served, model = played
    model.always(play.say(COUNTER, piece=400))
    maker = visitor(reduced_motion="reduce")
    maker.describe(served.url, "A counter for my cups of tea")
    assert maker.finished() == "I couldn’t get all of it to work"
    maker.page.click("#tab-checks")
    film = watch(maker.page, "Its buttons raise no errors")
    assert caption(film) == "I clicked “Start over”, and it raised an error"
    assert is_drawn(film)
    maker.page.wait_for_timeout(1200)  # little motion was asked for: it stays there
    assert film.locator("button").get_attribute("aria-label") == "Play"
    assert "Start over" in caption(film)
    maker.shoot("film-workbench-failed")
    maker.wrong.clear()  # the page's own error, in its preview


def test_without_a_script_the_pictures_stand_in_a_row(vibe, visitor):
    maker = visitor()
    maker.describe(vibe.url, BILL)
    maker.finished()
    maker.page.click(".bar button[data-opens=share]")
    link = maker.page.input_value("#share-link")
    path = maker.page.url.removeprefix(vibe.url)
    plain = visitor(java_script_enabled=False, storage_state=maker.context.storage_state())
    plain.page.goto(vibe.url + path)
    plain.page.goto(link)
    html = plain.page.content()
    assert "What was checked" in html
    first = plain.page.locator("#about .film img").first
    assert first.get_attribute("loading") == "lazy"
    reply = plain.context.request.get(vibe.url + first.get_attribute("src"))
    assert reply.headers["content-type"] == "image/jpeg"
    assert reply.body().startswith(b"\xff\xd8\xff")


def test_how_a_tool_was_used_is_played_too_and_travels_with_its_card(vibe, visitor):
    maker, friend = visitor(), visitor()
    maker.describe(vibe.url, "Turn my bank CSV into monthly totals")
    assert maker.finished() == "Ready. Try it."
    maker.page.click("#tab-checks")
    film = watch(maker.page, "It runs")
    assert caption(film) == "I opened it"
    film.locator("[data-now] [data-here] dd:has-text('.csv')").wait_for()  # the field that is being filled in
    maker.shoot("film-tool-filled")
    film.locator("[data-now] figcaption:has-text('it is as it should be')").wait_for()
    film.locator("input[type=range]").focus()
    maker.page.keyboard.press("Home")
    for _ in range(12):
        if film.locator("[data-now] table").count():
            break
        maker.page.keyboard.press("ArrowRight")
    assert film.locator("[data-now] table th").count() > 1
    maker.shoot("film-tool-table")
    assert maker.page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    maker.page.click(".bar button[data-opens=share]")
    friend.page.goto(maker.page.input_value("#share-link"))
    friend.page.click('button[popovertarget="about"]')
    friend.page.click("#about summary:has-text('What was checked')")
    film = watch(friend.page, "It runs", "#about")
    film.locator("[data-now] figcaption:has-text('it is as it should be')").wait_for()
    friend.shoot("film-tool-card")
