"""The door of the admin: who tries password after password is let try no more for a while."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.views.capped import says
from tests.views.conftest import Browser
from vibe.models import (
    Count,
)

pytestmark = pytest.mark.django_db(transaction=True)


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
