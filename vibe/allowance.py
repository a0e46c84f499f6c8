"""Allowances: what a maker and the site may use in a day, reserved before a call and settled after it.

The only writer of DayTally and Charge. A reservation is one conditional UPDATE a tally, so that calls that race can
never reserve more than the limit, on SQLite and on PostgreSQL alike. A reservation is the most that the call should
cost: the question, estimated, and the longest answer, at the model's price; where the price is not known, only tokens
are reserved. The client hangs up where more than that comes (llm.gathered). Days are those of UTC.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.expressions import CombinedExpression
from django.utils import timezone

from vibe.choices import JobState
from vibe.llm.amount import Amount, Used, why_not
from vibe.llm.message import Call, Model, Usage
from vibe.models import Charge, DayTally, Job, Maker, MakerAllowance, SiteAllowance, StepRecord
from vibe.models.allowance import SITE

OFF = "Making with a model is switched off here for now. Recipes still work, and your words are kept."
State = Charge.State


class Spent(Exception):
    """Raised when a call may not be made now; `sentence` says why and when it goes on, for the person."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


# --- one call ---------------------------------------------------------------------------------------------------


def reserve(step: StepRecord, model: Model, call: Call, *, now: datetime | None = None) -> Charge:
    """Set aside what `call` may cost, for this step. Raises Spent when that is not allowed now.

    A step that a lost worker left is charged once: an open Charge is given back as it is, and what its maker paid for
    it before today's end is taken off when it is settled again. (What a lost call held is written off before.)
    """
    now = now or timezone.now()
    site = SiteAllowance.current()
    if site.making_off:
        raise Spent(site.off_sentence or OFF)
    charge = Charge.objects.filter(step=step).first()
    if charge and charge.state == State.RESERVED:
        return charge
    wanted = Amount.of(call.most(), model)
    maker = step.job.maker
    fields = {
        "maker": maker, "day": _day(now), "model": model.name, "state": State.RESERVED,
        "reserved_micro": wanted.micro or 0, "reserved_tokens": wanted.tokens or 0,
    }  # fmt: skip
    if charge and (charge.state != State.SETTLED or charge.day != _day(now)):
        fields |= {"micro": None, "tokens": 0}
    try:
        with (
            transaction.atomic()
        ):  # always in the order charge, maker, site: then no two can wait for each other
            if charge is None:
                charge = Charge.objects.create(step=step, **fields)
            elif not Charge.objects.filter(pk=charge.pk, state=charge.state).update(**fields):
                raise IntegrityError("taken up by another worker meanwhile")
            _hold(maker.pk, limit_of(maker, site), wanted, now)
            _hold(SITE, Amount(_micro(site.usd_per_day), site.tokens_per_day), wanted, now)
    except IntegrityError:  # a worker that was thought lost reserved for the same step: one charge is enough
        return Charge.objects.get(step=step)
    charge.refresh_from_db()
    return charge


def hold_more(charge: Charge, model: Model, lost: Usage, *, now: datetime | None = None) -> None:
    """Another try of the same call is to be made, after one that broke off and was paid for all the same: what it
    `lost` is set aside besides. Raises Spent, and holds nothing more, when that is not allowed."""
    now = now or timezone.now()
    more, site = Amount.of(lost, model), SiteAllowance.current()
    maker = charge.step.job.maker
    with transaction.atomic():
        kept = Charge.objects.filter(pk=charge.pk, state=State.RESERVED, day=_day(now))
        if kept.update(**_more("reserved", more.micro or 0, more.tokens or 0)):
            _hold(maker.pk, limit_of(maker, site), more, now)
            _hold(SITE, Amount(_micro(site.usd_per_day), site.tokens_per_day), more, now)
    charge.refresh_from_db()


def settle(charge: Charge, model: Model, usage: Usage | None) -> None:
    """The call has ended: what it used takes the place of what was reserved. `usage` None: nothing came of it.

    What was paid for one step more than once (its worker was lost) costs the site each time, its maker once.
    """
    if usage is None:
        release(charge)
        return
    cost = Amount.of(usage, model)
    micro, tokens = cost.micro or 0, cost.tokens or 0
    with transaction.atomic():
        row = Charge.objects.select_for_update().get(pk=charge.pk)
        mine, all_ = row.tallies
        open_, before = _no_longer_held(row), (row.micro or 0, row.tokens)
        if row.state in {State.SETTLED, State.FORGIVEN}:  # another worker was first
            open_, before = {}, (micro, tokens)
        else:
            row.state, row.micro, row.tokens = State.SETTLED, cost.micro, tokens
            row.save(update_fields=["state", "micro", "tokens"])
        _tally(mine).update(**_more("used", micro - before[0], tokens - before[1]), **open_)
        _tally(all_).update(**_more("used", micro, tokens), **open_)
    charge.refresh_from_db()


def release(charge: Charge) -> None:
    """Nothing came of the call: give back what was set aside. Doing it twice is harmless."""
    with transaction.atomic():
        row = Charge.objects.select_for_update().get(pk=charge.pk)
        if row.state == State.RESERVED:
            for key in row.tallies:
                _tally(key).update(**_no_longer_held(row))
            row.state = State.SETTLED if row.tokens else State.RELEASED
            row.save(update_fields=["state"])
    charge.refresh_from_db()


def write_off(step: StepRecord) -> None:
    """The call of a worker that was lost: nobody knows what it came to. Whoever serves the model may bill it, so the
    site's total keeps what was set aside for it; its maker pays nothing. Doing it twice is harmless."""
    with transaction.atomic():
        row = Charge.objects.select_for_update().filter(step=step, state=State.RESERVED).first()
        if row is None:
            return
        mine, all_ = row.tallies
        open_ = _no_longer_held(row)
        _tally(mine).update(**open_)
        _tally(all_).update(**_more("used", row.reserved_micro, row.reserved_tokens), **open_)
        if row.tokens:  # an earlier call of this step, which its maker did pay
            row.state = State.SETTLED
        else:
            row.state, row.micro, row.tokens = State.FORGIVEN, row.reserved_micro, row.reserved_tokens
        row.save(update_fields=["state", "micro", "tokens"])


def forgive(job: Job, orders: Iterable[int]) -> int:
    """Do not count these steps (failed repairs) against the maker, as far as the day's caps go. How many were not.

    The money was spent: the site's own total keeps it. Doing it twice is harmless.
    """
    site = SiteAllowance.current()
    caps = (
        Amount(_micro(site.forgiven_usd_per_maker), site.forgiven_tokens_per_maker),
        Amount(_micro(site.forgiven_usd_per_site), site.forgiven_tokens_per_site),
    )
    charges = Charge.objects.filter(
        step__job=job, step__order__in=list(orders), step__void=False, state=State.SETTLED
    ).order_by("pk")
    return sum(_forgive(charge, *caps) for charge in charges)


def _forgive(charge: Charge, maker_cap: Amount, site_cap: Amount) -> bool:
    micro, tokens = charge.micro or 0, charge.tokens
    cost, forgiven = Amount(micro, tokens), _more("forgiven", micro, tokens)
    mine, all_ = charge.tallies
    with transaction.atomic():
        moved = Charge.objects.filter(pk=charge.pk, state=State.SETTLED).update(state=State.FORGIVEN)
        if (
            moved
            and _within(_tally(mine), "forgiven", maker_cap, cost).update(
                **forgiven, **_more("used", -micro, -tokens)
            )
            and _within(_tally(all_), "forgiven", site_cap, cost).update(**forgiven)
        ):
            return True
        transaction.set_rollback(True)
    return False


def release_stale() -> int:
    """Hold no longer what calls of ended Jobs hold: their worker died in the middle of them. How many there were."""
    ended = (JobState.DONE, JobState.FAILED, JobState.STOPPED, JobState.WAITING)
    stale = Charge.objects.filter(Q(step__job__state__in=ended) | Q(step__void=True), state=State.RESERVED)
    found = list(stale.select_related("step")[:200])
    for charge in found:
        write_off(charge.step)
    return len(found)


# --- what is allowed, and what was used -------------------------------------------------------------------------


def off() -> str:
    """The sentence to show while making with a model is switched off; empty while it is on."""
    site = SiteAllowance.current()
    return (site.off_sentence or OFF) if site.making_off else ""


def limit_of(maker: Maker, site: SiteAllowance | None = None) -> Amount:
    """What this maker may use in a day."""
    site = site or SiteAllowance.current()
    own = MakerAllowance.objects.filter(maker=maker).first()
    if own and own.unlimited:
        return Amount(None, None)
    usd = own.usd_per_day if own and own.usd_per_day is not None else site.maker_usd_per_day
    tokens = own.tokens_per_day if own and own.tokens_per_day is not None else site.maker_tokens_per_day
    return Amount(_micro(usd), tokens)


def used_today(maker: Maker | None = None, *, now: datetime | None = None) -> Used:
    """What `maker` used today and may use; of the whole site when none is given."""
    site = SiteAllowance.current()
    limit = limit_of(maker, site) if maker else Amount(_micro(site.usd_per_day), site.tokens_per_day)
    return _used(maker.pk if maker else SITE, limit, now or timezone.now())


def _used(who: str, limit: Amount, now: datetime) -> Used:
    tally = _tally((_day(now), who)).first() or DayTally()
    return Used(Amount(tally.used_micro, tally.used_tokens), Amount(tally.held_micro, tally.held_tokens), limit)


def _hold(who: str, limit: Amount, wanted: Amount, now: datetime) -> None:
    """One conditional UPDATE: either all of `wanted` fits under the limit and is held, or nothing changes."""
    key = (_day(now), who)
    DayTally.objects.bulk_create([DayTally(day=key[0], who=who)], ignore_conflicts=True)
    held = _within(_tally(key), "used", limit, wanted, also="held").update(
        **_more("held", wanted.micro or 0, wanted.tokens or 0)
    )
    if not held:
        raise Spent(why_not(_used(who, limit, now), wanted, now, of_site=who == SITE))


def _within(
    rows: QuerySet[DayTally], what: str, limit: Amount, more: Amount, *, also: str = ""
) -> QuerySet[DayTally]:
    """Those tallies whose `what` (and what is `also` taken) leaves room for `more` under the limit."""
    for unit in ("micro", "tokens"):
        top, extra = getattr(limit, unit), getattr(more, unit)
        if top is None or extra is None:
            continue
        room = Value(top - extra)
        rows = rows.filter(**{f"{what}_{unit}__lte": room - F(f"{also}_{unit}") if also else room})
    return rows


def _tally(key: tuple[date, str]) -> QuerySet[DayTally]:
    return DayTally.objects.filter(day=key[0], who=key[1])


def _more(what: str, micro: int, tokens: int) -> dict[str, CombinedExpression]:
    return {f"{what}_micro": F(f"{what}_micro") + micro, f"{what}_tokens": F(f"{what}_tokens") + tokens}


def _no_longer_held(charge: Charge) -> dict[str, CombinedExpression]:
    if charge.state != State.RESERVED:
        return {}
    return _more("held", -charge.reserved_micro, -charge.reserved_tokens)


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()


def _micro(usd: Decimal | None) -> int | None:
    return None if usd is None else round(usd * 1_000_000)
