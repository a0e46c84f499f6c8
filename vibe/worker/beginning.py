"""What a Job starts from: fixed when it first runs, read the same by every replay."""

from vibe.generation import flow
from vibe.generation.drive import Entry
from vibe.generation.request import Base, Request, Upload
from vibe.generation.steps import Json
from vibe.models import Job, Version
from vibe.models import Upload as UploadRow

HEAD = 64 * 1024  # bytes of an upload that are read for its summary


def settle_start(job: Job) -> bool:
    """What the Job starts from is fixed when it first runs, so that a replay starts from the same. Whether it is begun
    anew: what it did was asked for by another flow."""
    anew = bool(job.flow) and job.flow != flow.FLOW
    if anew:
        job.steps.update(void=True)
        job.flow = ""
    if not job.flow:
        job.flow = flow.FLOW
        if not job.files:  # who edits by hand started from a version that they saw
            job.base = job.program.current if job.program else None
        job.save(update_fields=["flow", "base"])
    return anew


def journal(job: Job) -> dict[str, Entry]:
    """{number of the step: what was asked and answered}, of this try."""
    rows = job.steps.filter(void=False, answer__isnull=False).values_list("number", "fingerprint", "answer")
    return {number: Entry(fingerprint, answer) for number, fingerprint, answer in rows}


def request_of(job: Job) -> Request:
    """Everything that the generation may know of the Job."""
    program, base = job.program, job.base
    assert program
    earlier = program.jobs.filter(pk__lt=job.pk).order_by("pk").values_list("request", flat=True)
    uploads = [_head(row, earlier=row.job_id != job.pk) for row in program.uploads.filter(job__pk__lte=job.pk)]
    return Request(
        description=job.request,
        shape=job.shape,
        salt=job.once,
        recipe=job.recipe,
        slots=job.slots,
        uploads=tuple(uploads),
        history=tuple(earlier) if base else (),
        last_run=_last_run(base),
        without=tuple(job.without),
        files=job.files,
        pointed=job.pointed,
        settled=job.settled,
        foreign=program.foreign,
        base=Base(
            files=base.files,
            shape=base.shape,
            title=program.title,
            verdict=base.verdict,
            failing=base.broken,
            checks=base.checks,
            results=base.results,
            recipe=base.recipe,
            slots=base.slots,
        )
        if base
        else None,
    )


def _last_run(base: Version | None) -> Json:
    """What the last run showed that the base was checked with; a visitor's own runs are nobody's business."""
    if base is None or base.job is None:
        return {}
    runs = base.job.steps.filter(void=False, kind="run", answer__isnull=False, request__why="candidate")
    ran = runs.order_by("order").last()
    return ran.answer if ran else {}


def _head(row: UploadRow, *, earlier: bool) -> Upload:
    if not row.path.exists():
        return Upload(row.name, row.size, b"", earlier)
    with row.path.open("rb") as source:
        return Upload(row.name, row.size, source.read(HEAD), earlier)
