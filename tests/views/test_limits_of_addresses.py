"""Limits of network addresses: a cookie that is thrown away moves none of them, and no address is written down."""

import tempfile
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection

from tests.views.capped import files, says, send
from tests.views.conftest import Browser, make_card
from vibe import addresses, housekeeping
from vibe.models import (
    Count,
    DaySecret,
    Maker,
)

pytestmark = pytest.mark.django_db(transaction=True)


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
