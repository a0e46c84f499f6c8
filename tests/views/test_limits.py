"""Limits at the door: each has its sentence and its time, machines are told when to come again, and nothing typed is lost."""

import html
import re
import tempfile
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from tests.views.conftest import Browser, make_card
from vibe import addresses, housekeeping, jobs, limits, stored
from vibe.caps import Caps
from vibe.models import (
    Count,
    DaySecret,
    Job,
    Kept,
    Maker,
    MakerAllowance,
    Program,
    RunFile,
    SiteAllowance,
    Upload,
)
from vibe.models.count import MakerCaps, SiteCaps

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cap(settings):
    """Other caps than those of this machine: cap(maker_jobs_per_day=2)."""

    def set_(**caps):
        config = settings.CONFIG
        settings.CONFIG = replace(config, caps=replace(config.caps, maker_at_once=None, **caps))

    return set_


def send(browser, words="A tea timer", **more):
    return browser.post("/programs/", {"description": words, "once": words, **more})


def says(reply):
    return html.unescape(reply.content.decode())


def files(megabytes):
    return [SimpleUploadedFile("a.csv", b"x" * int(megabytes * 1_000_000))]


def run(browser, card, n=3, **more):
    return browser.post(f"/c/{card.token}/run/", {"n": str(n), **more})


# --- what is said -----------------------------------------------------------------------------------------------


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


# --- addresses --------------------------------------------------------------------------------------------------


def test_who_throws_the_cookie_away_is_still_the_same_address(browser, cap):
    cap(address_jobs_per_day=3, address_makers_per_day=5)
    for n in range(3):
        assert send(Browser(), f"{n}").status_code == 302
    reply = send(Browser(), "one more")
    assert reply.status_code == 429
    assert "From your network 3 programs and changes were asked for today" in says(reply)
    assert send(Browser(REMOTE_ADDR="192.0.2.77"), "one more").status_code == 302
    for n in range(3):
        Browser().post(f"/c/{make_card(browser.maker(), title=str(n)).token}/remix/", {"once": "1"})
    made = Maker.objects.count()
    assert "5 new visitors came from your network today" in says(send(Browser(), "another"))
    assert Maker.objects.count() == made


def test_what_a_visitor_writes_into_the_header_moves_no_counter(cap):
    cap(address_jobs_per_day=2)
    replies = [send(Browser(HTTP_X_FORWARDED_FOR=f"192.0.2.{n}"), f"{n}").status_code for n in range(4)]
    assert replies == [302, 302, 429, 429]


def test_behind_two_proxies_the_second_from_the_end_counts(cap, settings):
    cap(address_jobs_per_day=1)
    settings.CONFIG = replace(settings.CONFIG, proxies=2)
    heads = ["192.0.2.1, 10.0.0.2", "8.8.8.8, 192.0.2.1, 10.0.0.2", "8.8.8.8, 192.0.2.2, 10.0.0.2"]
    assert [send(Browser(HTTP_X_FORWARDED_FOR=head), head).status_code for head in heads] == [302, 429, 302]


def test_no_address_is_in_the_database_and_its_name_is_another_one_each_day(cap, settings):
    cap(address_jobs_per_day=9, address_makers_per_day=9, address_upload_mb_per_day=9)
    for peer in ("203.0.113.99", "2001:db8:5:6::1"):
        send(Browser(REMOTE_ADDR=peer), peer[:3], files=files(0.1))
    with tempfile.TemporaryDirectory() as folder:
        copy = f"{folder}/dump"
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [copy])
        with open(copy, "rb") as dump:
            data = dump.read()
    assert b"203.0.113" not in data
    assert b"2001:db8" not in data
    secret = DaySecret.objects.get()
    today = addresses.name_of("203.0.113.99", secret.secret + settings.SECRET_KEY)
    assert Count.objects.filter(who=f"address {today}").count() == 3
    DaySecret.objects.update(day=secret.day - timedelta(days=1))
    housekeeping.keep_house()
    assert not DaySecret.objects.exists(), "nobody can tell any more whose yesterday's counters were"


def test_on_a_persons_own_machine_nothing_is_written_about_addresses(browser):
    send(browser, "one")
    assert not DaySecret.objects.exists()
    assert set(Count.objects.values_list("what", "who")) == {
        ("makers", "site"), ("jobs", f"maker {Maker.objects.get().pk}"), ("jobs", "site"),
    }  # fmt: skip


# --- files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["maker", "address", "site"])
def test_files_over_the_days_room_are_refused_and_none_is_kept(browser, cap, whose):
    cap(**{f"{whose}_upload_mb_per_day": 3})
    assert send(browser, "one", files=files(1)).status_code == 302
    before = {path.name for path in jobs.folder("uploads").iterdir()}
    for size in (2.1, 2.9):  # small enough for memory, and passed over while it is read
        reply = send(browser, "Read this", files=files(size))
        assert reply.status_code == 429, size
        assert "Read this" in says(reply)
        assert "It goes on at 00:00 UTC" in says(reply)
    assert {path.name for path in jobs.folder("uploads").iterdir()} == before
    assert Upload.objects.count() == 1
    assert send(browser, "one more word").status_code == 302, "without files it can be made"


def test_a_file_larger_than_a_days_room_is_told_so(browser, cap):
    cap(maker_upload_mb_per_day=3)
    browser.maker()
    reply = send(browser, "Read this", files=files(5))
    assert "These files are 5.0 MB, and 3 MB a day are all." in says(reply)


def test_a_large_file_without_room_touches_no_disk(browser, cap, monkeypatch):
    cap(maker_upload_mb_per_day=3)
    browser.maker()
    written = []
    real = tempfile.NamedTemporaryFile
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", lambda *a, **k: written.append(a) or real(*a, **k))
    assert send(browser, "Read this", files=files(5)).status_code == 429
    assert not written


def test_a_file_for_a_tool_counts_too(browser, stranger, cap):
    tool = (
        'title = "Sum"\nrun = ["python3", "main.py"]\n[[inputs]]\nname = "f"\nlabel = "File"\ntype = "file"\n'
    )
    card = make_card(browser.maker(), shape="tool", files={"tool.toml": tool, "main.py": "print(1)"})
    cap(maker_upload_mb_per_day=4)
    for size, status in ((3, 302), (3, 429), (1, 302), (0.1, 429)):
        reply = stranger.post(f"/c/{card.token}/run/", {"f": files(size)[0], "once": f"{size}{status}"})
        assert reply.status_code == status, size
    assert "You may give 4 MB of files a day here" in says(reply)
    assert RunFile.objects.count() == 2


# --- what is kept -----------------------------------------------------------------------------------------------


def test_what_is_kept_of_a_maker_is_the_sum_of_files_results_pictures_and_films(browser, stranger):
    card = make_card(browser.maker(), shape="tool")
    film = sum(len(bytes(one.data)) for one in card.version.films.all())
    card.version.shot = b"x" * 500
    card.version.save()
    Upload.objects.create(program=card.program, name="a", size=1000)
    run(stranger, card)
    jobs.keep_run_file(stranger.maker().runs.get(), "o", b"y" * 70, made=True)
    assert stored.of_maker(card.maker) == 1000 + 500 + film
    assert stored.of_maker(stranger.maker()) == 70
    assert stored.of_everybody() == {card.maker.pk: 1500 + film, stranger.maker().pk: 70}
    stored.measure()
    assert dict(Kept.objects.values_list("who", "size")) == {
        f"maker {card.maker.pk}": 1500 + film, f"maker {stranger.maker().pk}": 70, "site": 1570 + film,
    }  # fmt: skip
    assert stored.measure() == 0
    RunFile.objects.all().delete()
    stored.measure()
    assert Kept.objects.get(who=f"maker {stranger.maker().pk}").size == 0
    assert stored.of_site() == 1500 + film


def test_who_keeps_all_they_may_is_told_how_to_make_room(browser, cap):
    cap(maker_stored_mb=2)
    send(browser, "one", files=files(1.5))
    reply = send(browser, "two", files=files(0.6))
    assert reply.status_code == 429
    assert (
        "What is kept of you here takes 1.5 MB of 2 MB; these are 0.6 MB more. Throw away on your shelf"
        in says(reply)
    )
    Upload.objects.update(size=2_000_000)
    assert send(browser, "words alone").status_code == 429
    Upload.objects.all().delete()
    assert send(browser, "two", files=files(0.6)).status_code == 302


def test_a_full_site_takes_no_more_files(browser, cap):
    cap(site_stored_mb=2)
    send(browser, "one", files=files(1.5))
    reply = send(Browser(), "two", files=files(0.6))
    assert "This server is full. What you made is safe." in says(reply)
    assert reply.status_code == 429
    Upload.objects.all().delete()
    housekeeping.keep_house()
    assert send(Browser(), "two", files=files(0.6)).status_code == 302


# --- who says what holds ----------------------------------------------------------------------------------------


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


# --- housekeeping -----------------------------------------------------------------------------------------------


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


def login(password, **more):
    reply = Browser(**more).post("/admin/login/", {"username": "ada", "password": password})
    return reply.status_code, says(reply)


def test_who_tries_passwords_of_the_admin_is_let_try_no_more_for_an_hour(cap, settings, django_user_model):
    cap(address_passwords_per_hour=2)
    django_user_model.objects.create_superuser("ada", password="tea and biscuits")
    for guess in ("tea", "milk"):
        code, words = login(guess)
        assert (code, "enter the correct username" in words) == (200, True)
    code, words = login("tea and biscuits")
    assert code == 200
    assert (
        "2 wrong passwords came from your network in this hour, and I look at no more. It goes on at" in words
    )
    assert login("tea and biscuits", REMOTE_ADDR="198.51.100.7")[0] == 302, "others are not shut out"
    Count.objects.update(since=timezone.now() - timedelta(hours=2))
    assert login("tea and biscuits")[0] == 302
    lately = Count.objects.filter(since__gt=timezone.now() - timedelta(hours=2))
    assert not lately.filter(used__gt=0).exists(), "right ones are not counted"


def test_passwords_that_come_side_by_side_are_all_counted(cap, monkeypatch):
    cap(address_passwords_per_hour=3)
    looked = []

    def slowly(request, **more):
        looked.append(more["password"])
        if len(looked) < 5:
            login(f"guess {len(looked)}")

    monkeypatch.setattr("django.contrib.auth.forms.authenticate", slowly)
    login("guess 0")
    assert looked == ["guess 0", "guess 1", "guess 2"]
