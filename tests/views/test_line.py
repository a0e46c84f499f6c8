"""A request that is sent while another one is being made waits in line, in sight and within reach."""

import html

import pytest

from tests.views.conftest import make_card
from vibe import events, jobs, worker
from vibe.choices import JobState
from vibe.live import feed
from vibe.live.fragments import fragment
from vibe.live.timeline import advance, fold
from vibe.models import Job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def running(browser):
    """A change that a worker holds, and one that waits behind it."""
    program = make_card(browser.maker()).program
    browser.post(f"/programs/{program.pk}/jobs/", {"description": "make it blue", "once": "c1"})
    first = jobs.claim(worker.OWNER)
    feed.publish_now(first.pk, events.StateChanged(JobState.RUNNING))
    feed.publish_now(first.pk, events.StepStarted("1", "write", "Write", "Writing the change"))
    browser.post(f"/programs/{program.pk}/jobs/", {"description": "and larger", "once": "c2"})
    return first, Job.objects.latest("pk")


def page_of(browser, program):
    return html.unescape(browser.get(program.get_absolute_url()).content.decode())


def test_the_page_stays_with_what_is_being_made(browser, running):
    first, second = running
    page = page_of(browser, first.program)
    assert f'data-job="{first.pk}"' in page
    assert "Writing the change" in page
    assert f'action="/jobs/{first.pk}/stop/"' in page
    assert "Comes next:</b> and larger" in page
    assert f'action="/jobs/{second.pk}/stop/"' in page
    assert "Waiting for its turn" not in page


def test_what_waits_can_be_taken_back_and_its_words_stay(browser, running):
    first, second = running
    browser.post(f"/jobs/{second.pk}/stop/")
    page = page_of(browser, first.program)
    assert f'data-job="{first.pk}"' in page
    assert "Comes next" not in page
    assert "Taken back: and larger" in page


def test_when_it_ends_the_page_goes_on_with_the_next(browser, running):
    first, second = running
    jobs.end(first, JobState.FAILED, "No.")
    feed.publish_now(first.pk, events.StateChanged(JobState.FAILED, "No."))
    *before, last = feed.whole(first.pk)
    timeline = fold(before)
    frame = fragment(timeline, advance(timeline, last), last.seq, Job.objects.get(pk=first.pk))
    assert "data-follow" in frame
    page = page_of(browser, first.program)
    assert f'data-job="{second.pk}"' in page
    assert "data-follow" not in page
