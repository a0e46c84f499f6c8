"""How much one person may have going at once, so that the machine stays everybody's. Waiting for them does not count."""

from vibe import jobs
from vibe.choices import JobKind, JobState
from vibe.models import Job, Maker

AT_ONCE = 5
WORKING = (JobState.QUEUED, JobState.RUNNING)


def of_making(maker: Maker, does: str, target: str, once: str) -> str:
    """Why this maker cannot begin another Job now, or "". The same form sent again is no other."""
    mine = Job.objects.filter(maker=maker, state__in=WORKING).exclude(kind=JobKind.RUN)
    if mine.count() < AT_ONCE or _known(maker, does, target, once):
        return ""
    return f"I am making {AT_ONCE} things for you already. Wait until one is done, or stop one on its page."


def of_running(visitor: Maker, target: str, once: str) -> str:
    """Why this visitor cannot start another run now, or ""."""
    mine = Job.objects.filter(maker=visitor, state__in=WORKING, kind=JobKind.RUN)
    if mine.count() < AT_ONCE or _known(visitor, "run", target, once):
        return ""
    return f"{AT_ONCE} runs of yours are not done yet. Wait until one is, then start this one."


def _known(maker: Maker, does: str, target: str, once: str) -> bool:
    return Job.objects.filter(once=jobs.once_key(maker, does, target, once)).exists()
