"""What a making is said to take before it begins: from one's own cards where there are some, else from the site's."""

from datetime import timedelta

import pytest
from django.utils import timezone

from vibe.choices import Effort
from vibe.models import Job, Maker, StepRecord
from vibe.views.estimates import for_maker
from vibe.views.home import EFFORTS

pytestmark = pytest.mark.django_db


def made(maker, effort, seconds, usd, *, waited=0.0, beside=()):
    now = timezone.now()
    job = Job.objects.create(
        maker=maker, kind="make", state="done", effort=effort, once=f"{Job.objects.count()}",
        started=now - timedelta(seconds=seconds + waited), ended=now,
    )  # fmt: skip
    StepRecord.objects.create(job=job, order=1, number="1.1", kind="ask", seconds=seconds, cost_usd=usd)
    for at, took in enumerate(beside, 2):
        StepRecord.objects.create(job=job, order=1, number=f"1.{at}", kind="run", seconds=took)
    return job


def of(maker):
    found = for_maker(maker, EFFORTS)
    return {row.value: (row.seconds, row.cost_usd) for row in found.rows}, found.source


def test_nothing_is_invented():
    rows, source = of(None)
    assert set(rows.values()) == {(None, None)}
    assert "nothing was made" in source


def test_ones_own_go_before_the_sites_and_it_is_said_which_is_whose():
    ada, bo = Maker.objects.create(), Maker.objects.create()
    for _ in range(3):
        made(bo, Effort.NORMAL, 100, "0.10")
        made(bo, Effort.THOROUGH, 300, "0.90")
    made(ada, Effort.NORMAL, 20, "0.01")
    made(ada, Effort.NORMAL, 40, "0.03")
    rows, source = of(ada)
    assert rows[Effort.NORMAL] == (30, pytest.approx(0.02))
    assert rows[Effort.THOROUGH] == (300, pytest.approx(0.9))
    assert rows[Effort.QUICK] == (None, None)
    assert source == "Guesses: Normal from your last cards, Thorough from cards made here."
    assert of(None)[1] == "Guesses, from cards made here."
    assert of(bo)[1] == "Guesses, from your last cards."


def test_waiting_for_a_person_is_no_time_of_the_making_and_what_runs_side_by_side_counts_once():
    ada = Maker.objects.create()
    made(ada, Effort.NORMAL, 20, None, waited=86_400, beside=(15, 30))
    rows, _ = of(None)
    assert rows[Effort.NORMAL] == (30, None)


def test_a_part_of_the_cost_is_not_told_as_the_cost():
    ada = Maker.objects.create()
    whole, part = (made(ada, Effort.NORMAL, 20, "0.10") for _ in range(2))
    asked = {"order": 2, "number": "2", "kind": "ask", "tokens_in": 900, "tokens_out": 6000}
    StepRecord.objects.create(job=part, **asked, cost_usd=None)
    assert of(ada)[0][Effort.NORMAL] == (20, pytest.approx(0.10))
    StepRecord.objects.create(job=whole, **asked, cost_usd=None)
    assert of(ada)[0][Effort.NORMAL] == (20, None)


def test_what_was_paid_before_it_began_anew_is_of_its_cost():
    job = made(Maker.objects.create(), Effort.NORMAL, 20, "0.10")
    StepRecord.objects.create(job=job, order=1, number="1", kind="ask", cost_usd="0.05", void=True)
    assert of(None)[0][Effort.NORMAL][1] == pytest.approx(0.15)
