"""How much one person may have going at once and cause in a day, so that the machine stays everybody's.

Waiting for the person does not count. The limits of hours and days, of addresses and of the site are vibe.limits.
"""

from django.db.models import QuerySet

from vibe import limits
from vibe.choices import JobKind, JobState
from vibe.limits import Enough
from vibe.models import Card, Job, Maker

WHILE_S = 20  # what is being made now is done after about so long


def room_for_making(maker: Maker, address: str, size: int) -> None:
    """Raises Enough; asked before `size` bytes of files are kept anywhere. It takes nothing."""
    _at_once(maker)
    limits.look(maker, address, size)


def take_making(maker: Maker, address: str, size: int) -> None:
    """Raises Enough. Inside the transaction that begins another making it holds for forms sent side by side, too."""
    _at_once(maker)
    limits.count_making(maker, address, size)


def take_run(visitor: Maker, address: str, card: Card | None, size: int) -> None:
    """The same for runs of tools."""
    most = limits.of(visitor).maker_at_once
    if most is not None and _going(visitor).filter(kind=JobKind.RUN).count() >= most:
        raise Enough(f"{most} runs of yours are not done yet. Wait until one is, then start this one.", WHILE_S)
    limits.count_run(visitor, address, card, size)


def take_answer(maker: Maker) -> None:
    """Raises Enough. What waited for this person goes on, and counts among what is being made from here on."""
    lock(maker)
    _at_once(maker)


def take_copy(maker: Maker, address: str) -> None:
    """The same for a copy that is there at once: a remix, an earlier version brought back."""
    lock(maker)
    limits.count_making(maker, address, 0, waits=False)


def lock(maker: Maker) -> None:
    """What this person begins meanwhile waits for the end of this transaction. SQLite has one writer at a time anyway."""
    Maker.objects.select_for_update().get(pk=maker.pk)


def _at_once(maker: Maker) -> None:
    most = limits.of(maker).maker_at_once
    if most is not None and _going(maker).exclude(kind=JobKind.RUN).count() >= most:
        raise Enough(
            f"I am making {most} {'thing' if most == 1 else 'things'} for you already. Wait until one is done, or stop one on its page.",
            WHILE_S,
        )


def _going(maker: Maker) -> QuerySet[Job]:
    return Job.objects.filter(maker=maker, state__in=(JobState.QUEUED, JobState.RUNNING))
