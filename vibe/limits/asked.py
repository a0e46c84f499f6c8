"""What somebody asks for, held against every limit that it touches: theirs, the card's, the network's, the site's."""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from vibe import addresses, stored
from vibe.caps import MB, Caps
from vibe.choices import JobState
from vibe.limits.counters import DAY, HOUR, Enough, Taken, What, besides, mb, refusal, since, take, used
from vibe.models import Card, Count, DaySecret, Job, Kept, Maker, MakerAllowance, SiteAllowance
from vibe.models.count import SITE

NEAR = 0.8  # of a limit: from here on it is shown before it is met
PAST = timedelta(days=2)  # counters are kept so long, for the admin


def of(maker: Maker | None = None) -> Caps:
    """What holds for this maker now: what was said for them, else for everyone in the admin, else at the start."""
    site = SiteAllowance.current()
    caps = _with(settings.CONFIG.caps, site)
    own = MakerAllowance.objects.filter(maker=maker).first() if maker else None
    if own and own.unlimited:
        return replace(caps, **{one.name: None for one in fields(Caps) if one.name.startswith("maker_")})
    return _with(caps, own) if own else caps


def _with(caps: Caps, row: SiteAllowance | MakerAllowance) -> Caps:
    said = {one.name: getattr(row, one.name, None) for one in fields(Caps)}
    return replace(caps, **{name: value for name, value in said.items() if value is not None})


# --- what is asked for ------------------------------------------------------------------------------------------


def count_maker(address: str) -> None:
    """A new maker, from this block of addresses. Raises Enough."""
    caps = of()
    with transaction.atomic():
        take([
            *_of_address(What.MAKERS, address, caps.address_makers_per_day, DAY),
            Taken(What.MAKERS, SITE, caps.site_makers_per_day, DAY),
        ])  # fmt: skip


def count_making(maker: Maker, address: str, size: int, *, waits: bool = True) -> None:
    """A Job of this maker with `size` bytes of files. Raises Enough; only inside a transaction that holds the maker.

    `waits`: it goes into the line, which must have a place for it.
    """
    caps = of(maker)
    _keep(maker, caps, size)
    take([*_files(maker, address, caps, size), *_jobs(maker, address, caps)])
    if waits:
        _line(caps)


def count_run(visitor: Maker, address: str, card: Card | None, size: int) -> None:
    """A run of a tool on `size` bytes of files. Raises Enough; only inside a transaction that holds the visitor."""
    caps = of(visitor)
    _keep(visitor, caps, size)
    take([*_files(visitor, address, caps, size), *_runs(visitor, address, card, caps)])
    Count.objects.select_for_update().filter(what=What.JOBS, who=SITE, since=since(DAY)).first()
    _line(caps)


def look(maker: Maker | None, address: str, size: int) -> None:
    """Raises Enough where a Job with `size` bytes of files would be refused; takes nothing."""
    caps = of(maker)
    look_files(maker, address, size, caps)
    _look(_jobs(maker, address, caps))


def look_files(maker: Maker | None, address: str, size: int, caps: Caps | None = None) -> None:
    """Raises Enough where `size` bytes of files would be; asked before they are kept anywhere."""
    caps = caps or of(maker)
    if maker:
        _room(maker, caps, size)
    _look(_files(maker, address, caps, size))


def _look(wanted: list[Taken]) -> None:
    now = timezone.now()
    for one in wanted:
        if one.most is not None and used(one, now) + one.more > one.most:
            raise refusal(one, now)


def count_password(address: str) -> None:
    """A password of the admin, from this block of addresses. Raises Enough.

    It counts as a wrong one from before it is looked at, which takes a while: those that come side by side are all counted.
    """
    with transaction.atomic():
        take(_passwords(address))


def forget_password(address: str) -> None:
    """It was the right one."""
    for one in _passwords(address):
        rows = Count.objects.filter(what=one.what, who=one.who, since=since(one.period), used__gt=0)
        rows.update(used=F("used") - 1)


def _passwords(address: str) -> list[Taken]:
    return list(_of_address(What.PASSWORDS, address, of().address_passwords_per_hour, HOUR))


# --- shown before it hurts --------------------------------------------------------------------------------------


def near(maker: Maker | None, *, runs: bool = False) -> list[str]:
    """What this maker will soon have had enough of, in words: runs of tools, or programs and room."""
    if maker is None:
        return []
    caps, now = of(maker), timezone.now()
    one = (_runs(maker, "", None, caps) if runs else _jobs(maker, "", caps))[0]
    done, lines = used(one, now) if one.most else 0, []
    if one.most and done >= one.most * NEAR:
        lines.append(f"{done:,} of {one.most:,} {'runs this hour' if runs else 'programs and changes today'}")
    room = (caps.maker_stored_mb or 0) * MB
    kept = stored.of_maker(maker) if room and not runs else 0
    if room and kept >= room * NEAR:
        lines.append(f"{mb(kept)} of {mb(room)} kept: throw away on your shelf what you no longer need")
    return lines


def done_today() -> str:
    """What everybody together did today and keeps, for the admin."""
    today = {
        what: used(Taken(what, SITE, None, DAY), timezone.now())
        for what in (What.MAKERS, What.JOBS, What.UPLOADED)
    }
    return (
        f"programs and changes: {today[What.JOBS]:,}; new makers: {today[What.MAKERS]:,}; given: "
        f"{mb(today[What.UPLOADED])}; kept of all: {mb(stored.of_site())}"
    )


def of_day(what: What, now: datetime | None = None) -> QuerySet[Count]:
    """Today's counters of one thing, for lists."""
    return Count.objects.filter(what=what, since=since(DAY, now))


def forget() -> int:
    """Counters of past days and the secrets that their addresses were hashed with. How many."""
    today = timezone.now().astimezone(UTC).date()
    secrets, _ = DaySecret.objects.filter(day__lt=today).delete()
    gone, _ = Count.objects.filter(since__lt=timezone.now() - PAST).delete()
    return gone + secrets


# --- what counts for what ------------------------------------------------------------------------------------------


def _jobs(maker: Maker | None, address: str, caps: Caps) -> list[Taken]:
    return [
        *_of_maker(What.JOBS, maker, caps.maker_jobs_per_day, DAY),
        *_of_address(What.JOBS, address, caps.address_jobs_per_day, DAY),
        Taken(What.JOBS, SITE, caps.site_jobs_per_day, DAY),
    ]


def _runs(visitor: Maker, address: str, card: Card | None, caps: Caps) -> list[Taken]:
    return [
        *_of_maker(What.RUNS, visitor, caps.maker_runs_per_hour, HOUR),
        *([Taken(What.RUNS, f"card {card.pk}", caps.card_runs_per_hour, HOUR)] if card else []),
        *_of_address(What.RUNS, address, caps.address_runs_per_hour, HOUR),
        Taken(What.RUNS, SITE, caps.site_runs_per_hour, HOUR),
    ]


def _files(maker: Maker | None, address: str, caps: Caps, size: int) -> list[Taken]:
    if not size:
        return []
    site = caps.site_upload_mb_per_day
    return [
        *_of_maker(What.UPLOADED, maker, _bytes(caps.maker_upload_mb_per_day), DAY, size),
        *_of_address(What.UPLOADED, address, _bytes(caps.address_upload_mb_per_day), DAY, size),
        Taken(What.UPLOADED, SITE, _bytes(site), DAY, size),
    ]


def _of_maker(
    what: What, maker: Maker | None, most: int | None, period: timedelta, more: int = 1
) -> Iterator[Taken]:
    if maker:
        yield Taken(what, f"maker {maker.pk}", most, period, more)


def _of_address(
    what: What, address: str, most: int | None, period: timedelta, more: int = 1
) -> Iterator[Taken]:
    """Nothing is written about an address that nobody limits."""
    if address and most is not None:
        secret = DaySecret.of(timezone.now().astimezone(UTC).date()) + settings.SECRET_KEY
        yield Taken(what, f"address {addresses.name_of(address, secret)}", most, period, more)


# --- room and the line ------------------------------------------------------------------------------------------


def _room(maker: Maker, caps: Caps, size: int) -> None:
    if caps.maker_stored_mb is not None:
        kept, most = stored.of_maker(maker), caps.maker_stored_mb * MB
        if kept + size > most or kept >= most:
            raise Enough(
                f"What is kept of you here takes {mb(kept)} of {mb(most)}{besides(size)}. Throw away on your shelf what "
                "you no longer need: 24 hours later there is room again. Results of tools go by themselves after a day."
            )  # fmt: skip
    if caps.site_stored_mb is not None and stored.of_site() + size > caps.site_stored_mb * MB:
        raise Enough(FULL, 3600)


FULL = "This server is full. What you made is safe. Try again tomorrow, or tell its admins."


def _keep(maker: Maker, caps: Caps, size: int) -> None:
    """Raises Enough when there is no room for `size` more bytes; the site's sum has them from here on."""
    _room(maker, caps, size)
    if size:
        rows = Kept.objects.filter(who=SITE)
        if caps.site_stored_mb is not None:
            Kept.objects.bulk_create([Kept(who=SITE, measured=timezone.now())], ignore_conflicts=True)
            rows = rows.filter(size__lte=caps.site_stored_mb * MB - size)
        if not rows.update(size=F("size") + size) and caps.site_stored_mb is not None:
            raise Enough(FULL, 3600)


def _line(caps: Caps) -> None:
    """Raises Enough when the line is full. Whoever gets here holds the site's number of Jobs."""
    if caps.site_queue is None:
        return
    waiting = Job.objects.filter(state=JobState.QUEUED).count()
    if waiting >= caps.site_queue:
        raise Enough(
            f"{waiting:,} programs and runs wait for their turn here, so I take no more just now. Try again in a few "
            "minutes; nothing of yours is lost."
        )  # fmt: skip


def _bytes(megabytes: int | None) -> int | None:
    return None if megabytes is None else megabytes * MB
