"""What it will take: from the maker's own last Jobs, else the site's, and it says which. No figures are invented.

Time is what the steps took; how long a Job waited for its person, or for a worker, is none of it.
"""

from dataclasses import dataclass
from statistics import median

from django.db.models import Sum

from vibe.choices import Effort, JobKind, JobState
from vibe.models import Job, Maker, StepRecord

LAST, ENOUGH = 30, 2  # Jobs of one effort that are looked at; of one's own that say something


@dataclass(frozen=True)
class Estimate:
    """Medians. own: of the maker's own Jobs. seconds, cost_usd: None where nothing is known."""

    value: str
    label: str
    seconds: float | None
    cost_usd: float | None
    own: bool = False


@dataclass(frozen=True)
class Estimates:
    rows: list[Estimate]
    source: str


def for_maker(maker: Maker | None, efforts: tuple[tuple[Effort, str], ...]) -> Estimates:
    rows = [_one(maker, value, label) for value, label in efforts]
    return Estimates(rows, _source([row for row in rows if row.seconds is not None]))


def _source(known: list[Estimate]) -> str:
    own, others = [r.label for r in known if r.own], [r.label for r in known if not r.own]
    if own and others:
        return (
            f"Guesses: {' and '.join(own)} from your last cards, {' and '.join(others)} from cards made here."
        )
    if own:
        return "Guesses, from your last cards."
    if others:
        return "Guesses, from cards made here."
    return "No guesses yet: nothing was made with a model here so far."


def _one(maker: Maker | None, value: str, label: str) -> Estimate:
    mine = _past(maker, value) if maker else []
    own = len(mine) >= ENOUGH
    past = mine if own else _past(None, value)
    if not past:
        return Estimate(value, label, None, None)
    costs = [cost for _, cost in past if cost is not None]
    return Estimate(value, label, median(took for took, _ in past), median(costs) if costs else None, own)


def _past(maker: Maker | None, effort: str) -> list[tuple[float, float | None]]:
    """(seconds, USD or None) of the last Jobs of this effort that a model made."""
    rows = Job.objects.filter(state=JobState.DONE, effort=effort, kind__in=(JobKind.MAKE, JobKind.CHANGE))
    rows = rows.filter(steps__kind="ask").distinct()
    rows = rows.filter(maker=maker) if maker else rows
    jobs = list(rows.order_by("-pk").values_list("pk", flat=True)[:LAST])
    took = StepRecord.took(jobs)
    asked = StepRecord.objects.filter(job__in=jobs, kind="ask").order_by()
    cost = dict(asked.values("job").annotate(usd=Sum("cost_usd")).values_list("job", "usd"))
    # A part of the cost is not the cost: where the price of one call is not known, that of the whole is not.
    for job in asked.filter(cost_usd=None).exclude(tokens_in=0, tokens_out=0).values_list("job", flat=True):
        cost[job] = None
    return [(took.get(job, 0.0), None if (usd := cost.get(job)) is None else float(usd)) for job in jobs]
