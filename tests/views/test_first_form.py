"""The first form of a browser that has no session yet, pressed twice: both say so, and still it is one wish of one person."""

import re

import pytest

from tests.views.conftest import Browser, make_card
from vibe.models import Count, Job, Maker, Program

pytestmark = pytest.mark.django_db


def key_of(page):
    """What the page and its form hold: (the cookie by which a form is known to be ours, the form's own key)."""
    return page.cookies["csrftoken"].value, re.search(r'name="once" value="([^"]+)"', page.content.decode())[1]


def press(path, cookie, once, **data):
    """As a browser sends it that has opened the page and got no answer to a form yet."""
    browser = Browser()
    browser.cookies["csrftoken"] = cookie
    return browser, browser.post(path, {**data, "once": once})


@pytest.fixture
def forms(boxes):
    """The three forms that a visitor may send first: (address of its page, address of the form, its fields)."""
    maker = Maker.objects.create()
    page, tool = make_card(maker, title="Tea"), make_card(maker, shape="tool", title="Adder")
    return {
        "program": ("/", "/programs/", {"description": "A tea timer"}),
        "copy": (f"/c/{page.token}/", f"/c/{page.token}/remix/", {}),
        "run": (f"/c/{tool.token}/", f"/c/{tool.token}/run/", {"n": "3"}),
    }


@pytest.mark.parametrize("form", ["program", "copy", "run"])
def test_pressed_twice_it_makes_one_thing_of_one_person(forms, form):
    page, path, data = forms[form]
    makers, programs, jobs = Maker.objects.count(), Program.objects.count(), Job.objects.count()
    cookie, once = key_of(Browser().get(page))
    (first, one), (second, other) = press(path, cookie, once, **data), press(path, cookie, once, **data)
    assert one.status_code == other.status_code == 302
    assert one["Location"] == other["Location"]
    assert Maker.objects.count() == makers + 1
    assert Program.objects.count() == programs + (form != "run")
    assert Job.objects.count() == jobs + 1
    assert Count.objects.get(what=Count.What.MAKERS, who="site").used == 1  # and it was counted as one
    for browser in (first, second):  # whichever answer the browser keeps, it may look at what was made
        assert browser.get(one["Location"].partition("#")[0]).status_code == 200


def test_a_form_that_was_loaded_anew_is_another_wish(forms):
    page, path, data = forms["program"]
    cookie, once = key_of(Browser().get(page))
    other = Browser()
    other.cookies["csrftoken"] = cookie
    again = re.search(r'name="once" value="([^"]+)"', other.get(page).content.decode())[1]
    assert again != once
    assert press(path, cookie, once, **data)[1]["Location"] != press(path, cookie, again, **data)[1]["Location"]


def test_the_key_of_a_form_alone_leads_nobody_to_what_another_made(forms):
    page, path, data = forms["program"]
    (cookie, once), (foreign, _) = key_of(Browser().get(page)), key_of(Browser().get(page))
    assert foreign != cookie
    _, mine = press(path, cookie, once, **data)
    stranger, theirs = press(path, foreign, once, **data)
    assert theirs["Location"] != mine["Location"]
    assert stranger.get(mine["Location"]).status_code == 404


def test_who_has_a_session_keeps_it_whatever_the_form_says(forms):
    page, path, data = forms["program"]
    browser = Browser()
    maker = browser.maker()
    once = re.search(r'name="once" value="([^"]+)"', browser.get(page).content.decode())[1]
    browser.post(path, {**data, "once": once})
    assert Job.objects.get(request="A tea timer").maker == maker
    fresh, _ = press(path, browser.cookies["csrftoken"].value, once, **data)
    assert fresh.session["maker"] != maker.pk


def test_a_new_person_for_whom_there_is_no_room_leaves_nothing(forms, cap):
    page, path, data = forms["program"]
    cap(address_makers_per_day=1)
    cookie, once = key_of(Browser().get(page))
    makers = Maker.objects.count()
    assert [press(path, cookie, once, **data)[1].status_code for _ in range(2)] == [302, 302]
    refused, reply = press(path, cookie, "another", **data)
    assert reply.status_code == 429
    assert "maker" not in refused.session
    assert Maker.objects.count() == makers + 1
