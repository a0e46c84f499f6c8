"""Films on pages: shown to their maker and to whoever has the link of an open card, and to nobody else."""

import pytest
from django.test import Client

from tests.fakes import jpeg
from tests.views.conftest import make_card
from vibe import cards, events, films
from vibe.generation.film import Frame
from vibe.live import feed
from vibe.models import Card, Version

pytestmark = pytest.mark.django_db


@pytest.fixture
def card(browser):
    return make_card(browser.maker())


def test_a_picture_is_a_picture_and_nothing_else(browser, card):
    for path in (f"/programs/{card.program_id}/versions/1/film/a/0.jpg", f"/c/{card.token}/film/a/0.jpg"):
        reply = browser.get(path)
        assert (reply["Content-Type"], reply.content) == ("image/jpeg", jpeg())
        assert reply["X-Content-Type-Options"] == "nosniff"
        assert "private" in reply["Cache-Control"]
        assert reply["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_there_is_nothing_beside_what_was_filmed(browser, card):
    version, link = f"/programs/{card.program_id}/versions", f"/c/{card.token}/film"
    for path in (
        f"{version}/1/film/a/2.jpg", f"{version}/1/film/b/0.jpg", f"{version}/2/film/a/0.jpg", f"{version}/1/film/a/-1.jpg",
        f"{link}/a/2.jpg", f"{link}/b/0.jpg", f"/c/{'x' * 22}/film/a/0.jpg", f"/c/{'x' * 500}/film/a/0.jpg",
    ):  # fmt: skip
        assert browser.get(path).status_code == 404, path


def test_a_link_that_is_closed_shows_no_film(card):
    stranger, path = Client(HTTP_HOST="localhost:8000"), f"/c/{card.token}/film/a/0.jpg"
    assert stranger.get(path).status_code == 200
    cards.throw(card)
    assert stranger.get(path).status_code == 404
    cards.bring_back(card)
    assert stranger.get(path).status_code == 200
    cards.revoke(card)
    assert stranger.get(path).status_code == 404
    assert stranger.get(f"/c/{Card.objects.get().token}/film/a/0.jpg").status_code == 200


def test_a_card_shows_the_films_of_its_version_only(card):
    other = Version.objects.create(
        program=card.program, number=2, shape="page", origin="model", files={"index.html": "2"}, verdict="held"
    )
    cards.show_version(card, other)
    assert Client(HTTP_HOST="localhost:8000").get(f"/c/{card.token}/film/a/0.jpg").status_code == 404


def test_the_workbench_and_the_card_offer_it_under_its_check(browser, card):
    job, version = card.program.jobs.get(), card.version
    feed.publish_now(job.pk, events.Checked("held", version.results, []))
    feed.publish_now(job.pk, events.VersionMade(1, "page", "held", "", True))
    bench = browser.get(card.program.get_absolute_url()).content.decode()
    assert bench.count("Watch it") == 1
    assert f'src="/programs/{card.program_id}/versions/1/film/a/1.jpg?v=' in bench
    page = Client(HTTP_HOST="localhost:8000").get(card.get_absolute_url()).content.decode()
    assert "What was checked" in page
    assert f'src="/c/{card.token}/film/a/0.jpg?v=' in page


def test_words_of_a_film_are_escaped_and_a_persons_check_is_its_makers(browser, card):
    version = card.version
    version.films.all().delete()
    version.results = [{**version.results[0], "source": "person", "film": "a~varied"}]
    version.save()
    job = version.job
    films.keep(job, version.files, {"a~varied": [Frame("I typed <b>90</b>", jpeg(), 640, 400)] * 2})
    films.settle(version)
    page = Client(HTTP_HOST="localhost:8000").get(card.get_absolute_url()).content.decode()
    assert "I typed &lt;b&gt;90" in page
    assert "/film/a~varied/0.jpg" in page
    assert "its maker</span>" in page
