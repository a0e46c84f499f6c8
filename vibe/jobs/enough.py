"""How much one person may have going at once, so that the machine stays everybody's. Waiting for them does not count."""

from django.db.models import QuerySet

from vibe.choices import JobKind, JobState
from vibe.jobs.rows import NotNow
from vibe.models import Job, Maker

AT_ONCE = 5


class Enough(NotNow):
    """Raised when this person has as much going as they may."""


def room_for_making(maker: Maker) -> None:
    """Raises Enough. Inside the transaction that begins another making it holds for forms sent side by side, too."""
    if _going(maker).exclude(kind=JobKind.RUN).count() >= AT_ONCE:
        raise Enough(
            f"I am making {AT_ONCE} things for you already. Wait until one is done, or stop one on its page."
        )


def room_for_running(visitor: Maker) -> None:
    """The same for runs of tools."""
    if _going(visitor).filter(kind=JobKind.RUN).count() >= AT_ONCE:
        raise Enough(f"{AT_ONCE} runs of yours are not done yet. Wait until one is, then start this one.")


def lock(maker: Maker) -> None:
    """What this person begins meanwhile waits for the end of this transaction. SQLite has one writer at a time anyway."""
    Maker.objects.select_for_update().get(pk=maker.pk)


def _going(maker: Maker) -> QuerySet[Job]:
    return Job.objects.filter(maker=maker, state__in=(JobState.QUEUED, JobState.RUNNING))
