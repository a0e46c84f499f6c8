"""What it will take: from the maker's own last Jobs, else the site's, and it says which. No figures are invented."""

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.db.models import Max, Sum

from vibe.choices import Effort, JobKind, JobState
from vibe.models import Job, Maker, StepRecord

LAST = 30


@dataclass(frozen=True)
class Estimate:
    value: str
    label: str
    seconds: float | None
    cost_usd: float | None


@dataclass(frozen=True)
class Estimates:
    rows: list[Estimate]
    source: str


def for_maker(maker: Maker | None, efforts: tuple[tuple[Effort, str], ...]) -> Estimates:
    own = _past(maker) if maker else []
    past, source = (
        (own, "Guesses, from your last cards.")
        if len(own) >= 3
        else (_past(None), "Guesses, from cards made here.")
    )
    rows = [_one(past, value, label) for value, label in efforts]
    known = any(row.seconds is not None for row in rows)
    return Estimates(rows, source if known else "No guesses yet: nothing was made with a model here so far.")


def _past(maker: Maker | None) -> list[dict[str, Any]]:
    rows = Job.objects.filter(state=JobState.DONE, steps__kind="ask", kind__in=(JobKind.MAKE, JobKind.CHANGE))
    rows = rows.filter(maker=maker) if maker else rows
    past = list(rows.order_by("-pk").values("pk", "effort").annotate(cost=Sum("steps__cost_usd"))[:LAST])
    # The time of the steps, those side by side counted once: a Job may have waited for days for its maker's answer.
    steps = StepRecord.objects.filter(job__in=[row["pk"] for row in past])
    took: Counter[int] = Counter()
    for job, _, seconds in steps.order_by().values_list("job", "order").annotate(Max("seconds")):
        took[job] += seconds
    return [{**row, "seconds": took[row["pk"]]} for row in past]


def _one(past: list[dict[str, Any]], value: str, label: str) -> Estimate:
    mine = [row for row in past if row["effort"] == value]
    if not mine:
        return Estimate(value, label, None, None)
    seconds = median(row["seconds"] for row in mine)
    costs = [float(row["cost"]) for row in mine if row["cost"] is not None]
    return Estimate(value, label, seconds, median(costs) if costs else None)
