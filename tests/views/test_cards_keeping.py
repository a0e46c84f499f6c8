"""Keeping cards: pinned, thrown, brought back, found on the shelf, saved as one file; never longer by being opened."""

import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.views.conftest import NOBODY, make_card, sealed
from vibe import cards
from vibe.models import Card, Version

pytestmark = pytest.mark.django_db


def test_opening_a_card_never_makes_it_last_longer(browser):
    card = make_card(browser.maker())
    cards.keep(card, pinned=False)
    expires = Card.objects.get().expires
    Client(**NOBODY).get(card.get_absolute_url())
    browser.get(card.get_absolute_url())
    sealed(card.seal)
    assert Card.objects.get().expires == expires


def test_pinning_keeps_and_unpinning_lets_it_fade_in_seven_days(browser):
    card = make_card(browser.maker())
    browser.post(f"/cards/{card.pk}/keep/", {"pinned": "0"})
    left = Card.objects.get().expires - timezone.now()
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    reply = browser.post(f"/cards/{card.pk}/keep/", {"pinned": "1"}, HTTP_HX_REQUEST="true")
    assert Card.objects.get().expires is None
    assert 'aria-pressed="true"' in reply.content.decode()


def test_after_throwing_a_card_away_the_way_back_has_the_focus(browser):
    card = make_card(browser.maker())
    page = browser.post(f"/cards/{card.pk}/throw/", follow=True).content.decode()
    note = page[page.index("Threw away") :]
    assert re.search(r"<button[^>]* autofocus>Bring back</button>", note[: note.index("</form>")])
    assert "autofocus" not in browser.get("/shelf/").content.decode()


def test_a_thrown_card_comes_back_within_a_day_and_not_later(browser):
    card = make_card(browser.maker())
    browser.post(f"/cards/{card.pk}/throw/")
    assert "Bring back" in browser.get("/shelf/").content.decode()
    browser.post(f"/cards/{card.pk}/restore/")
    assert browser.get(card.get_absolute_url()).status_code == 200
    Card.objects.update(thrown=timezone.now() - timedelta(hours=25))
    browser.post(f"/cards/{card.pk}/restore/")
    assert Card.objects.get().thrown
    assert "Tea" not in browser.get("/shelf/").content.decode()


def test_a_faded_card_comes_back_with_its_link_for_seven_days(browser, stranger):
    card = make_card(browser.maker())
    Card.objects.update(expires=timezone.now() - timedelta(days=3))
    way = f'action="/cards/{card.pk}/restore/"'
    assert way in browser.get(card.get_absolute_url()).content.decode()
    assert way not in stranger.get(card.get_absolute_url()).content.decode()
    page = browser.post(f"/cards/{card.pk}/restore/", follow=True).content.decode()
    assert "gone" not in page
    assert Client(**NOBODY).get(card.get_absolute_url()).status_code == 200
    assert Card.objects.get().days_left == 7


def test_a_card_that_was_taken_down_does_not_come_back(browser):
    card = make_card(browser.maker())
    cards.retire(card)
    assert "/restore/" not in browser.get(card.get_absolute_url()).content.decode()
    assert "cannot be brought back" in browser.post(f"/cards/{card.pk}/restore/", follow=True).content.decode()


@pytest.mark.parametrize("how", [cards.revoke, lambda card: cards.show_version(card, card.version)])
def test_a_change_of_the_link_undoes_nothing_that_happened_meanwhile(browser, how):
    card = make_card(browser.maker())
    Card.objects.update(opens=5, thrown=timezone.now(), title="Renamed")
    how(card)
    now = Card.objects.get()
    assert (now.opens, bool(now.thrown), now.title) == (5, True, "Renamed")
    assert now.seal == card.seal
    assert cards.of_link(card.token) == card


def test_an_old_version_is_restored_as_a_new_one(browser):
    card = make_card(browser.maker())
    program = card.program
    Version.objects.update(measures={"mutants": 4, "noticed": 3})
    second = Version.objects.create(
        program=program,
        number=2,
        shape="page",
        origin="model",
        files={"index.html": "<p>two</p>"},
        verdict="held",
    )
    program.current = second
    program.save()
    browser.post(f"/programs/{program.pk}/versions/1/restore/")
    program.refresh_from_db()
    assert (program.current.number, program.current.files) == (3, {"index.html": "<p>hi</p>"})
    assert program.current.measures == {"mutants": 4, "noticed": 3}
    assert Card.objects.get().version.number == 1


def test_the_shelf_finds_and_renames(browser):
    maker = browser.maker()
    make_card(maker, title="Tea", once="1")
    card = make_card(maker, title="Bank file", once="2")
    assert "Bank file" not in browser.get("/shelf/?q=tea").content.decode()
    browser.post(f"/cards/{card.pk}/rename/", {"title": " My  <b>money</b> "})
    page = browser.get("/shelf/").content.decode()
    assert "My &lt;b&gt;money&lt;/b&gt;" in page
    browser.post(f"/cards/{card.pk}/rename/", {"title": " "})
    assert Card.objects.get(pk=card.pk).title == "My <b>money</b>"
    assert "No card mentions" in browser.get("/shelf/?q=zebra").content.decode()


def test_a_page_is_saved_as_one_file_that_runs_without_us(browser):
    card = make_card(
        browser.maker(), files={"index.html": '<p>hi</p><script src="a.js"></script>', "a.js": "let a=1"}
    )
    reply = Client(**NOBODY).get(f"/c/{card.token}/download")
    assert reply["Content-Disposition"] == 'attachment; filename="tea.html"'
    assert "let a=1" in reply.content.decode()


def test_a_saved_page_brings_its_seal_along_and_its_card_says_what_that_is_worth(browser):
    card = make_card(browser.maker())
    document = Client(**NOBODY).get(f"/c/{card.token}/download").content.decode()
    policy = html.unescape(re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', document)[1])
    served = sealed(card.seal)["Content-Security-Policy"]
    assert served.startswith(policy)
    assert "frame-ancestors" not in policy
    assert document.index("http-equiv") < document.index("<p>hi</p>")
    assert "saved copy" in Client(**NOBODY).get(card.get_absolute_url()).content.decode()


def test_pinning_on_the_shelf_changes_the_count_beside_its_title(browser):
    card = make_card(browser.maker())
    told = {"HTTP_HX_REQUEST": "true"}
    on_shelf = browser.post(
        f"/cards/{card.pk}/keep/",
        {"pinned": "1"},
        **told,
        HTTP_HX_CURRENT_URL="http://localhost:8000/shelf/?q=tea",
    ).content.decode()
    assert 'hx-swap-oob="true">1 card, 1 pinned<' in on_shelf
    at_home = browser.post(
        f"/cards/{card.pk}/keep/", {"pinned": "0"}, **told, HTTP_HX_CURRENT_URL="http://localhost:8000/"
    ).content.decode()
    assert "shelf-counts" not in at_home, "the desk has no such count"


def test_the_first_opening_counts_itself(browser):
    card = make_card(browser.maker())
    assert "1 use<" in Client(**NOBODY).get(card.get_absolute_url()).content.decode()


def test_an_empty_shelf_with_something_in_its_bin_does_not_say_that_nothing_was_made(browser):
    card = make_card(browser.maker())
    cards.throw(card)
    page = browser.get("/shelf/").content.decode()
    assert "Your shelf is empty" in page
    assert "Make the first one" not in page
