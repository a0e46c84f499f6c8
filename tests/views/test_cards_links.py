"""The link of a card: opened without a session in a sealed document, closed with a reason, guessed by nobody, moved by its maker."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.views.conftest import HELD, NOBODY, make_card, sealed
from vibe import cards
from vibe.generation.bundle import bundle
from vibe.models import Card, Version
from vibe.sealed import SANDBOX
from vibe.views import content

pytestmark = pytest.mark.django_db


def test_a_link_opens_in_a_browser_that_has_no_session(browser):
    card = make_card(browser.maker())
    reply = Client(**NOBODY).get(card.get_absolute_url())
    assert reply.status_code == 200
    assert card.frame_url in reply.content.decode()
    assert not reply.cookies.get("sessionid")


def test_its_document_is_sealed(browser):
    card = make_card(browser.maker())
    reply = sealed(card.seal)
    assert reply.status_code == 200
    policy = reply["Content-Security-Policy"]
    assert f"sandbox {SANDBOX}" in policy
    assert "default-src 'none'" in policy
    assert "form-action 'none'" in policy
    assert "frame-ancestors http://localhost:8000" in policy
    assert "webrtc" not in policy
    assert reply["Connection-Allowlist"] == "(response-origin)"
    assert reply["Referrer-Policy"] == "no-referrer"
    assert reply["Cache-Control"] == "no-store"
    assert "camera=()" in reply["Permissions-Policy"]
    assert not reply.cookies
    assert "<p>hi</p>" in reply.content.decode()


def test_the_content_origin_has_no_other_page(browser):
    card = make_card(browser.maker())
    there = Client(HTTP_HOST=f"{card.seal}.localhost:8000")
    for path in ("/shelf/", "/admin/", "/programs/", "/static/css/base.css", "/index.html"):
        assert there.get(path).status_code == 404, path
    assert there.post("/").status_code == 404
    assert sealed("0" * 32).status_code == 404


def test_opened_directly_a_document_leads_to_its_card(browser):
    card = make_card(browser.maker())
    reply = Client(HTTP_HOST=f"{card.seal}.localhost:8000").get("/", HTTP_SEC_FETCH_DEST="document")
    assert reply["Location"] == card.link


def test_a_document_that_finds_itself_alone_asks_for_its_card_and_gets_it(browser, settings):
    """Over the plain http of a home network no browser says how it opens a page."""
    card = make_card(browser.maker())
    assert Client(HTTP_HOST=f"{card.seal}.localhost:8000").get("/?card")["Location"] == card.link
    settings.SINGLE_ORIGIN = True
    assert Client(**NOBODY).get(f"/sealed/{card.seal}/?card")["Location"] == card.link


def test_a_document_is_made_once_however_often_it_is_opened(browser, monkeypatch):
    made = []
    monkeypatch.setattr(content, "bundle", lambda *args, **more: made.append(args) or bundle(*args, **more))
    card = make_card(browser.maker(), files={"index.html": "<p>hi</p>"})
    first, second = sealed(card.seal), sealed(card.seal)
    assert len(made) == 1
    assert first.content == second.content
    other = make_card(browser.maker(), files={"index.html": "<p>other</p>"}, once="2")
    assert "<p>other</p>" in sealed(other.seal).content.decode()


def test_documents_that_take_too_much_room_are_let_go_oldest_first(browser, monkeypatch):
    made = []
    monkeypatch.setattr(content, "bundle", lambda *args, **more: made.append(1) or bundle(*args, **more))
    one, two, three = (
        make_card(browser.maker(), files={"index.html": f"<p>{n}"}, once=str(n)).version for n in range(3)
    )
    kept = content.Documents(room=2 * len(content.Documents().of(one)) + 10)
    made.clear()
    for version in (one, two, one, three, one):  # three takes the place of two
        kept.of(version)
    assert len(made) == 3
    kept.of(two)
    assert len(made) == 4


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("fade", "This card has faded"),
        ("throw", "This card was thrown away"),
        ("retire", "This card was taken down"),
    ],
)
def test_a_closed_card_says_why_and_shows_nothing(browser, how, says):
    card = make_card(browser.maker())
    link, seal = card.get_absolute_url(), card.seal
    if how == "fade":
        Card.objects.update(expires=timezone.now() - timedelta(seconds=1))
    elif how == "throw":
        cards.throw(card)
    else:
        cards.retire(card)
    reply = Client(**NOBODY).get(link)
    assert reply.status_code == 410
    assert says in reply.content.decode()
    assert sealed(seal).status_code == 404
    for path in (f"{link}download", f"{link}qr.svg"):
        assert Client(**NOBODY).get(path).status_code == 404


def test_its_page_counts_the_checks_that_say_something(browser):
    card = make_card(browser.maker())
    Version.objects.update(results=[*HELD, {**HELD[0], "id": "b", "held": False, "idle": True}])
    assert "1 of 1 checks hold" in browser.get(card.get_absolute_url()).content.decode()


def test_a_revoked_link_is_dead_for_ever_and_the_card_has_a_new_one(browser):
    card = make_card(browser.maker())
    old, seal = card.get_absolute_url(), card.seal
    browser.post(f"/cards/{card.pk}/revoke/")
    assert Client(**NOBODY).get(old).status_code == 404
    assert sealed(seal).status_code == 404
    assert Client(**NOBODY).get(Card.objects.get().get_absolute_url()).status_code == 200


def test_a_guessed_link_and_a_missing_one_look_alike(browser):
    for token in ("x", "A" * 22, "A" * 4000, "../admin"):
        assert Client(**NOBODY).get(f"/c/{token}/").status_code == 404


def test_a_stolen_database_opens_no_card(browser):
    card = make_card(browser.maker())
    row = Card.objects.values().get()
    assert card.token not in str(row)


def test_showing_another_version_changes_the_frame_for_good(browser):
    card = make_card(browser.maker())
    seal = card.seal
    Version.objects.create(
        program=card.program,
        number=2,
        shape="page",
        origin="model",
        files={"index.html": "<p>two</p>"},
        verdict="held",
    )
    browser.post(f"/cards/{card.pk}/show-version/", {"number": "2"})
    assert sealed(seal).status_code == 404
    assert "<p>two</p>" in sealed(Card.objects.get().seal).content.decode()
    for number in ("3", "x", ""):
        assert browser.post(f"/cards/{card.pk}/show-version/", {"number": number}).status_code == 404


@pytest.mark.parametrize("number", ["²", "9" * 5000, "9" * 12, "-1", "x", ""])
def test_a_version_that_is_none_is_not_there(browser, number):
    card = make_card(browser.maker())
    assert browser.post(f"/cards/{card.pk}/show-version/", {"number": number}).status_code == 404
    assert browser.post(f"/programs/{card.program_id}/versions/{'9' * 5000}/restore/").status_code == 404
    assert browser.post(f"/programs/{card.program_id}/versions/{'9' * 30}/restore/").status_code == 404
    assert browser.post(f"/jobs/{'9' * 30}/stop/").status_code == 404


def test_the_qr_code_is_a_picture_of_the_link(browser):
    reply = Client(**NOBODY).get(f"/c/{make_card(browser.maker()).token}/qr.svg")
    assert reply["Content-Type"] == "image/svg+xml"
    assert reply.content.startswith(b"<?xml")


def test_a_link_that_was_cut_off_or_ended_is_told_what_may_have_happened(browser):
    card = make_card(browser.maker())
    ended = card.get_absolute_url()
    browser.post(f"/cards/{card.pk}/revoke/")
    for link in (ended, "/c/half-a-link/"):
        reply = Client(**NOBODY).get(link)
        assert reply.status_code == 404
        assert "This link opens no card" in reply.content.decode()
        assert "its maker ended it" in reply.content.decode()
