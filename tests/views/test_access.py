"""What is not yours is not there; reading writes nothing; every command needs its token."""

import logging

import pytest
from django.conf import settings
from django.db import DataError
from django.test import Client

from tests.views.conftest import Browser, make_card
from vibe import cards, jobs, logs
from vibe.models import Card, Job, Maker, Run

pytestmark = pytest.mark.django_db


def private(card):
    program, job = card.program_id, card.program.jobs.get().pk
    gets = [
        f"/programs/{program}/",
        f"/programs/{program}/shot.png",
        f"/programs/{program}/edit/",
        f"/programs/{program}/versions/1/difference/",
        f"/programs/{program}/versions/1/film/a/0.jpg",
        f"/cards/{card.pk}/",
        f"/cards/{card.pk}/shot.png",
    ]
    posts = [
        f"/programs/{program}/jobs/", f"/programs/{program}/run/", f"/programs/{program}/versions/1/restore/", f"/programs/{program}/versions/", f"/programs/{program}/versions/1/use/", f"/jobs/{job}/answer/",
        f"/jobs/{job}/stop/", f"/jobs/{job}/autonomy/", f"/cards/{card.pk}/keep/", f"/cards/{card.pk}/throw/", f"/cards/{card.pk}/restore/",
        f"/programs/{program}/throw/", f"/programs/{program}/restore/", f"/cards/{card.pk}/revoke/", f"/cards/{card.pk}/rename/", f"/cards/{card.pk}/show-version/",
    ]  # fmt: skip
    return gets, posts


def test_what_the_database_cannot_take_is_a_bad_request(browser, monkeypatch):
    """PostgreSQL takes no NUL, SQLite does."""
    card = make_card(browser.maker())

    def refuse(*args):
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")

    monkeypatch.setattr(cards, "rename", refuse)
    reply = browser.post(f"/cards/{card.pk}/rename/", {"title": "a\0b"})
    assert reply.status_code == 400
    assert "Nothing was changed" in reply.content.decode()


def test_a_stranger_finds_nothing_of_mine(browser, stranger):
    card = make_card(browser.maker())
    before = list(Card.objects.values())
    gets, posts = private(card)
    for path in gets:
        assert browser.get(path).status_code in {200, 302}, path
        assert stranger.get(path).status_code == 404, path
        assert Client(HTTP_HOST="localhost:8000").get(path).status_code == 404, path
    for path in posts:
        assert stranger.post(path, {"description": "mine now", "pinned": "1"}).status_code == 404, path
    assert list(Card.objects.values()) == before


def test_a_run_belongs_to_its_visitor_alone(browser, stranger):
    card = make_card(browser.maker(), shape="tool")
    reply = stranger.post(f"/c/{card.token}/run/", {"n": "3", "once": "1"})
    run = Run.objects.get()
    assert reply["Location"] == f"/runs/{run.pk}/#result"
    row = jobs.keep_run_file(run, "out.csv", b"a,b\n1,2\n", made=True)
    for path in (f"/runs/{run.pk}/", f"/runs/{run.pk}/files/{row.pk}/"):
        reply = stranger.get(path)
        if reply.streaming:
            assert b"".join(reply.streaming_content) == b"a,b\n1,2\n"
        assert reply.status_code == 200
        assert browser.get(path).status_code == 404


def test_every_command_refuses_a_form_without_its_token(browser):
    strict = Browser(enforce_csrf_checks=True)
    card = make_card(strict.maker())
    _, posts = private(card)
    for path in ["/programs/", "/connect/", f"/c/{card.token}/run/", f"/c/{card.token}/remix/", *posts]:
        reply = strict.post(path, {"description": "x"})
        assert reply.status_code == 403, path
        assert "This page was open too long" in reply.content.decode()


def test_a_command_from_another_site_is_not_done(browser):
    for site in ("cross-site", "same-site"):
        assert browser.post("/programs/", {"description": "x"}, HTTP_SEC_FETCH_SITE=site).status_code == 403
    assert not Job.objects.exists()


def test_reading_writes_nothing_but_the_count_of_uses(browser):
    card = make_card(browser.maker())
    makers, rows = Maker.objects.count(), list(Card.objects.values("expires", "thrown", "salt", "seal"))
    for path in [
        *private(card)[0],
        "/",
        "/shelf/",
        "/recipes/",
        "/connect/",
        f"/c/{card.token}/",
        f"/c/{card.token}/qr.svg",
        f"/c/{card.token}/film/a/0.jpg",
        f"/c/{card.token}/download",
        "/healthz",
        "/readyz",
    ]:
        assert browser.get(path).status_code in {200, 302}, path
    assert Maker.objects.count() == makers
    assert list(Card.objects.values("expires", "thrown", "salt", "seal")) == rows
    card.refresh_from_db()
    assert card.opens == 1


def test_commands_do_not_answer_to_get(browser):
    card = make_card(browser.maker())
    for path in ["/programs/", f"/c/{card.token}/remix/", *private(card)[1]]:
        assert browser.get(path).status_code == 405, path


def test_the_pages_carry_their_headers(browser):
    reply = browser.get("/")
    policy = reply["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "'nonce-" in policy
    assert "script-src 'self'" not in policy
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert reply["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", ["/admin/login/", "/admin/vibe/job/", "/admin/nothing/"])
def test_only_the_admin_runs_its_own_scripts_and_is_strict_in_all_else(browser, path):
    strict = dict(_directives(browser.get("/")))
    lax = dict(_directives(browser.get(path)))
    assert lax.pop("script-src") == "'self'"
    assert strict.pop("script-src").startswith("'nonce-")
    assert lax == strict


@pytest.mark.parametrize("path", ["/administration/", "/nothing/", "/shelf/", "/connect/"])
def test_a_page_that_is_not_the_admin_runs_only_what_it_names(browser, path):
    assert "script-src 'self'" not in browser.get(path)["Content-Security-Policy"]


def _directives(reply):
    for part in reply["Content-Security-Policy"].split("; "):
        name, _, value = part.partition(" ")
        yield name, value


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost:9999", "a.b.localhost:8000", "xn--vibe.localhost.evil:8000", ""]
)
def test_a_foreign_address_is_refused(host, db):
    assert Client(HTTP_HOST=host).get("/").status_code == 421


def test_the_machines_number_leads_to_its_name(db):
    reply = Client(HTTP_HOST="127.0.0.1:8000").get("/shelf/?q=1")
    assert (reply.status_code, reply["Location"]) == (302, f"{settings.VIBE_ORIGIN}/shelf/?q=1")
    assert Client(HTTP_HOST="127.0.0.1:8000").post("/programs/").status_code == 421
    assert Client(HTTP_HOST="127.0.0.1:8000").get("/healthz").status_code == 200


def test_an_unknown_address_is_answered_in_words(browser):
    reply = browser.get("/programs/nothing/")
    assert reply.status_code == 404
    assert "There is nothing here" in reply.content.decode()


def test_no_page_of_a_person_is_kept_by_a_browser_or_on_the_way(browser):
    card = make_card(browser.maker(), shape="tool")
    browser.post(f"/c/{card.token}/run/", {"n": "3", "once": "1"})
    run = Run.objects.get().get_absolute_url()
    pages = [
        "/",
        "/shelf/",
        run,
        card.program.get_absolute_url(),
        card.get_absolute_url(),
        "/connect/",
        "/nowhere/",
    ]
    for path in pages:
        assert browser.get(path)["Cache-Control"] == "private, no-store", path
    assert browser.get(f"/cards/{card.pk}/shot.png")["Cache-Control"] == "private, max-age=60"
    style = browser.get("/static/css/tokens.css")
    style.close()
    assert "no-store" not in style["Cache-Control"]


def test_a_visitors_result_outlives_the_card_and_tells_nothing_more_of_it(browser, stranger):
    card = make_card(browser.maker(), shape="tool", title="Adder")
    stranger.post(f"/c/{card.token}/run/", {"n": "3", "once": "1"})
    mine = f"/runs/{Run.objects.get().pk}/"
    assert "How many" in stranger.get(mine).content.decode()
    cards.throw(card)
    card.program.title = "What I make of it next"
    card.program.save()
    page = stranger.get(mine).content.decode()
    assert "cannot be run again" in page
    for secret in (card.program_id, card.program.title, "How many", card.token):
        assert secret not in page


def test_the_link_of_a_card_stands_in_no_log(browser):
    card = make_card(browser.maker())
    line = logging.LogRecord(
        "django.request", 30, "", 0, "%s: %s", ("Not Found", f"/c/{card.token}/film/x/1.jpg"), None
    )
    for formatter in (logs.Line(), logs.JsonLine()):
        said = formatter.format(line)
        assert "Not Found: /c/" in said
        assert card.token not in said
    assert settings.LOGGING["formatters"]["line"]["()"] == "vibe.logs.Line"


def test_no_browser_remembers_for_long_what_a_link_opened(browser):
    card = make_card(browser.maker())
    link = f"/c/{card.token}/"
    opened = [link, f"{link}download", f"{link}qr.svg", f"{link}film/a/0.jpg"]
    for path in opened:
        reply = browser.get(path)
        assert reply.status_code == 200
        kept = reply["Cache-Control"]
        assert "private" in kept
        assert "no-store" in kept or "max-age=60" in kept.split(", "), path
    cards.revoke(card)
    assert [browser.get(path).status_code for path in opened] == [404] * 4
