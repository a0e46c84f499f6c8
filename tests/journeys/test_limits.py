"""Limits as people meet them, with a real server: a sentence in the page, what was typed still there, nothing kept."""

import http.client
import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests import modelserver as play
from tests.journeys.served import Served

pytestmark = [pytest.mark.docker, pytest.mark.browser]


@pytest.fixture(scope="module")
def tight(tmp_path_factory):
    """Two programs a day, one page that follows, three MB of files; behind one proxy, four new makers an address."""
    with play.ModelServer() as model:
        model.plan("TITLE Tea diary\nSTEP A form for teas\n")
        served = Served(
            tmp_path_factory.mktemp("var"), OPENAI_BASE_URL=model.url, OPENAI_API_KEY="sk-test-0123456789",
            VIBE_MODEL="test-model", VIBE_MAKER_JOBS_PER_DAY="2", VIBE_MAKER_SOCKETS="1",
            VIBE_MAKER_UPLOAD_MB_PER_DAY="3", VIBE_PROXIES="1", VIBE_ADDRESS_MAKERS_PER_DAY="4",
        )  # fmt: skip
        served.start()
        yield served
        if served.process:
            served.stop()


def stays(page) -> bool:
    """Whether the page is still itself a minute later, when a question to the server has been there and back."""
    page.clock.fast_forward(60_000)
    return page.evaluate("() => fetch('/healthz').then(reply => reply.ok)")


def _until_it_follows(page, note):
    """Loaded anew as often as it takes: a place is free when the server heard that the other window is gone, and the
    page's own clock runs beside ours. A page that was just loaded says nothing yet, so two seconds of it count."""
    quiet = 0
    for _ in range(60):
        page.wait_for_timeout(500)
        if note.is_visible():
            quiet = 0
            page.clock.fast_forward(20_000)
            page.wait_for_load_state()
        else:
            quiet += 1
        if quiet == 4:
            return
    raise AssertionError("it never found a place")


def test_a_page_too_many_says_so_and_is_loaded_anew_until_there_is_a_place(tight, visitor):
    maker = visitor()
    heard = []
    maker.page.on("websocket", lambda line: line.on("framereceived", lambda frame: heard.append(frame)))
    maker.describe(tight.url, "A diary for my teas", autonomy="plan")
    maker.page.wait_for_selector("form[data-plan]")
    for _ in range(300):  # until it has the place: its plan alone may have come with the page itself
        if heard:
            break
        maker.page.wait_for_timeout(100)
    assert heard
    second = maker.tab()
    second.clock.install()
    second.goto(maker.page.url)
    note = second.locator("#crowded")
    expect(note).to_be_visible()
    expect(note).to_contain_text("You have this open in many windows already")
    expect(note).not_to_contain_text("Many pages are open here now", use_inner_text=True)
    expect(second.locator("#dropped")).to_be_hidden()
    expect(maker.page.locator("#crowded")).to_be_hidden()
    maker.shoot("crowded", second)
    second.fill("#say", "half a sent")
    assert stays(second)  # nothing typed is lost to a reload
    expect(second.locator("#say")).to_have_value("half a sent")
    second.fill("#say", "")
    third = maker.tab()
    third.clock.install()
    third.goto(maker.page.url)
    expect(third.locator("#crowded")).to_be_visible()
    third.fill(".plan textarea >> nth=0", "A form for my teas")
    third.locator("#say").focus()
    assert stays(third)
    expect(third.locator(".plan textarea").first).to_have_value("A form for my teas")
    third.close()
    maker.page.close()
    _until_it_follows(second, note)
    second.wait_for_selector("form[data-plan]")
    expect(note).to_be_hidden()
    second.locator("form[action$='/stop/'] button").first.click()  # and it follows by itself again
    second.wait_for_selector("#part-end h2")


def test_after_the_days_programs_a_sentence_says_when_it_goes_on_and_the_words_stay(tight, visitor):
    maker = visitor()
    for words in ("shopping list: milk, eggs", "a focus timer"):
        maker.describe(tight.url, words)
    maker.page.goto(tight.url + "/")
    expect(maker.page.locator(".tray")).to_contain_text("2 of 2 programs and changes today")
    maker.shoot("limit-near")
    maker.page.fill("#ask", "a third one")
    maker.page.click(".ask button.big")
    said = maker.page.locator("#ask-wrong")
    expect(said).to_have_text(
        re.compile(
            r"You have asked for 2 programs and changes today, .* goes on at 00:00 UTC \(in .* (hours|minutes?)\)\."
        )
    )
    expect(maker.page.locator("#ask")).to_have_value("a third one")
    maker.shoot("limit-met")
    maker.wrong.clear()  # the 429 itself


def test_files_without_room_are_refused_and_not_kept(tight, visitor, tmp_path):
    maker, large = visitor(), tmp_path / "large.csv"
    large.write_bytes(b"a,b\n" * 1_000_000)
    maker.describe(tight.url, "shopping list: tea")  # who has no cookie yet is nobody whose day could be full
    maker.page.goto(tight.url + "/")
    maker.page.fill("#ask", "Monthly totals")
    maker.page.set_input_files("#files", large)
    maker.page.click(".ask button.big")
    expect(maker.page.locator("#ask-wrong")).to_contain_text("These files are 4.0 MB, and 3 MB a day are all")
    expect(maker.page.locator("#ask")).to_have_value("Monthly totals")
    expect(maker.page.locator("#clips")).to_contain_text("large.csv")
    assert not [one for one in tight.var.rglob("*") if one.is_file() and one.stat().st_size == 4_000_000]
    assert tight.rows("select count(*) from vibe_upload") == [(0,)]
    maker.wrong.clear()


def describe_without_cookie(served, *forwarded):
    """(status, Retry-After) of a first form, with X-Forwarded-For lines as they are given."""
    talk = http.client.HTTPConnection("localhost", served.port, timeout=30)
    talk.request("GET", "/", headers={"Host": f"localhost:{served.port}"})
    reply = talk.getresponse()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', reply.read().decode())[1]
    cookie = reply.headers["Set-Cookie"].partition(";")[0]
    body = urlencode({"csrfmiddlewaretoken": token, "description": "shopping list: tea", "once": "1"})
    talk.putrequest("POST", "/programs/")
    for name, value in (
        ("Cookie", cookie), ("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", len(body)),
        *(("X-Forwarded-For", line) for line in forwarded),
    ):  # fmt: skip
        talk.putheader(name, str(value))
    talk.endheaders(body.encode())
    reply = talk.getresponse()
    reply.read()
    talk.close()
    return reply.status, reply.headers["Retry-After"]


def test_spoofed_addresses_move_no_counter_and_the_proxys_word_does(tight):
    spoofed = [
        ["203.0.113.1, 192.0.2.1"],
        ["203.0.113.2", "192.0.2.1"],
        ["::1,127.0.0.1", "192.0.2.1:80"],
        ["192.0.2.1"],
    ]
    assert [describe_without_cookie(tight, *lines)[0] for lines in spoofed] == [302] * 4
    status, later = describe_without_cookie(tight, "203.0.113.3", "203.0.113.4", "192.0.2.1")
    assert status == 429
    assert 0 < int(later) <= 24 * 3600
    assert describe_without_cookie(tight, "192.0.2.1", "192.0.2.2")[0] == 302
    whose = {
        who
        for (who,) in tight.rows("select who from vibe_count where what = 'makers' and who like 'address %'")
    }
    assert len(whose) >= 2
    assert "192.0.2" not in "".join(whose)
