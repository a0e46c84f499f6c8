"""The shelf: what came to nothing is thrown away and brought back like a card, and no page asks once a row."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import fakes
from tests.views.conftest import make_card
from vibe import cards, housekeeping, jobs
from vibe.models import Card, Job, Program, Version

pytestmark = pytest.mark.django_db(transaction=True)


def came_to_nothing(browser, words="A tea timer", state="failed"):
    browser.post("/programs/", {"description": words, "once": words})
    program = Program.objects.latest("created")
    program.jobs.update(state=state, ended=timezone.now())
    return program


def page(browser, path="/shelf/"):
    return browser.get(path).content.decode()


def test_what_came_to_nothing_is_thrown_away_and_brought_back(browser):
    program = came_to_nothing(browser)
    assert f'action="/programs/{program.pk}/throw/"' in page(browser)
    reply = browser.post(f"/programs/{program.pk}/throw/", follow=True).content.decode()
    assert f"Threw away “{program.title}”" in reply
    assert "Being made, or not finished" not in reply
    assert f'action="/programs/{program.pk}/restore/"' in reply
    assert "This lies in the bin." in page(browser, f"/programs/{program.pk}/")
    browser.post(f"/programs/{program.pk}/restore/")
    assert f'action="/programs/{program.pk}/throw/"' in page(browser)
    assert "This lies in the bin." not in page(browser, f"/programs/{program.pk}/")


def test_it_is_gone_after_a_day_in_the_bin_and_not_before(browser):
    program = came_to_nothing(browser)
    browser.post(f"/programs/{program.pk}/throw/")
    for hours, left in ((23, 1), (2, 0)):
        back = timedelta(hours=hours)
        for row in Program.objects.all():
            Program.objects.filter(pk=row.pk).update(thrown=row.thrown - back, created=row.created - back)
        for job in Job.objects.all():
            Job.objects.filter(pk=job.pk).update(created=job.created - back, ended=job.ended - back)
        housekeeping.toss_programs()
        assert Program.objects.count() == left
        if left:
            assert program.title in page(browser)


def test_after_a_day_it_does_not_come_back(browser):
    program = came_to_nothing(browser)
    browser.post(f"/programs/{program.pk}/throw/")
    Program.objects.update(thrown=timezone.now() - timedelta(hours=25))
    assert program.title not in page(browser)
    reply = browser.post(f"/programs/{program.pk}/restore/", follow=True)
    assert "The 24 hours are over" in reply.content.decode()
    assert Program.objects.get().thrown


@pytest.mark.parametrize("state", ["queued", "running", "waiting"])
def test_what_is_being_made_is_not_thrown_away(browser, state):
    program = came_to_nothing(browser, state=state)
    shown = page(browser)
    assert "being made" in shown
    assert "/throw/" not in shown
    reply = browser.post(f"/programs/{program.pk}/throw/", follow=True).content.decode()
    assert "Stop me first" in reply
    assert Program.objects.get().thrown is None


def test_a_program_with_a_version_goes_with_its_card_only(browser):
    card = make_card(browser.maker())
    browser.post(f"/programs/{card.program_id}/throw/")
    assert Program.objects.get().thrown is None


def test_a_new_wish_takes_it_out_of_the_bin(browser):
    program = came_to_nothing(browser)
    browser.post(f"/programs/{program.pk}/throw/")
    browser.post(f"/programs/{program.pk}/jobs/", {"description": "Try again, smaller"})
    assert Program.objects.get().thrown is None
    assert jobs.busy(program)


# --- the number of queries --------------------------------------------------------------------------------------


def fill(browser, start, end):
    """Of each kind one more: a pinned card, a fading one, one in the bin, one that faded, a program that failed, one in the bin."""
    maker = browser.maker()
    for n in range(start, end):
        make_card(maker, title=f"Pinned {n}")
        cards.keep(make_card(maker, title=f"Fading {n}", shape="tool"), False)
        cards.throw(make_card(maker, title=f"Thrown {n}"))
        make_card(maker, title=f"Faded {n}")
        Card.objects.filter(title=f"Faded {n}").update(expires=timezone.now())
        for name, thrown in (("Failed", None), ("Binned", timezone.now())):
            program = Program.objects.create(maker=maker, title=f"{name} {n}", description="tea", thrown=thrown)
            Job.objects.create(maker=maker, program=program, kind="make", once=f"{name}{n}", state="failed")


@pytest.mark.parametrize("path", ["/", "/shelf/", "/shelf/?q=pinned"])
def test_a_page_takes_as_many_queries_for_sixty_rows_as_for_three(browser, script, path):
    fill(browser, 0, 3)
    page(browser, path)
    with CaptureQueriesContext(connection) as few:
        page(browser, path)
    fill(browser, 3, 60)
    with CaptureQueriesContext(connection) as many:
        shown = page(browser, path)
    assert len(many) == len(few)
    assert "Pinned 59" in shown or path == "/"


@pytest.mark.parametrize("shape", ["page", "tool"])
@pytest.mark.parametrize("mine", [True, False])
def test_a_card_takes_as_many_queries_beside_sixty_versions_and_runs_as_beside_three(
    browser, stranger, shape, mine
):
    card = make_card(browser.maker(), shape=shape)
    visitor = browser if mine else stranger
    path = f"/c/{card.token}/"

    def more(start, end):
        for n in range(start, end):
            cards.restore_version(card.program, cards.restore_version(card.program, 1).number)
            card.program.refresh_from_db()
            card.version.films.create(made_of="x", run=f"run {n}", frames=[], data=b"")
            Job.objects.create(maker=card.maker, program=card.program, kind="change", once=f"{n}", state="done")
            if shape == "tool":
                jobs.run(card.version, visitor.maker(), values={"n": 3}, files={}, once=f"{n}", card=card)
                Job.objects.filter(state="queued").update(state="done")

    more(0, 3)
    visitor.get(path)
    with CaptureQueriesContext(connection) as few:
        assert visitor.get(path).status_code == 200
    more(3, 60)
    with CaptureQueriesContext(connection) as many:
        assert visitor.get(path).status_code == 200
    assert len(many) == len(few)


def test_a_tool_on_the_shelf_shows_what_came_out_of_it_else_a_drawing(browser):
    card = make_card(browser.maker(), shape="tool")
    assert "#table" in browser.get("/shelf/").content.decode()
    Version.objects.filter(pk=card.version_id).update(shot=fakes.PIXEL)
    page = browser.get("/shelf/").content.decode()
    assert "#table" not in page
    assert f"/cards/{card.pk}/shot.png" in page


def test_many_cards_are_turned_over_like_pages_and_searched_in_all_of_them(browser):
    maker = browser.maker()
    for n in range(130):
        make_card(maker, title=f"Tea {n:03}")
    first, second, third = page(browser), page(browser, "/shelf/?page=2"), page(browser, "/shelf/?page=3")
    shown = [re.findall(r'name="title" value="(Tea \d+)"', one) for one in (first, second, third)]
    assert [len(one) for one in shown] == [60, 60, 10]
    assert [one for some in shown for one in some] == [f"Tea {n:03}" for n in reversed(range(130))]
    for one in (first, second, third):
        assert "130 cards, 130 pinned" in one
    assert 'href="?page=2"' in first
    assert "Newer cards" not in first
    assert "61 to 120 of 130" in second
    assert "Older cards" not in third
    found = page(browser, "/shelf/?q=tea+004")
    assert 'value="Tea 004"' in found
    assert "Older cards" not in found
    assert 'href="?q=TEA&amp;page=2"' in page(browser, "/shelf/?q=TEA")
    for odd, there in (("0", 0), ("-1", 0), ("99", 0), ("x", 129), ("1e9", 129)):
        assert f'value="Tea {there:03}"' in page(browser, f"/shelf/?page={odd}")


def test_a_card_that_faded_is_found_by_its_maker_and_brought_back(browser, stranger):
    """Its link says that its maker can bring it back: who has lost the link finds it here."""
    card = make_card(browser.maker(), title="Tea")
    cards.keep(card, False)
    assert "Faded" not in page(browser)
    card.expires = timezone.now() - timedelta(hours=1)
    card.save()
    there = page(browser)
    assert "Your shelf is empty" in there
    assert 'id="faded"' in there
    assert f'action="/cards/{card.pk}/restore/"' in there
    assert 'id="faded"' not in page(stranger)
    browser.post(f"/cards/{card.pk}/restore/")
    there = page(browser)
    assert 'id="faded"' not in there
    assert f'href="{card.get_absolute_url()}"' in there
    assert browser.get(card.get_absolute_url()).status_code == 200


def test_what_was_ended_or_has_a_newer_card_is_not_said_to_have_faded(browser):
    maker, gone = browser.maker(), timezone.now() - timedelta(hours=1)
    ended, older, thrown = (make_card(maker, title=title) for title in ("Ended", "Older", "Thrown"))
    newer = cards.publish(older.version)[0]
    assert newer.pk == older.pk, "one open card a program"
    Card.objects.filter(maker=maker).update(expires=gone)
    cards.retire(type(ended).objects.get(pk=ended.pk))
    cards.publish(older.version)
    thrown.refresh_from_db()
    cards.throw(thrown)
    assert Card.objects.filter(program=older.program_id).count() == 2
    assert 'id="faded"' not in page(browser)


def test_a_card_that_was_taken_down_is_not_shown_as_if_it_opened(browser):
    """Its maker finds it, and the way to its program; a pin or a copy would come to nothing."""
    card, other = (make_card(browser.maker(), title=title) for title in ("Tea", "Cake"))
    cards.retire(card)
    for path in ("/shelf/", "/"):
        tea = re.search(
            rf'<article class="card" id="card-{card.pk}".*?</article>', page(browser, path), re.DOTALL
        )[0]
        assert "Taken down" in tea
        assert "/keep/" not in tea
        assert card.get_absolute_url() not in tea
        assert f'href="/programs/{card.program_id}/"' in tea
    there = page(browser)
    assert f'href="{card.get_absolute_url()}download"' not in there
    assert f'href="{other.get_absolute_url()}download"' in there
