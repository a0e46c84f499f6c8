"""Counters of hours and days: taken by conditional update, and what is said where there is no more to take."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.db.models import F
from django.utils import timezone

from vibe.caps import MB
from vibe.llm.amount import until
from vibe.models import Count

What = Count.What
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SOON_S = 60  # when to come again where nobody knows


class Enough(Exception):
    """Raised when something may not be done now; `sentence` says why and when it goes on, `retry_s` the latter for
    machines."""

    def __init__(self, sentence: str, retry_s: int = SOON_S) -> None:
        super().__init__(sentence)
        self.sentence, self.retry_s = sentence, retry_s


@dataclass(frozen=True)
class Taken:
    """`more` of `what` that `who` wants of the `most` there is in one `period`."""

    what: Count.What
    who: str
    most: int | None
    period: timedelta
    more: int = 1


def take(wanted: Iterable[Taken]) -> None:
    """All of it, or nothing and Enough: the transaction around it gives back what was taken before."""
    now = timezone.now()
    for one in wanted:
        key = {"what": one.what, "who": one.who, "since": since(one.period, now)}
        Count.objects.bulk_create([Count(**key)], ignore_conflicts=True)
        rows = Count.objects.filter(**key)
        if one.most is not None:
            rows = rows.filter(used__lte=one.most - one.more)
        if not rows.update(used=F("used") + one.more):
            raise refusal(one, now)


def used(one: Taken, now: datetime) -> int:
    """How much of it was taken in this period."""
    rows = Count.objects.filter(what=one.what, who=one.who, since=since(one.period, now))
    return rows.values_list("used", flat=True).first() or 0


def since(period: timedelta, now: datetime | None = None) -> datetime:
    """The beginning of this hour or day of UTC."""
    now = (now or timezone.now()).astimezone(UTC)
    return datetime.combine(now.date(), time(now.hour if period == HOUR else 0), UTC)


# --- sentences --------------------------------------------------------------------------------------------------

_WORDS = {
    (What.MAKERS, "address"): "{most} new visitors came from your network today, which is all for one day here.",
    (What.MAKERS, "site"): "{most} new visitors came here today, which is all that this server takes in a day.",
    (What.JOBS, "maker"): "You have asked for {most} programs and changes today, which is all for one day here.",
    (What.JOBS, "address"): "From your network {most} programs and changes were asked for today, which is all for one day here.",
    (What.JOBS, "site"): "This server makes {most} programs and changes a day, and today’s are used up.",
    (What.RUNS, "maker"): "You have run tools {most} times in this hour, which is all for one hour here.",
    (What.RUNS, "card"): "This card was run {most} times in this hour, which is all for one hour.",
    (What.RUNS, "address"): "From your network tools were run {most} times in this hour, which is all for one hour here.",
    (What.RUNS, "site"): "Tools were run {most} times here in this hour, which is all that this server does in an hour.",
    (What.PASSWORDS, "address"): "{most} wrong passwords came from your network in this hour, and I look at no more.",
    (What.UPLOADED, "maker"): "You may give {most} of files a day here, and have given {used} today{and_}.",
    (What.UPLOADED, "address"): "{most} of files may come from one network in a day, and {used} came from yours today{and_}.",
    (What.UPLOADED, "site"): "This server takes no more files today: {most} a day are all.",
}  # fmt: skip


def refusal(one: Taken, now: datetime) -> Enough:
    """Why there is no more of it, and when it goes on."""
    then = since(one.period, now) + one.period
    if one.more > (one.most or 0):  # no waiting helps
        asked = f"These files are {mb(one.more)}, and" if one.what == What.UPLOADED and one.most else "Here"
        limit = (
            f"{mb(one.most)} a day are all"
            if one.what == What.UPLOADED and one.most
            else "that is switched off"
        )
        return Enough(f"{asked} {limit}. The admins of this server can change that.", 24 * 3600)
    say = mb if one.what == What.UPLOADED else "{:,}".format
    why = _WORDS[one.what, one.who.partition(" ")[0]].format(
        most=say(one.most or 0), used=say(used(one, now)), and_=besides(one.more)
    )
    sentence = f"{why} It goes on at {then:%H:%M} UTC ({until(then, now)})."
    return Enough(sentence, math.ceil((then - now).total_seconds()))


def besides(size: int) -> str:
    """What else is wanted, for the end of a clause; empty for nothing."""
    return f"; these are {mb(size)} more" if size else ""


def mb(size: int) -> str:
    """1,200,000 bytes → 1.2 MB; 500,000,000 → 500 MB."""
    return f"{size / MB:,.0f} MB" if size >= 10 * MB or size % MB == 0 else f"{size / MB:,.1f} MB"
