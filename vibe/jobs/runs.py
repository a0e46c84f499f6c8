"""Runs: one execution of a tool on somebody's own input, whose files are forgotten after a day."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from sandbox.outcome import Outcome
from vibe import events, limits
from vibe.choices import JobKind, JobState
from vibe.jobs.enough import Enough, lock, take_run
from vibe.jobs.rows import HELD, new_job, once_key, wake
from vibe.jobs.uploads import write
from vibe.live import feed
from vibe.models import Card, Job, Maker, Program, Run, RunFile, Version
from vibe.models.run import TRIED


def run(
    version: Version,
    visitor: Maker,
    *,
    values: dict[str, Any],
    files: Mapping[str, bytes],
    once: str,
    card: Card | None = None,
    address: str = "",
) -> Run:
    """One execution of a tool on a visitor's own input. `files` are {name in the box: bytes}, kept 24 hours.

    `address`: the block of network addresses it came from. Raises Enough.
    """
    once = once_key(visitor, "run", str(version.pk), once)
    if existing := Run.objects.filter(job__once=once).first():
        return existing
    size, laid = sum(len(data) for data in files.values()), list[RunFile]()
    try:
        limits.look_files(visitor, address, size)
        laid = _lay(files)
        with transaction.atomic():
            lock(visitor)
            take_run(visitor, address, card, size)
            job = new_job(visitor, None, JobKind.RUN, once, shape=version.shape)
            made = Run.objects.create(version=version, card=card, visitor=visitor, job=job, values=values)
            for row in laid:
                row.run = made
            RunFile.objects.bulk_create(laid)
    except BaseException as problem:
        for row in laid:
            row.path.unlink(missing_ok=True)
        if not isinstance(problem, IntegrityError | Enough):
            raise
        if existing := Run.objects.filter(job__once=once).first():
            return existing
        raise
    wake(job)
    return made


def keep_run(
    version: Version, maker: Maker, *, values: dict[str, Any], files: Mapping[str, bytes], outcome: Outcome,
    sentence: str, once: str,
) -> None:  # fmt: skip
    """A run that is over already: the making of a tool tried it on its maker's file. Kept once, for 24 hours."""
    state, now = JobState.DONE if outcome.ok else JobState.FAILED, timezone.now()
    try:
        with transaction.atomic():
            job = new_job(
                maker, None, JobKind.RUN, once_key(maker, "try", str(version.pk), once), request=TRIED, shape=version.shape, state=state,
                sentence=sentence[:400], started=now, ended=now,
            )  # fmt: skip
            made = Run.objects.create(
                version=version, visitor=maker, job=job, values=values, outcome=outcome.as_json()
            )
            for name, data in files.items():
                keep_run_file(made, name, data, made=False)
            for artifact in outcome.artifacts:
                keep_run_file(made, artifact.name, artifact.data, made=True)
            for stream, text in (("stdout", outcome.stdout), ("stderr", outcome.stderr)):
                if text:
                    feed.publish_now(job.pk, events.Output(stream, text))
            feed.publish_now(job.pk, events.RunEnded(outcome.as_json()))
            feed.publish_now(job.pk, events.StateChanged(state, sentence))
    except IntegrityError:
        return  # a worker that was lost kept it already


def _lay(files: Mapping[str, bytes]) -> list[RunFile]:
    """Write the bytes before any row: a hundred megabytes must not hold the database meanwhile."""
    rows = [RunFile(name=name, size=len(data), made=False) for name, data in files.items()]
    for row, data in zip(rows, files.values(), strict=True):
        write(row.path, (data,))
    return rows


def keep_run_file(run_: Run, name: str, data: bytes, *, made: bool) -> RunFile:
    """Store one file of a run under a random name of ours."""
    row = RunFile(run=run_, name=name, size=len(data), made=made)
    write(row.path, (data,))
    row.save()
    return row


def runs_of(program: Program) -> QuerySet[Run]:
    """Every run of a version of this program, its maker's and its visitors'."""
    return Run.objects.filter(version__program=program)


def forget_old_runs() -> int:
    """Delete runs past their day, files first. How many."""
    gone = 0
    over = Run.objects.filter(expires__lt=timezone.now()).exclude(job__state__in=HELD)
    for run_ in over.prefetch_related("files")[:200]:
        for row in run_.files.all():
            row.path.unlink(missing_ok=True)
        taken, _ = Job.objects.filter(pk=run_.job_id).delete()  # takes the run and its events with it
        gone += taken > 0  # else somebody else was quicker
    return gone
