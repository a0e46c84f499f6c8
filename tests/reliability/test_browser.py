"""The browser's end in a real Chromium: offline, asleep, hidden, a wrong clock, two tabs and a phone, a wait in the line."""

import time

import pytest
from playwright.sync_api import expect

from tests import modelserver as play
from tests.journeys.served import Served
from tests.reliability.line import Line
from tests.reliability.people import Person, until
from tests.reliability.test_parts_die import PAGE, writing

pytestmark = pytest.mark.browser
CODE = PAGE.partition("```html\n")[2].partition("```")[0]


class Site:
    """A served product whose people come over a line that can be cut."""

    def __init__(self, var):
        self.model = play.ModelServer().__enter__()
        self.served = Served(
            var, OPENAI_BASE_URL=self.model.url, OPENAI_API_KEY="sk-test-0123456789", VIBE_MODEL="test-model",
            DJANGO_SETTINGS_MODULE="tests.reliability.settings",
        )  # fmt: skip
        self.line = Line(self.served.port)
        self.url = self.line.url
        self.served.env |= {
            "VIBE_ORIGIN": self.url,
            "VIBE_CONTENT_ORIGIN": f"http://{{card}}.localhost:{self.line.port}",
        }
        self.served.url = self.url  # also asked over the line: another host it would not answer
        self.served.start()

    def close(self):
        self.served.stop()
        self.line.close()
        self.model.__exit__()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("var"))
    yield site
    site.close()


@pytest.fixture
def site(made):
    made.line.up()
    made.model.requests.clear()
    made.model.always(writing(4))
    return made


def is_whole(page):
    """Every letter once, and the making came to its end."""
    page.wait_for_selector("#part-end h2", state="attached", timeout=60_000)  # a phone shows the result instead
    assert page.text_content("#part-end h2") == "Ready. Try it."
    assert page.locator("#code-0").text_content() == CODE


def is_made(site):
    """What was begun last is made, whoever looks at it."""
    until(
        lambda: site.served.rows(
            "SELECT 1 FROM vibe_job WHERE state = 'done' AND id = (SELECT max(id) FROM vibe_job)"
        )
    )


def grows(page):
    expect(page.locator("#code-0")).to_contain_text("line 3 of", timeout=20_000)


def go_off(context, line, *, silently=True):
    context.set_offline(True)
    line.down(silently=silently)


def come_back(context, line):
    line.up()
    context.set_offline(False)


def offline(site, visitor, seconds):
    """Off the net for so long in mid-writing: (the visitor, how long after it the page had what it missed)."""
    one = visitor()
    one.describe(site.url, "A page about tea")
    grows(one.page)
    one.page.fill("#say", "and then make it")
    go_off(one.context, site.line)
    expect(one.page.locator("#dropped b")).to_have_text("You’re offline. Your card is still being made.")
    before = len(one.page.locator("#code-0").text_content())
    one.page.wait_for_timeout(seconds * 1000)
    is_made(site)
    assert len(one.page.locator("#code-0").text_content()) == before
    come_back(one.context, site.line)
    back = time.monotonic()
    expect(one.page.locator("#dropped")).to_be_hidden()
    is_whole(one.page)
    took = time.monotonic() - back
    assert one.page.input_value("#say") == "and then make it"
    return one, took


def test_off_the_net_in_mid_writing_it_says_so_and_goes_on_at_once(site, visitor):
    one, took = offline(site, visitor, 5)
    print(f"whole {took:.2f} s after it was back")
    assert took < 5
    one.wrong.clear()  # what found no net
    with one.page.expect_response(lambda reply: reply.url.endswith("/autonomy/")):
        one.page.select_option("select[name=autonomy]", "keep")
    one.page.wait_for_timeout(500)  # the making is over: a command would load the page anew
    assert one.page.input_value("#say") == "and then make it"
    one.page.reload()
    expect(one.page.locator("select[name=autonomy]")).to_have_value("keep")


@pytest.mark.soak
def test_off_the_net_for_a_minute(site, visitor):
    one, took = offline(site, visitor, 60)
    print(f"whole {took:.2f} s after it was back")
    assert took < 2
    one.wrong.clear()


def test_a_short_break_of_the_line_is_not_spoken_of(site, visitor):
    one = visitor()
    one.describe(site.url, "A page about tea")
    grows(one.page)
    one.page.evaluate(
        "() => new MutationObserver(() => { document.body.dataset.spoken = '1' })"
        ".observe(document.getElementById('dropped'), { attributes: true, attributeFilter: ['hidden'] })"
    )
    site.line.down(silently=False)
    one.page.wait_for_timeout(600)
    site.line.up()
    is_whole(one.page)
    assert one.page.get_attribute("body", "data-spoken") is None
    one.wrong.clear()


def test_asleep_for_an_hour_over_a_dead_line_it_goes_on_at_once(site, visitor):
    one = visitor()
    one.page.clock.install()
    one.describe(site.url, "A page about tea")
    grows(one.page)
    hide(one.page, True)
    site.line.down(silently=True)
    is_made(site)
    one.page.clock.pause_at(time.time() + 3600)  # the hour passes at once, and no timer runs in it
    site.line.up()
    one.page.clock.resume()
    hide(one.page, False)
    back = time.monotonic()
    is_whole(one.page)
    took = time.monotonic() - back
    print(f"whole {took:.2f} s after an hour")
    assert took < 10, "it was not looked for at once, but when nothing had been heard for long"
    one.wrong.clear()


def hide(page, yes):
    """Headless Chromium shows every tab: what it would tell the page is told here."""
    page.evaluate(
        "yes => { Object.defineProperty(document, 'hidden', { value: yes, configurable: true });"
        " Object.defineProperty(document, 'visibilityState', { value: yes ? 'hidden' : 'visible', configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')) }",
        yes,
    )


@pytest.mark.parametrize("off_by_hours", [-30, 30])
def test_a_wrong_clock_changes_nothing(site, visitor, off_by_hours):
    site.model.always(writing(1))
    one = visitor()
    one.page.clock.install(time=time.time() + off_by_hours * 3600)
    one.describe(site.url, "A page about tea")
    expect(one.page.locator("#part-meter")).to_contain_text("0:0")
    is_whole(one.page)


def test_two_tabs_and_a_phone_see_one_job_alike_while_each_is_cut_off_in_turn(site, visitor):
    site.model.always(writing(7))
    desk = visitor()
    desk.describe(site.url, "A page about tea")
    second = desk.tab()
    second.goto(desk.page.url)
    phone = visitor(storage_state=desk.context.storage_state())
    phone.page.set_viewport_size({"width": 390, "height": 844})
    phone.page.goto(desk.page.url)
    grows(desk.page)
    site.line.down(silently=False)
    desk.page.wait_for_timeout(300)
    site.line.up()
    phone.context.set_offline(True)
    desk.page.wait_for_timeout(1000)
    phone.context.set_offline(False)
    for page in (desk.page, second, phone.page):
        is_whole(page)
    assert len(site.model.requests) == 1
    desk.wrong.clear()
    phone.wrong.clear()


def test_a_server_killed_and_started_again_finds_the_page_where_it_was(site, visitor):
    one = visitor()
    one.describe(site.url, "A page about tea")
    grows(one.page)
    one.page.fill("#say", "and then make it")
    site.served.stop(9)
    expect(one.page.locator("#dropped b")).to_have_text("The line dropped. Your card is still being made.")
    expect(one.page.locator("#dropped .dim")).to_contain_text("What you see is from ")
    one.page.click("#dropped a")  # no reload: what was typed stays
    assert one.page.input_value("#say") == "and then make it"
    one.page.press("#say", "Enter")
    expect(one.page.locator("#say-wrong")).to_have_text(
        "The line dropped, so nothing was sent. What you typed is still here: try again."
    )
    site.model.always(writing(1))
    site.served.start()
    is_whole(one.page)
    assert one.page.input_value("#say") == "and then make it"
    one.wrong.clear()


def test_a_place_in_the_line_is_said_and_moves(site, visitor):
    site.model.always(writing(90))  # so long has a slow machine for all of this
    crowd = [Person(site.url) for _ in range(8)]
    making = [one.begin(f"A page about tea number {n}") for n, one in enumerate(crowd)]
    until(lambda: len(site.model.requests) == 8)
    before, late = Person(site.url), visitor()
    first = before.begin("A page about juice")
    late.describe(site.url, "A page about coffee")
    expect(late.page.locator("#part-place")).to_have_text("1 before you.")
    before.get()
    before.send(f"/jobs/{first}/stop/")
    expect(late.page.locator("#part-place")).to_have_text("You are next.")
    late.shoot("place-in-line")
    site.model.always(writing(0.5))
    for one, job in zip(crowd, making, strict=True):
        one.send(f"/jobs/{job}/stop/")
    assert late.finished() == "Ready. Try it."
