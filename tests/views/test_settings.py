"""The settings of a recipe: there as soon as it is made, refused with a sentence, marked only where they were set."""

import html
import re

import pytest

from tests.jobs.carrying import carry
from vibe import recipes
from vibe.choices import JobState
from vibe.live import feed
from vibe.live.fragments import fragment
from vibe.live.timeline import advance, fold
from vibe.models import Job, Program

pytestmark = pytest.mark.django_db(transaction=True)
BILL = "Split our dinner bill between Anna, Ben and Chris with 10% tip"
SLOTS = {"slot.people": "Anna\nBen\nChris", "slot.tip": "10", "slot.currency": "€"}
JS = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def bill(browser):
    browser.post("/programs/", {"description": BILL, "once": "1"})
    carry(Job.objects.get())
    return Program.objects.get()


def send(browser, program, **more):
    fields = {"description": "Other settings", **SLOTS, **more.pop("slots", {})}
    return browser.post(f"/programs/{program.pk}/jobs/", fields, **more)


def test_the_settings_come_with_the_end_of_the_making(browser, bill):
    job = Job.objects.get()
    timeline, frames = fold([]), ""
    for record in feed.whole(job.pk):
        frames += fragment(timeline, advance(timeline, record), record.seq, job)
    assert 'name="slot.tip"' in frames


@pytest.mark.parametrize(
    ("name", "typed", "sentence"),
    [
        ("tip", "-5 apples", "Use a number from 0 to 100."),
        ("people", " \n", "Write at least one, one on each line."),
    ],
)
def test_a_setting_that_cannot_be_used_is_a_sentence_under_its_field(browser, bill, name, typed, sentence):
    reply = send(browser, bill, slots={f"slot.{name}": typed})
    page = html.unescape(reply.content.decode())
    assert reply.status_code == 422
    assert re.search(rf'id="wrong-slot-{name}"[^>]*>{re.escape(sentence)}<', page)
    if typed.strip():
        assert f'value="{typed}"' in page
    assert Job.objects.count() == 1
    small = send(browser, bill, slots={f"slot.{name}": typed}, **JS)
    assert small.status_code == 422
    assert f'id="wrong-slot-{name}" hx-swap-oob="true">{sentence}<' in html.unescape(small.content.decode())
    assert "<!doctype" not in small.content.decode()


def test_only_what_was_changed_is_as_you_set_it(browser, bill):
    send(browser, bill, slots={"slot.tip": "15"})
    job = carry(Job.objects.latest("pk"))
    assert job.state == JobState.DONE
    assert job.slots == {"tip": "15"}
    origins = {s["name"]: s["origin"] for s in fold(feed.whole(job.pk)).recipe["slots"]}
    assert origins == {"people": "default", "amount": "default", "tip": "person", "currency": "default"}
    send(browser, bill, slots={"slot.tip": "15", "slot.currency": "$"})
    job = carry(Job.objects.latest("pk"))
    origins = {s["name"]: s["origin"] for s in fold(feed.whole(job.pk)).recipe["slots"]}
    assert origins == {"people": "default", "amount": "default", "tip": "before", "currency": "person"}


def test_the_same_settings_again_make_nothing(browser, bill):
    send(browser, bill)
    assert Job.objects.count() == 1
    assert "the settings that it has already" in browser.get(bill.get_absolute_url()).content.decode()


def test_settings_are_a_recipes_business_also_when_a_model_is_connected(browser, bill, script):
    send(browser, bill, slots={"slot.tip": "15"})
    job = carry(Job.objects.latest("pk"))
    bill.refresh_from_db()
    assert (job.state, bill.current.slots["tip"]) == (JobState.DONE, 15)


def test_a_date_of_every_year_stands_in_its_field_and_comes_back(browser):
    browser.post("/programs/", {"description": "Count down the days until 24 December", "once": "1"})
    carry(Job.objects.get())
    page = browser.get(Program.objects.get().get_absolute_url()).content.decode()
    assert 'value="24 December, every year"' in page
    good, wrong = recipes.clean("countdown", {"day": "24 December, every year"})
    assert (good, wrong) == ({"day": "--12-24"}, [])


def test_a_chosen_recipe_shows_its_settings_before_its_button(browser):
    page = browser.get("/?recipe=split-bill").content.decode()
    form = page[page.index('id="describe"') :]
    assert form.index('name="slot.tip"') < form.index('class="btn main big">Make it')
    assert "Find a recipe" not in page


def test_the_desk_refuses_a_setting_under_its_field_and_keeps_what_was_typed(browser):
    fields = {
        "description": BILL,
        "recipe": "split-bill",
        **SLOTS,
        "slot.tip": "a lot",
        "slot.people": "Zoë\nYan",
    }
    reply = browser.post("/programs/", fields)
    page = reply.content.decode()
    assert reply.status_code == 422
    assert "Use a number from 0 to 100." in page
    assert "Zoë\nYan" in page
    assert 'value="a lot"' in page
    assert not Job.objects.exists()
