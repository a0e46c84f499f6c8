"""Limits at the door: each has its sentence and its time, machines are told when to come again, and nothing typed is lost."""

import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from tests.views.capped import files, run, says, send
from tests.views.conftest import Browser, make_card
from vibe import jobs, limits
from vibe.caps import Caps
from vibe.models import (
    Count,
    DaySecret,
    Job,
    MakerAllowance,
    Program,
    SiteAllowance,
    Upload,
)
from vibe.models.count import MakerCaps, SiteCaps

pytestmark = pytest.mark.django_db(transaction=True)


def test_after_the_programs_of_a_day_the_sentence_says_when_it_goes_on(browser, cap):
    cap(maker_jobs_per_day=2)
    assert [send(browser, words).status_code for words in ("one", "two")] == [302, 302]
    reply = send(browser, "the third one")
    assert reply.status_code == 429
    assert re.search(
        r"You have asked for 2 programs and changes today, which is all for one day here\. It goes on at 00:00 UTC "
        r"\(in (about \d+ (hours|minutes)|a minute)\)\.", says(reply),
    )  # fmt: skip
    assert "the third one" in says(reply), "what was typed is still there"
    midnight = datetime.combine(timezone.now().date() + timedelta(days=1), datetime.min.time(), UTC)
    assert abs(int(reply["Retry-After"]) - (midnight - timezone.now()).total_seconds()) < 30
    assert send(browser, "two").status_code == 302, "the same form again is no other"
    assert Program.objects.count() == 2


def test_a_new_day_begins_anew(browser, cap):
    cap(maker_jobs_per_day=1)
    send(browser, "one")
    assert send(browser, "two").status_code == 429
    for row in Count.objects.all():
        Count.objects.filter(pk=row.pk).update(since=row.since - timedelta(days=1))
    assert send(browser, "two").status_code == 302


def test_changes_edits_copies_and_old_versions_count_as_programs_do(browser, stranger, cap):
    card = make_card(browser.maker(), shape="tool")
    program = card.program
    cap(maker_jobs_per_day=0)
    forms = {
        f"/programs/{program.pk}/jobs/": {"description": "larger, please"},
        f"/programs/{program.pk}/versions/": {"path": ["main.py"], "text": ["print(2)"], "base": "1"},
        f"/programs/{program.pk}/versions/1/restore/": {},
    }
    for path, form in forms.items():
        reply = browser.post(path, form)
        assert reply.status_code == 429, path
        assert int(reply["Retry-After"]) > 0
        assert "The admins of this server can change that." in says(reply)
        assert all(word in says(reply) for word in ("larger, please", "print(2)") if word in str(form)), (
            "what was typed is still there"
        )
    reply = stranger.post(f"/c/{card.token}/remix/", {"once": "1"})
    assert reply.status_code == 429
    assert "Not just now" in says(reply)
    assert Job.objects.count() == Program.objects.count() == 1


def test_htmx_gets_the_sentence_alone(browser, cap):
    cap(maker_jobs_per_day=0)
    for path in ("/programs/", f"/c/{make_card(browser.maker()).token}/remix/"):
        reply = browser.post(path, {"description": "tea", "once": "1"}, headers={"HX-Request": "true"})
        assert reply.status_code == 429
        assert reply["Retry-After"]
        assert len(reply.content) < 1000


def test_runs_of_an_hour_are_counted_for_the_visitor_and_for_the_card(browser, stranger, cap):
    card, other = (make_card(browser.maker(), shape="tool", title=title) for title in ("Tea", "Coffee"))
    cap(maker_runs_per_hour=2, card_runs_per_hour=3)
    for n in range(2):
        assert run(stranger, card, n + 1).status_code == 302
    reply = run(stranger, other, 7)
    assert reply.status_code == 429
    assert "You have run tools 2 times in this hour" in says(reply)
    assert re.search(r"It goes on at \d\d:00 UTC", says(reply))
    assert 'value="7"' in says(reply)
    assert 0 < int(reply["Retry-After"]) <= 3600
    third, fourth = Browser(), Browser()
    assert run(third, card).status_code == 302
    assert "This card was run 3 times in this hour" in says(run(fourth, card))
    assert run(fourth, other).status_code == 302


def test_a_full_line_takes_nothing_more_and_what_ends_makes_room(browser, stranger, cap):
    cap(site_queue=2)
    card = make_card(browser.maker(), shape="tool")
    send(browser, "one")
    run(stranger, card)
    reply = send(Browser(), "three")
    assert reply.status_code == 429
    assert "2 programs and runs wait for their turn here" in says(reply)
    assert int(reply["Retry-After"]) == 60
    assert run(stranger, card).status_code == 429
    Job.objects.filter(state="queued").first().delete()
    assert send(Browser(), "three").status_code == 302


def test_it_is_shown_before_it_hurts(browser, cap):
    cap(maker_jobs_per_day=5, maker_runs_per_hour=5, maker_stored_mb=1)
    card = make_card(browser.maker(), shape="tool")
    for n in range(3):
        send(browser, f"{n}")
        run(browser, card, n + 1)
    assert "5 programs and changes today" not in says(browser.get("/"))
    assert "runs this hour" not in says(browser.get(f"/c/{card.token}/"))
    send(browser, "3")
    run(browser, card, 4)
    assert "4 of 5 programs and changes today" in says(browser.get("/"))
    assert "4 of 5 runs this hour" in says(browser.get(f"/c/{card.token}/"))
    Upload.objects.create(program=card.program, name="a", size=900_000)
    assert "0.9 MB of 1 MB kept" in says(browser.get("/shelf/"))


def test_every_cap_can_be_set_in_the_admin():
    of_makers = {one.name for one in fields(Caps) if one.name.startswith("maker_")}
    assert {one.name for one in MakerCaps._meta.get_fields()} == of_makers
    assert {one.name for one in SiteCaps._meta.get_fields()} == {one.name for one in fields(Caps)} - of_makers


def test_the_admins_word_goes_before_the_environments_and_a_persons_own_before_both(browser, cap):
    maker = browser.maker()
    cap(maker_jobs_per_day=0, site_queue=50)
    assert limits.of(maker).maker_jobs_per_day == 0
    SiteAllowance(maker_jobs_per_day=1, site_queue=40).save()
    assert (limits.of(maker).maker_jobs_per_day, limits.of(maker).site_queue) == (1, 40)
    own = MakerAllowance.objects.create(maker=maker, maker_jobs_per_day=2)
    assert limits.of(maker).maker_jobs_per_day == 2
    assert [send(browser, f"{n}").status_code for n in range(3)] == [302, 302, 429]
    assert send(Browser(), "a").status_code == 302
    own.unlimited = True
    own.save()
    assert send(browser, "3").status_code == 302
    assert limits.of(maker).site_queue == 40, "only the limits of the site hold"


def test_a_lower_limit_for_one_person_stops_them_and_nobody_else(browser, stranger):
    MakerAllowance.objects.create(maker=stranger.maker(), maker_jobs_per_day=0)
    assert send(stranger, "one").status_code == 429
    assert send(browser, "one").status_code == 302


def test_counters_go_after_two_days_and_todays_stay_however_often_it_is_done(browser):
    send(browser, "one")
    rows = list(Count.objects.values_list("what", "who", "used"))
    Count.objects.create(what="jobs", who="site", since=timezone.now() - timedelta(days=3), used=9)
    DaySecret.objects.create(day=timezone.now().date())
    DaySecret.objects.create(day=timezone.now().date() - timedelta(days=1))
    assert limits.forget() == 2
    assert limits.forget() == 0
    assert list(Count.objects.values_list("what", "who", "used")) == rows
    assert DaySecret.objects.get().day == timezone.now().date()


def test_a_job_that_comes_to_nothing_takes_nothing(browser, cap, monkeypatch):
    cap()
    maker = browser.maker()
    monkeypatch.setattr(jobs.beginning, "keep_uploads", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        send(browser, "one", files=files(0.1))
    assert not Count.objects.filter(who=f"maker {maker.pk}").exists()
