"""What is to be looked at before a Version holds it: what a recipe made while it is still being checked, of which only
the log knows; and the looks that the person is asked to pick from, which stand in the question."""

import hmac
from dataclasses import dataclass

from vibe.generation.gate import shape_of
from vibe.live import feed
from vibe.live.timeline import Timeline, fold
from vibe.models import Job
from vibe.models.program import frame_address


def address(job: Job, timeline: Timeline) -> str:
    """Where its sealed frame is; "" when there is nothing that is whole and nobody has checked."""
    return frame_address(job.seal) if _files(timeline) else ""


def by_seal(value: str) -> tuple[Job, dict[str, str]] | None:
    """The Job of this seal and the files that it names, or None."""
    first, j, number = value.partition("j")
    if not j or not number.isdecimal() or len(number) > 18:
        return None
    job = Job.objects.select_related("program").filter(pk=int(number)).first()
    if job is None:
        return None
    _, k, look = first.partition("k")
    if k:
        at = int(look) if look.isdecimal() and len(look) < 3 else 0
        open_ = looks(job)
        ours = 0 < at <= len(open_) and hmac.compare_digest(job.look_seal(at).encode(), value.encode())
        return (job, open_[at - 1].files) if ours else None
    if not hmac.compare_digest(job.seal.encode(), value.encode()):
        return None
    files = _files(fold(feed.whole(job.pk)))
    return (job, files) if files else None


@dataclass(frozen=True)
class Look:
    """One candidate. `number` from 1; `frame` is where its sealed frame is."""

    number: int
    label: str
    line: str
    files: dict[str, str]
    frame: str


def looks(job: Job) -> list[Look]:
    """The candidates that the person is asked to pick from; [] when no such question is open."""
    asked = job.steps.filter(void=False, answer__isnull=True, kind="question", purpose="look").first()
    if asked is None or job.is_over:
        return []
    return [
        Look(at, choice["label"], choice["line"], files, frame_address(job.look_seal(at)))
        for at, (choice, files) in enumerate(
            zip(asked.request["choices"], asked.request["looks"], strict=False), 1
        )
    ]


def _files(timeline: Timeline) -> dict[str, str]:
    """The files of a page; its index.html is shown last, so that the others are there by then."""
    if not timeline.recipe or timeline.version or timeline.is_over:
        return {}
    page = timeline.file("index.html")
    files = {file.path: file.text for file in timeline.files}
    return files if page and not page.open and shape_of(files) == "page" else {}
