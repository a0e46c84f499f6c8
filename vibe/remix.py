"""Remix: a card becomes the first version of a Program of whoever opened it. The card and its maker notice nothing.

What somebody else wrote stays a stranger's text for as long as the program lives: models read it between fences only,
and never when they write checks. What its maker had confirmed is confirmed by nobody here.
"""

from django.db import IntegrityError, transaction
from django.utils import timezone

from vibe import cards, events, recipes
from vibe.choices import NOT_AS_ASKED, JobKind, JobState, Origin
from vibe.generation.checks.results import for_others
from vibe.generation.steps import Json
from vibe.jobs.enough import Enough, take_copy
from vibe.jobs.rows import new_job, once_key
from vibe.live import feed
from vibe.models import Card, Job, Maker, Program, Version


def remix(card: Card, maker: Maker, once: str, *, address: str = "") -> Program:
    """A Program of `maker` that begins as what `card` shows now. The same `once` gives the same Program again.

    `address`: the block of network addresses it came from. Raises Enough.
    """
    once = once_key(maker, "remix", str(card.pk), once)
    try:
        with transaction.atomic():
            take_copy(maker, address)
            return _begin(card, maker, once)
    except (IntegrityError, Enough):
        before = Job.objects.select_related("program").filter(once=once).first()
        if before and before.program:  # the same form again
            return before.program
        raise


def _begin(card: Card, maker: Maker, once: str) -> Program:
    foreign = card.maker_id != maker.pk or card.program.foreign
    program = Program.objects.create(
        maker=maker, title=card.title, description=card.asked, remixed_from=card, foreign=foreign
    )
    sentence, now = f"Remixed from {whose(program)}.", timezone.now()
    job = new_job(
        maker, program, JobKind.MAKE, once, request=card.asked, shape=card.version.shape, state=JobState.DONE,
        sentence=sentence, started=now, ended=now,
    )  # fmt: skip
    unsure = {
        "results": _unconfirmed(for_others(card.version.results)),
        "checks": _unconfirmed(card.version.checks),
        # To settle it is to say the stranger's sentences as one's own.
        "measures": {
            name: value for name, value in card.version.measures.items() if name not in {"unsettled", "aside"}
        },
    }
    version = cards.copy_version(
        card.version, program, 1, origin=Origin.CARD, summary=sentence, job=job, **(unsure if foreign else {})
    )
    _tell(job, version, sentence)
    return program


def _tell(job: Job, version: Version, sentence: str) -> None:
    """What a page of this Job shows: the log is all that it is folded from."""
    published = cards.publish(version)
    assert published, "a program that was just copied has no card that could have been taken down"
    own, stale = published
    recipe = next((r for r in recipes.catalog() if r.slug == version.recipe), None)
    ticks = {name: value for name, value in version.measures.items() if name in NOT_AS_ASKED}
    for event in (
        *([events.RecipeUsed(recipe.slug, recipe.name, [], [])] if recipe else []),
        events.Said(
            f"{sentence} Say what to change: it is yours now, and the card you came from stays as it is."
        ),
        events.Checked(version.verdict, version.results, version.not_checked, ticks),
        events.VersionMade(version.number, version.shape, version.verdict, sentence),
        events.CardMade(own.pk, version.number, stale),
        events.StateChanged(JobState.DONE, sentence),
    ):
        feed.publish_now(job.pk, event)


def whose(program: Program) -> str:
    """ "a card of somebody else" or "a card of yours": whose text a remixed program began as."""
    return "a card of somebody else" if program.foreign else "a card of yours"


def _unconfirmed(rows: list[Json]) -> list[Json]:
    return [{**row, "confirmed": False} if row.get("confirmed") else row for row in rows]
