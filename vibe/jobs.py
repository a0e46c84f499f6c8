"""Jobs: begun, claimed, answered, stopped, ended. The only writer of Job.state, always by conditional update.

A Job is leased to one worker. The lease is extended each second; a sweep queues again what lost its worker.
Brokers may lose a wake-up message, rows may not.
"""

import hashlib
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from vibe import celery, events
from vibe.choices import Autonomy, JobKind, JobState
from vibe.generation import context
from vibe.generation.difference import difference, in_words
from vibe.live import feed
from vibe.live.bell import control
from vibe.models import Card, Job, Maker, Program, Run, RunFile, StepRecord, Upload, Version

TWIN_S = 10  # two tabs with one wish are one wish
LEASE_S = 4.0  # measured: kill -9 to a running successor 4.0–4.3 s
HELD = (JobState.QUEUED, JobState.RUNNING, JobState.WAITING)

FileIn = tuple[str, Iterable[bytes]]  # a cleaned name and its bytes in chunks


class NotNow(Exception):
    """Raised when a command comes at a time when it means nothing; `sentence` says so to the person."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


# --- beginning --------------------------------------------------------------------------------------------------


def begin(
    maker: Maker,
    *,
    description: str,
    shape: str,
    autonomy: str,
    effort: str,
    once: str,
    uploads: Iterable[FileIn] = (),
    recipe: str = "",
    slots: Mapping[str, Any] | None = None,
    lease: str = "",
) -> Job:
    """A new Program with its first Job. The same `once` of the same maker gives the first Job again.

    `lease`: make the Job already leased to that owner (the terminal runs it itself).
    """
    once = _once(maker, once)
    if existing := Job.objects.filter(once=once).first():
        return existing
    uploads = list(uploads)
    try:
        with transaction.atomic():
            wish = {
                "request": description,
                "shape": shape,
                "autonomy": autonomy,
                "effort": effort,
                "recipe": recipe,
            }
            if not uploads and (twin := _just_sent(maker, wish)):
                return twin
            program = Program.objects.create(
                maker=maker, title=context.title_from(description), description=description
            )
            job = _new_job(
                maker, program, JobKind.MAKE, once, description, shape, autonomy, effort,
                recipe=recipe, slots=dict(slots or {}), lease=lease,
            )  # fmt: skip
            _store_uploads(job, uploads)
    except IntegrityError:  # the same form, sent twice at once: the other one won
        return Job.objects.get(once=once)
    _wake(job)
    return job


def _just_sent(maker: Maker, wish: Mapping[str, str]) -> Job | None:
    """The same wish from another tab a moment ago, while nothing has come of it yet."""
    since = timezone.now() - timedelta(seconds=TWIN_S)
    return Job.objects.filter(maker=maker, kind=JobKind.MAKE, state__in=HELD, created__gt=since, **wish).first()


def change(
    program: Program,
    *,
    description: str,
    autonomy: str,
    effort: str,
    once: str,
    uploads: Iterable[FileIn] = (),
    slots: Mapping[str, Any] | None = None,
    shape: str = "",
    lease: str = "",
    pointed: str = "",
) -> Job:
    """A later request about `program`; it starts from the current version when its turn comes.

    `pointed`: what the person pointed at in the preview, in words (generation.pointed).
    """
    once = _once(program.maker, once)
    if existing := Job.objects.filter(once=once).first():
        return existing
    first = program.jobs.order_by("id").first()
    shape = shape or (program.current.shape if program.current else (first.shape if first else "auto"))
    kind = JobKind.CHANGE if program.current else JobKind.MAKE
    try:
        with transaction.atomic():
            job = _new_job(
                program.maker, program, kind, once, description, shape, autonomy, effort,
                slots=dict(slots or {}), lease=lease, pointed=pointed,
            )  # fmt: skip
            _store_uploads(job, uploads)
    except IntegrityError:
        return Job.objects.get(once=once)
    _wake(job)
    return job


def edit(program: Program, *, files: Mapping[str, str], base: int, once: str) -> Job:
    """A change that the person made by hand: `files` are all files of the program, which are only checked.

    `base` is the number of the version that the person started from. Raises NotNow when another one is current,
    when something is being made, and when nothing differs: nobody's work is overwritten silently.
    """
    once = _once(program.maker, once)
    if existing := Job.objects.filter(once=once).first():
        return existing
    try:
        with transaction.atomic():
            now = Program.objects.select_for_update().get(pk=program.pk).current
            if now is None or now.number != base:
                raise NotNow(_moved_on(base, now))
            if busy(program):
                raise NotNow(
                    "I am working on this program now. Stop me or wait until I am done, then keep your text: it is still here."
                )
            found = difference(now.files, files)
            if not found:
                raise NotNow(f"Nothing differs from version {base}. Change something, or leave it as it is.")
            last = program.jobs.order_by("-pk").first()
            assert last  # a program begins with a Job
            job = _new_job(
                program.maker, program, JobKind.CHANGE, once, f"Edited by hand. {in_words(found)}", now.shape,
                last.autonomy, last.effort, files=dict(files), base=now,
            )  # fmt: skip
    except IntegrityError:
        return Job.objects.get(once=once)
    _wake(job)
    return job


def _moved_on(base: int, now: Version | None) -> str:
    if now is None:
        return "There is no version to start from any more. Your text is still here: copy what you need."
    return (
        f"You started from version {base}, and version {now.number} is the current one now. Nothing is lost: your text "
        "is still here. Look at what changed, then keep yours over it or copy what you need."
    )


def busy(program: Program) -> bool:
    """Whether something is being made of this program, or waits to be."""
    return program.jobs.filter(state__in=HELD).exists()


def run(
    version: Version,
    visitor: Maker,
    *,
    values: dict[str, Any],
    files: Mapping[str, bytes],
    once: str,
    card: Card | None = None,
) -> Run:
    """One execution of a tool on a visitor's own input. `files` are {name in the box: bytes}, kept 24 hours."""
    once = _once(visitor, once)
    if existing := Run.objects.filter(job__once=once).first():
        return existing
    try:
        with transaction.atomic():
            job = _new_job(visitor, None, JobKind.RUN, once, "", version.shape, Autonomy.MAKE, "normal")
            made = Run.objects.create(version=version, card=card, visitor=visitor, job=job, values=values)
            for name, data in files.items():
                keep_run_file(made, name, data, made=False)
    except IntegrityError:
        return Run.objects.get(job__once=once)
    _wake(job)
    return made


def keep_run_file(run_: Run, name: str, data: bytes, *, made: bool) -> RunFile:
    """Store one file of a run under a random name of ours."""
    row = RunFile(run=run_, name=name, size=len(data), made=made)
    _write(row.path, (data,))
    row.save()
    return row


def _new_job(
    maker: Maker,
    program: Program | None,
    kind: str,
    once: str,
    request: str,
    shape: str,
    autonomy: str,
    effort: str,
    *,
    lease: str = "",
    **extra: Any,
) -> Job:
    job = Job(
        maker=maker, program=program, kind=kind, once=once, request=request, shape=shape,
        autonomy=autonomy, effort=effort, **extra,
    )  # fmt: skip
    if lease:
        job.lease_owner, job.lease_until, job.attempt = lease, time.time() + LEASE_S, 1
        job.state, job.started = JobState.RUNNING, timezone.now()
    job.save(force_insert=True)
    return job


def _once(maker: Maker, once: str) -> str:
    """The key of a form belongs to its maker: nobody can meet another's Job by guessing it."""
    return hashlib.sha256(f"{maker.pk}:{once}".encode()).hexdigest()


def _store_uploads(job: Job, uploads: Iterable[FileIn]) -> None:
    for name, chunks in uploads:
        row = Upload(program=job.program, job=job, name=name, size=0)
        row.size = _write(row.path, chunks)
        row.save()


def _write(path: Path, chunks: Iterable[bytes]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with path.open("xb") as out:
        for chunk in chunks:
            size += out.write(chunk)
    return size


def _wake(job: Job) -> None:
    if job.state == JobState.QUEUED:
        transaction.on_commit(lambda: celery.wake(job.pk))


# --- the lease --------------------------------------------------------------------------------------------------


def claim(owner: str, *, only: int | None = None) -> Job | None:
    """The next queued Job, leased to `owner`, or None. `only`: this one and no other (the terminal's own).

    Fair: the maker with the fewest running Jobs first, then the oldest. One Job of a program runs at a time.
    """
    busy_makers: dict[str, int] = {}
    busy_programs = set()
    for maker_id, program_id in Job.objects.filter(state=JobState.RUNNING).values_list(
        "maker_id", "program_id"
    ):
        busy_makers[maker_id] = busy_makers.get(maker_id, 0) + 1
        busy_programs.add(program_id)
    busy_programs.discard(None)
    queued = Job.objects.filter(state=JobState.QUEUED).exclude(program_id__in=busy_programs)
    if only is not None:
        queued = queued.filter(pk=only)
    order = sorted(
        queued.values_list("pk", "maker_id")[:200], key=lambda row: (busy_makers.get(row[1], 0), row[0])
    )
    for pk, _ in order:
        won = Job.objects.filter(pk=pk, state=JobState.QUEUED).update(
            state=JobState.RUNNING, lease_owner=owner, lease_until=time.time() + LEASE_S, sentence=""
        )
        if won:
            job = Job.objects.select_related("maker", "program__current").get(pk=pk)
            job.attempt += 1
            job.started = job.started or timezone.now()
            job.save(update_fields=["attempt", "started"])
            return job
    return None


def beat(owner: str, job_ids: Iterable[int]) -> dict[int, bool]:
    """Extend the leases of `owner`. {id: whether a stop was asked} for those that it still holds."""
    held = Job.objects.filter(pk__in=list(job_ids), lease_owner=owner, state=JobState.RUNNING)
    held.update(lease_until=time.time() + LEASE_S)
    return dict(held.values_list("pk", "stop_asked"))


def sweep() -> int:
    """Queue again what lost its worker, and wake workers for what waits. How many were queued again."""
    lost = Job.objects.filter(state=JobState.RUNNING, lease_until__lt=time.time()).update(
        state=JobState.QUEUED, lease_owner="", interrupted=True
    )
    for pk in Job.objects.filter(state=JobState.QUEUED).values_list("pk", flat=True)[:50]:
        celery.wake(pk)
    return lost


def hand_back(job: Job) -> None:
    """The worker ends: the Job goes back into the line and goes on where it was."""
    _move(job, (JobState.RUNNING,), JobState.QUEUED, owner=job.lease_owner, lease_owner="", interrupted=True)


# --- the person's commands --------------------------------------------------------------------------------------


def open_step(job: Job) -> StepRecord | None:
    """The plan or the question that the Job waits on."""
    return job.steps.filter(void=False, answer__isnull=True, kind__in=("approve", "question")).first()


def answer(job: Job, data: Mapping[str, Any]) -> None:
    """Give the open plan or question its answer and let the Job go on. Raises NotNow when nothing is open."""
    step = open_step(job) if job.state == JobState.WAITING else None
    if step is None:
        raise NotNow("That was answered already, or the making has ended.")
    if step.kind == "question":
        values = {c["value"]: c for c in step.request["choices"]}
        if data.get("choice") not in values:
            raise NotNow("Choose one of the answers first.")
        given: dict[str, Any] = {"choice": data["choice"]}
        line = values[data["choice"]]["label"]
    else:
        yes = bool(data.get("yes"))
        given = {
            "yes": yes,
            "proposal": {"steps": list(data.get("steps") or step.request["proposal"]["steps"])},
        }
        line = "You said go." if yes else "You left it."
    with transaction.atomic():
        if not StepRecord.objects.filter(pk=step.pk, answer__isnull=True).update(answer=given):
            raise NotNow("That was answered already.")
        if not _move(job, (JobState.WAITING,), JobState.QUEUED, sentence=""):
            raise NotNow("The making has ended in the meantime.")
    about = step.request["about"]
    feed.publish_now(job.pk, events.Answered(about, line))
    feed.publish_now(job.pk, events.StateChanged(JobState.QUEUED))
    celery.wake(job.pk)


def stop(job: Job) -> None:
    """Stop within a second, whatever it is doing; what there is stays. Doing it twice is harmless."""
    Job.objects.filter(pk=job.pk, state__in=HELD).update(stop_asked=True)
    sentence = "You stopped it. What there was is kept."
    if _move(
        job, (JobState.QUEUED, JobState.WAITING), JobState.STOPPED, sentence=sentence, ended=timezone.now()
    ):
        feed.publish_now(job.pk, events.StateChanged(JobState.STOPPED, sentence))
        return
    control.stop(job.pk)


def set_autonomy(job: Job, value: str) -> None:
    """Move the dial in mid-run: it counts from the next step on. Raises ValueError for no stop of the dial."""
    Job.objects.filter(pk=job.pk, state__in=HELD).update(autonomy=Autonomy(value))


# --- ends -------------------------------------------------------------------------------------------------------


def wait_for_person(job: Job) -> bool:
    return _move(job, (JobState.RUNNING,), JobState.WAITING, owner=job.lease_owner, lease_owner="")


def end(job: Job, state: JobState, sentence: str, fault_ref: str = "") -> bool:
    """The worker's last word. False when the lease was lost: somebody else speaks for this Job now."""
    return _move(
        job, (JobState.RUNNING,), state, owner=job.lease_owner,
        sentence=sentence[:400], fault_ref=fault_ref, ended=timezone.now(), lease_owner="",
    )  # fmt: skip


def _move(job: Job, before: tuple[str, ...], after: str, *, owner: str | None = None, **fields: Any) -> bool:
    who = Q(pk=job.pk, state__in=before)
    if owner is not None:
        who &= Q(lease_owner=owner)
    moved = Job.objects.filter(who).update(state=after, **fields) == 1
    if moved:
        job.refresh_from_db()
    return moved


def forget_old_runs() -> int:
    """Delete runs past their day, files first. How many."""
    gone = 0
    for run_ in Run.objects.filter(expires__lt=timezone.now()).prefetch_related("files")[:200]:
        for row in run_.files.all():
            row.path.unlink(missing_ok=True)
        run_.job.delete()  # takes the run and its events with it
        gone += 1
    return gone


def folder(name: str) -> Path:
    """A folder under var, made when missing."""
    path = Path(settings.VAR) / name
    path.mkdir(parents=True, exist_ok=True)
    return path
