"""What may be used in a day holds, however many ask at once, and each step is charged once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from vibe import allowance
from vibe.llm.message import Call, Message, Model, Usage
from vibe.models import Charge, DayTally, Job, Maker, MakerAllowance, SiteAllowance, StepRecord

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
# $1 and $10 per million: 10,000 tokens out are 10 cents.
PRICED = Model("m", "http://127.0.0.1:9/v1", price_in=1, price_out=10)
CENTS_10 = Usage(0, 10_000)


def step(maker=None, order=1, job=None):
    job = job or Job.objects.create(
        maker=maker or Maker.objects.create(), kind="make", state="running", once=f"k{Job.objects.count()}"
    )
    return StepRecord.objects.create(job=job, order=order, number=str(order), kind="ask", fingerprint="f")


def call(model=PRICED, max_tokens=10_000):
    return Call(model, (Message("user", ""),), max_tokens=max_tokens)


def reserve(one, model=PRICED, now=NOON, **more):
    return allowance.reserve(one, model, call(model, **more), now=now)


def limit(**fields):
    SiteAllowance(**fields).save()


def refused(one, **more):
    with pytest.raises(allowance.Spent) as caught:
        reserve(one, **more)
    return caught.value.sentence


def side_by_side(count, work):
    """`work(n)` in real threads that start together, each with a connection of its own."""
    gate, wrong = threading.Barrier(count), []

    def one(n):
        gate.wait()
        try:
            work(n)
        except Exception as problem:
            wrong.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(n,)) for n in range(count)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not wrong


def test_without_a_limit_everything_is_counted_and_nothing_refused():
    maker = Maker.objects.create()
    allowance.settle(reserve(step(maker)), PRICED, CENTS_10)
    today = allowance.used_today(maker, now=NOON)
    assert (today.used.micro, today.used.tokens, today.line) == (100_000, 10_000, "")


@pytest.mark.parametrize("whose", ["usd_per_day", "maker_usd_per_day"])
def test_ten_calls_that_race_never_reserve_more_than_the_allowance(whose):
    limit(**{whose: "0.35"})
    maker = Maker.objects.create()
    steps, got, told = [step(maker) for _ in range(10)], [], []

    def work(n):
        try:
            charge = reserve(steps[n])
        except allowance.Spent as spent:
            told.append(spent.sentence)
            return
        got.append(charge)
        allowance.settle(charge, PRICED, CENTS_10)

    side_by_side(10, work)
    assert (len(got), len(told)) == (3, 7)
    for tally in DayTally.objects.all():
        assert (tally.used_micro, tally.held_micro, tally.held_tokens) == (300_000, 0, 0)
        assert tally.used_micro <= 350_000
    assert all(sentence.strip() for sentence in told)


def test_makers_that_race_share_what_the_site_may_spend():
    limit(usd_per_day="0.55")
    steps, got, told = [step() for _ in range(10)], [], []

    def work(n):
        try:
            got.append(reserve(steps[n]))
        except allowance.Spent as spent:
            told.append(spent.sentence)

    side_by_side(10, work)
    assert len(got) == 5
    assert all("being made here now" in sentence for sentence in told)
    assert DayTally.objects.get(who="site").held_micro == 500_040
    assert sum(t.held_micro for t in DayTally.objects.exclude(who="site")) == 500_040


def test_two_workers_on_one_step_make_one_charge():
    one, got = step(), []
    side_by_side(6, lambda n: got.append(reserve(one).pk))
    assert len(set(got)) == 1
    assert DayTally.objects.get(who="site").held_micro == 100_008  # the question is 8 tokens at least


def test_a_step_that_is_taken_up_again_is_charged_once():
    maker, job = Maker.objects.create(), None
    one = step(maker, job=job)
    first = reserve(one)
    again = reserve(one)  # its worker died in the call
    assert again.pk == first.pk
    allowance.settle(again, PRICED, CENTS_10)
    allowance.settle(reserve(one), PRICED, CENTS_10)  # it died between the call and the journal
    assert allowance.used_today(maker, now=NOON).used.micro == 100_000
    assert allowance.used_today(now=NOON).used.micro == 200_000  # both were paid
    assert Charge.objects.get().state == "settled"
    assert not DayTally.objects.exclude(held_micro=0, held_tokens=0).exists()


def test_a_late_worker_settles_what_another_settled_and_the_maker_pays_once():
    maker = Maker.objects.create()
    charge = reserve(step(maker))
    allowance.settle(charge, PRICED, CENTS_10)
    allowance.settle(charge, PRICED, CENTS_10)
    allowance.release(charge)
    assert allowance.used_today(maker, now=NOON).used.micro == 100_000
    assert allowance.used_today(now=NOON).used.micro == 200_000
    assert not DayTally.objects.exclude(held_micro=0).exists()


def test_a_job_that_begins_anew_pays_for_its_new_steps():
    one = step()
    allowance.settle(reserve(one), PRICED, CENTS_10)
    StepRecord.objects.update(void=True)
    allowance.settle(reserve(step(job=one.job)), PRICED, CENTS_10)
    assert allowance.used_today(one.job.maker, now=NOON).used.micro == 200_000


def test_a_call_that_gave_nothing_costs_nothing():
    limit(maker_usd_per_day="0.15")
    maker = Maker.objects.create()
    charge = reserve(step(maker))
    allowance.settle(charge, PRICED, None)
    allowance.release(charge)
    assert charge.state == "released"
    assert DayTally.objects.get(who="site").held_micro == 0
    again = reserve(charge.step)
    assert (again.pk, again.state) == (charge.pk, "reserved")
    allowance.settle(again, PRICED, CENTS_10)
    assert allowance.used_today(maker, now=NOON).used.micro == 100_000


def test_the_sentence_says_how_much_and_when_it_goes_on():
    limit(maker_usd_per_day="0.20")
    maker = Maker.objects.create()
    for _ in range(2):
        charge = reserve(step(maker), max_tokens=9_900)
        allowance.settle(charge, PRICED, CENTS_10)
    assert refused(step(maker)) == (
        "You have used today’s allowance ($0.20). It goes on at midnight UTC, in about 12 hours."
    )


def test_what_is_left_but_not_enough_is_said_so():
    limit(maker_usd_per_day="0.25")
    maker = Maker.objects.create()
    for _ in range(2):
        allowance.settle(reserve(step(maker), max_tokens=9_000), PRICED, CENTS_10)
    assert refused(step(maker), now=NOON + timedelta(hours=11)) == (
        "You have used $0.20 of today’s $0.25, and the next step could take up to $0.10. It goes on at midnight UTC, in about 60 minutes."
    )


def test_what_is_only_set_aside_is_not_called_used():
    limit(maker_usd_per_day="0.15")
    maker = Maker.objects.create()
    reserve(step(maker))
    assert "may use the rest of today’s allowance ($0.15)" in refused(step(maker))


def test_a_step_dearer_than_a_whole_day_is_not_promised_for_tomorrow():
    limit(maker_usd_per_day="0.05")
    sentence = refused(step())
    assert "up to $0.10, and you may use 5.0 ¢ a day" in sentence
    assert "midnight" not in sentence


def test_people_are_not_told_how_much_the_site_may_spend():
    limit(usd_per_day="0.10", maker_usd_per_day="5")
    allowance.settle(reserve(step(), max_tokens=9_000), PRICED, CENTS_10)
    sentence = refused(step(), max_tokens=9_000)
    assert sentence.startswith("This server has used its allowance for today. It goes on at midnight UTC")
    assert "$" not in sentence


def test_a_new_day_is_a_new_allowance():
    limit(maker_usd_per_day="0.15")
    maker = Maker.objects.create()
    allowance.settle(reserve(step(maker)), PRICED, CENTS_10)
    refused(step(maker), now=NOON + timedelta(hours=11, minutes=59))
    reserve(step(maker), now=NOON + timedelta(hours=12))


def test_where_the_price_is_not_known_words_are_what_counts():
    limit(maker_usd_per_day="0.01", maker_tokens_per_day=25_000)
    unknown, maker = Model("u", "http://127.0.0.1:9/v1"), Maker.objects.create()
    for _ in range(2):
        allowance.settle(reserve(step(maker), unknown), unknown, CENTS_10)
    assert Charge.objects.first().micro is None
    assert refused(step(maker), model=unknown).startswith("You have used 15,000 words of today’s 19,000 words")


def test_a_model_on_this_machine_costs_no_money():
    limit(maker_usd_per_day="0")
    local = Model("l", "http://127.0.0.1:9/v1", local=True)
    charge = reserve(step(), local)
    allowance.settle(charge, local, CENTS_10)
    assert (charge.micro, charge.tokens) == (0, 10_000)


def test_one_maker_may_have_more_or_less_than_others():
    limit(maker_usd_per_day="0.15")
    free, poor = Maker.objects.create(), Maker.objects.create()
    MakerAllowance.objects.create(maker=free, unlimited=True)
    MakerAllowance.objects.create(maker=poor, usd_per_day="0.01")
    for _ in range(3):
        reserve(step(free))
    refused(step(poor))


def test_the_switch_stops_every_new_call_with_its_sentence_also_of_a_step_that_began():
    one = step()
    reserve(one)
    limit(making_off=True, off_sentence="Back on Monday.")
    assert refused(one) == "Back on Monday."
    assert refused(step()) == "Back on Monday."
    limit(making_off=True)
    assert refused(step()) == allowance.off() == allowance.OFF
    limit()
    assert allowance.off() == ""
    reserve(one)


# --- forgiveness ------------------------------------------------------------------------------------------------


def paid(maker, count):
    one = step(maker)
    steps = [one, *(step(job=one.job, order=n) for n in range(2, count + 1))]
    for each in steps:
        allowance.settle(reserve(each), PRICED, CENTS_10)
    return one.job


def test_a_failed_repair_is_not_counted_against_its_maker_but_was_paid():
    maker = Maker.objects.create()
    job = paid(maker, 3)
    assert allowance.forgive(job, [2, 3]) == 2
    assert allowance.forgive(job, [2, 3]) == 0
    assert allowance.used_today(maker, now=NOON).used.micro == 100_000
    assert allowance.used_today(now=NOON).used.micro == 300_000


def test_an_impossible_check_is_no_free_ride():
    limit(forgiven_usd_per_maker="0.25", forgiven_usd_per_site="0.35")
    first, second = Maker.objects.create(), Maker.objects.create()
    assert allowance.forgive(paid(first, 5), range(1, 6)) == 2  # the cap of one maker
    assert allowance.used_today(first, now=NOON).used.micro == 300_000
    assert allowance.forgive(paid(second, 5), range(1, 6)) == 1  # the cap of the site
    assert allowance.used_today(second, now=NOON).used.micro == 400_000
    assert DayTally.objects.get(who="site").forgiven_micro == 300_000


def test_forgiving_side_by_side_keeps_to_the_cap():
    limit(forgiven_usd_per_maker="0.35")
    maker = Maker.objects.create()
    jobs = [paid(maker, 2) for _ in range(5)]
    side_by_side(5, lambda n: allowance.forgive(jobs[n], [1, 2]))
    assert DayTally.objects.get(who=maker.pk).forgiven_micro == 300_000
    assert Charge.objects.filter(state="forgiven").count() == 3


def test_tokens_are_capped_too_where_no_price_is_known():
    limit(forgiven_tokens_per_maker=15_000)
    unknown, maker = Model("u", "http://127.0.0.1:9/v1"), Maker.objects.create()
    one = step(maker)
    for each in (one, step(job=one.job, order=2)):
        allowance.settle(reserve(each, unknown), unknown, CENTS_10)
    assert allowance.forgive(one.job, [1, 2]) == 1


# --- what dead workers leave ------------------------------------------------------------------------------------


def test_a_call_that_was_lost_costs_the_site_what_was_set_aside_and_its_maker_nothing():
    one = step()
    charge = reserve(one)
    for _ in range(2):
        allowance.write_off(one)
    site, his = (allowance.used_today(who, now=NOON) for who in (None, one.job.maker))
    assert (site.used.micro, site.held.micro) == (charge.reserved_micro, 0) == (100_008, 0)
    assert (his.used.micro, his.held.micro) == (0, 0)
    charge.refresh_from_db()
    assert (charge.state, charge.micro) == ("forgiven", 100_008)
    allowance.settle(reserve(one), PRICED, CENTS_10)  # it was asked once more
    assert allowance.used_today(now=NOON).used.micro == 200_008
    assert allowance.used_today(one.job.maker, now=NOON).used.micro == 100_000
    assert not DayTally.objects.exclude(held_micro=0, held_tokens=0).exists()


def test_a_call_that_was_lost_leaves_to_its_maker_what_an_earlier_one_of_that_step_cost():
    one = step()
    allowance.settle(reserve(one), PRICED, Usage(0, 3_000))
    reserve(one)
    allowance.write_off(one)
    charge = Charge.objects.get()
    assert (charge.state, charge.micro) == ("settled", 30_000)
    assert allowance.used_today(one.job.maker, now=NOON).used.micro == 30_000
    assert allowance.used_today(now=NOON).used.micro == 30_000 + charge.reserved_micro


def test_what_an_ended_jobs_dead_worker_held_is_held_no_more():
    running, stopped, anew = step(), step(), step()
    for one in (running, stopped, anew):
        reserve(one)
    Job.objects.filter(pk=stopped.job_id).update(state="stopped")
    StepRecord.objects.filter(pk=anew.pk).update(void=True)
    assert allowance.release_stale() == 2
    assert allowance.release_stale() == 0
    site = allowance.used_today(now=NOON)
    assert (site.held.micro, site.used.micro) == (100_008, 200_016), "nobody knows that they were not billed"
    for one in (stopped, anew):
        his = allowance.used_today(one.job.maker, now=NOON)
        assert (his.held.micro, his.used.micro) == (0, 0)
    assert Charge.objects.get(step=running).state == "reserved"
