"""What a recipe made, to be looked at while it is still being checked: no Version holds it yet, only the log does."""

import hmac

from vibe.generation.gate import shape_of
from vibe.live import feed
from vibe.live.timeline import Timeline, fold
from vibe.models import Job
from vibe.models.program import frame_address


def address(job: Job, timeline: Timeline) -> str:
    """Where its sealed frame is; "" when there is nothing that is whole and nobody has checked."""
    return frame_address(job.seal) if _files(timeline) else ""


def by_seal(value: str) -> tuple[Job, dict[str, str]] | None:
    """The Job of this seal and the files that are being checked, or None."""
    _, j, number = value.partition("j")
    if not j or not number.isdecimal() or len(number) > 18:
        return None
    job = Job.objects.select_related("program").filter(pk=int(number)).first()
    if job is None or not hmac.compare_digest(job.seal.encode(), value.encode()):
        return None
    files = _files(fold(feed.whole(job.pk)))
    return (job, files) if files else None


def _files(timeline: Timeline) -> dict[str, str]:
    """The files of a page; its index.html is shown last, so that the others are there by then."""
    if not timeline.recipe or timeline.version or timeline.is_over:
        return {}
    page = timeline.file("index.html")
    files = {file.path: file.text for file in timeline.files}
    return files if page and not page.open and shape_of(files) == "page" else {}
