"""Jobs: begun, claimed, answered, stopped, ended. The only writer of Job.state, always by conditional update.

A Job is leased to one worker. The lease is extended each second; a sweep queues again what lost its worker.
Brokers may lose a wake-up message, rows may not.
"""

import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Min, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from sandbox.outcome import Outcome
from vibe import celery, events
from vibe.choices import Autonomy, JobKind, JobState
from vibe.generation import context
from vibe.generation.difference import difference, in_words
from vibe.live import feed
from vibe.live.bell import control
from vibe.models import Card, Job, Maker, Program, Run, RunFile, StepRecord, Upload, Version
from vibe.models.run import TRIED

TWIN_S = 10  # two tabs with one wish are one wish
LEASE_S = 4.0  # measured: kill -9 to a running successor 4.0–4.3 s
HELD = (JobState.QUEUED, JobState.RUNNING, JobState.WAITING)

FileIn = tuple[str, Iterable[bytes]]  # a cleaned name and its bytes in chunks
Staged = list[tuple[str, int, str]]  # name, size, and the key under which the bytes lie already


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
    once = once_key(maker, "make", "", once)
    if existing := Job.objects.filter(once=once).first():
        return existing
    staged = _stage(uploads)
    wish = {
        "request": description, "shape": shape, "autonomy": autonomy, "effort": effort, "recipe": recipe,
        "slots": dict(slots or {}),
    }  # fmt: skip
    try:
        with transaction.atomic():
            if not lease and (twin := _just_sent(maker, JobKind.MAKE, wish, staged)):
                _unstage(staged)
                return twin
            program = Program.objects.create(
                maker=maker, title=context.title_from(description), description=description
            )
            job = _new_job(maker, program, JobKind.MAKE, once, **wish, lease=lease)
            _keep_uploads(job, staged)
    except IntegrityError:  # the same form, sent twice at once: the other one won
        _unstage(staged)
        return Job.objects.get(once=once)
    _wake(job)
    return job


def _just_sent(maker: Maker, kind: str, wish: Mapping[str, Any], staged: Staged, **where: Any) -> Job | None:
    """The same wish from another tab a moment ago, while nothing has come of it yet."""
    since = timezone.now() - timedelta(seconds=TWIN_S)
    files = sorted((name, size) for name, size, _ in staged)
    twins = Job.objects.filter(
        maker=maker, kind=kind, state__in=HELD, created__gt=since, request=wish["request"], **where
    )
    for twin in twins:
        same = all(getattr(twin, name) == value for name, value in wish.items())
        if same and sorted(twin.uploads.values_list("name", "size")) == files:
            return twin
    return None


def change(
    program: Program,
    *,
    description: str,
    autonomy: str,
    effort: str,
    once: str,
    uploads: Iterable[FileIn] = (),
    recipe: str = "",
    slots: Mapping[str, Any] | None = None,
    without: Iterable[str] = (),
    shape: str = "",
    lease: str = "",
    pointed: str = "",
) -> Job:
    """A later request about `program`; it starts from the current version when its turn comes.

    `recipe`: its settings `slots` are changed, and no model is asked.
    `without`: names of parts that the model is not to read (generation.reading.Part.name). `pointed`: what the person
    pointed at in the preview, in words (generation.pointed).
    """
    once = once_key(program.maker, "change", program.pk, once)
    if existing := Job.objects.filter(once=once).first():
        return existing
    staged = _stage(uploads)
    first = program.jobs.order_by("id").first()
    shape = shape or (program.current.shape if program.current else (first.shape if first else "auto"))
    kind = JobKind.CHANGE if program.current else JobKind.MAKE
    wish = {
        "request": description, "shape": shape, "autonomy": autonomy, "effort": effort, "recipe": recipe,
        "slots": dict(slots or {}),
    }  # fmt: skip
    try:
        with transaction.atomic():
            if not lease and (twin := _just_sent(program.maker, kind, wish, staged, program=program)):
                _unstage(staged)
                return twin
            job = _new_job(
                program.maker, program, kind, once, **wish, without=list(without), pointed=pointed, lease=lease
            )
            _keep_uploads(job, staged)
    except IntegrityError:
        _unstage(staged)
        return Job.objects.get(once=once)
    _wake(job)
    return job


def edit(program: Program, *, files: Mapping[str, str], base: int, once: str) -> Job:
    """A change that the person made by hand: `files` are all files of the program, which are only checked.

    `base` is the number of the version that the person started from. Raises NotNow when another one is current,
    when something is being made, and when nothing differs: nobody's work is overwritten silently.
    """
    once = once_key(program.maker, "edit", program.pk, once)
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
                program.maker, program, JobKind.CHANGE, once, request=f"Edited by hand. {in_words(found)}",
                shape=now.shape, autonomy=last.autonomy, effort=last.effort, files=dict(files), base=now,
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
    once = once_key(visitor, "run", str(version.pk), once)
    if existing := Run.objects.filter(job__once=once).first():
        return existing
    try:
        with transaction.atomic():
            job = _new_job(visitor, None, JobKind.RUN, once, shape=version.shape)
            made = Run.objects.create(version=version, card=card, visitor=visitor, job=job, values=values)
            for name, data in files.items():
                keep_run_file(made, name, data, made=False)
    except IntegrityError:
        return Run.objects.get(job__once=once)
    _wake(job)
    return made


def keep_run(
    version: Version, maker: Maker, *, values: dict[str, Any], files: Mapping[str, bytes], outcome: Outcome,
    sentence: str, once: str,
) -> None:  # fmt: skip
    """A run that is over already: the making of a tool tried it on its maker's file. Kept once, for 24 hours."""
    state, now = JobState.DONE if outcome.ok else JobState.FAILED, timezone.now()
    try:
        with transaction.atomic():
            job = _new_job(
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
    *,
    lease: str = "",
    **wish: Any,
) -> Job:
    job = Job(maker=maker, program=program, kind=kind, once=once, **wish)
    if lease:
        job.lease_owner, job.lease_until, job.attempt = _claim_of(lease), time.time() + LEASE_S, 1
        job.state, job.started = JobState.RUNNING, timezone.now()
    job.save(force_insert=True)
    return job


def once_key(maker: Maker, does: str, target: str, once: str) -> str:
    """The key of a form belongs to its maker and to what it does (make, change, run) to what: nobody can meet
    another's Job by guessing it, and a key used for two things is two keys."""
    return hashlib.sha256(f"{maker.pk}:{does}:{target}:{once}".encode()).hexdigest()


def _stage(uploads: Iterable[FileIn]) -> Staged:
    """Write the bytes before any row: a hundred megabytes must not hold the database meanwhile."""
    staged = []
    for name, chunks in uploads:
        row = Upload(name=name, size=0)
        staged.append((name, _write(row.path, chunks), row.key))
    return staged


def _unstage(staged: Staged) -> None:
    for _, _, key in staged:
        Upload(key=key).path.unlink(missing_ok=True)


def _keep_uploads(job: Job, staged: Staged) -> None:
    rows = [Upload(program=job.program, job=job, name=name, size=size, key=key) for name, size, key in staged]
    Upload.objects.bulk_create(rows)


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
    with transaction.atomic():  # SQLite lets one writer in; elsewhere the update itself looks again
        running = Job.objects.filter(state=JobState.RUNNING)
        busy_makers = Counter(running.values_list("maker_id", flat=True))
        busy_programs = running.exclude(program=None).values("program_id")
        queued = Job.objects.filter(state=JobState.QUEUED).exclude(program_id__in=busy_programs)
        if only is not None:
            queued = queued.filter(pk=only)
        # The oldest of each maker: a hundred Jobs of one must not hide the first of another.
        order = sorted(
            queued.order_by()
            .values_list("maker_id")
            .annotate(oldest=Min("pk"))
            .values_list("oldest", "maker_id"),
            key=lambda row: (busy_makers[row[1]], row[0]),
        )
        for pk, _ in order:
            free = Job.objects.filter(pk=pk, state=JobState.QUEUED).exclude(program_id__in=busy_programs)
            won = free.update(
                state=JobState.RUNNING,
                lease_owner=_claim_of(owner),
                lease_until=time.time() + LEASE_S,
                sentence="",
                attempt=F("attempt") + 1,
                started=Coalesce("started", Value(timezone.now())),
            )
            if won:
                return Job.objects.select_related("maker", "program__current").get(pk=pk)
    return None


def _claim_of(owner: str) -> str:
    """The name of one claim: a worker that claims a Job again must not be taken for its own earlier try."""
    return f"{owner}/{secrets.token_hex(4)}"


def progress(job: Job) -> None:
    """An answer was journaled: the Job is getting on, however often it was begun."""
    Job.objects.filter(pk=job.pk, lease_owner=job.lease_owner).exclude(attempt=0).update(attempt=0)


def is_held(job: Job) -> bool:
    """Whether this claim of the Job still stands."""
    return Job.objects.filter(pk=job.pk, state=JobState.RUNNING, lease_owner=job.lease_owner).exists()


def beat(claims: Mapping[str, int]) -> dict[str, tuple[bool, bool]]:
    """Extend the leases of `claims`, {name of the claim: job id}. {name: (a stop was asked, the plan was changed)}
    for those that still stand."""
    held = Job.objects.filter(
        pk__in=list(claims.values()), lease_owner__in=list(claims), state=JobState.RUNNING
    )
    held.update(lease_until=time.time() + LEASE_S)
    return {
        name: (stop_asked, plan is not None)
        for name, stop_asked, plan in held.values_list("lease_owner", "stop_asked", "plan_change")
    }


def sweep(wake: int = 50) -> int:
    """Queue again what lost its worker, and wake workers for at most `wake` that wait. How many were queued again."""
    lost = Job.objects.filter(state=JobState.RUNNING, lease_until__lt=time.time()).update(
        state=JobState.QUEUED, lease_owner="", interrupted=True
    )
    for pk in Job.objects.filter(state=JobState.QUEUED).values_list("pk", flat=True)[:wake]:
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
    elif step.request["about"] == "plan":
        yes = bool(data.get("yes"))
        given = {"yes": yes, "proposal": _edits(data)}
        line = "You said go." if yes else "You left it."
    else:
        if data.get("choice") not in {"yes", "no"}:
            raise NotNow("Choose one of the answers first.")
        given = {"yes": data["choice"] == "yes", "proposal": {}}
        line = "You said yes." if given["yes"] else "You said no."
    with transaction.atomic():  # move and words together: a worker that claims it at once must find both
        if not StepRecord.objects.filter(pk=step.pk, answer__isnull=True).update(answer=given):
            raise NotNow("That was answered already.")
        if not _move(job, (JobState.WAITING,), JobState.QUEUED, sentence=""):
            raise NotNow("The making has ended in the meantime.")
        feed.publish_now(job.pk, events.Answered(step.request["about"], line))
        feed.publish_now(job.pk, events.StateChanged(JobState.QUEUED))
    celery.wake(job.pk)


def _edits(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the person made of a plan: only what the form sent."""
    return {key: list(data[key]) for key in ("steps", "checks") if data.get(key) is not None}


def change_plan(job: Job, data: Mapping[str, Any]) -> None:
    """Change the plan while it is being written: the writing starts anew. Raises NotNow when nothing is written."""
    edits = _edits(data)
    writing = job.steps.filter(void=False, answer__isnull=True, kind="ask", purpose__in=("write", "change"))
    if not edits or not writing.exists():
        raise NotNow("It is written already. Say what to change, and I change it.")
    if not Job.objects.filter(pk=job.pk, state=JobState.RUNNING, plan_change=None).update(plan_change=edits):
        raise NotNow("The plan was changed a moment ago. Wait for the writing to begin anew.")
    control.replan(job.pk)


def changed_plan(job: Job) -> dict[str, Any]:
    """The person's changed plan, taken once by whoever makes the Job."""
    changed = Job.objects.filter(pk=job.pk).values_list("plan_change", flat=True).get() or {}
    Job.objects.filter(pk=job.pk).update(plan_change=None)
    return dict(changed)


def stop(job: Job) -> None:
    """Stop within a second, whatever it is doing; what there is stays. Doing it twice is harmless."""
    Job.objects.filter(pk=job.pk, state__in=HELD).update(stop_asked=True)
    sentence = "You stopped it. Your words are kept."
    with transaction.atomic():
        stopped = _move(
            job, (JobState.QUEUED, JobState.WAITING), JobState.STOPPED, sentence=sentence, ended=timezone.now()
        )
        if stopped:
            feed.publish_now(job.pk, events.StateChanged(JobState.STOPPED, sentence))
    if not stopped:
        control.stop(job.pk)


def set_autonomy(job: Job, value: str) -> None:
    """Move the dial in mid-run: it counts from the next step on. Raises ValueError for no stop of the dial."""
    Job.objects.filter(pk=job.pk, state__in=HELD).update(autonomy=Autonomy(value))


# --- ends -------------------------------------------------------------------------------------------------------


def wait_for_person(job: Job) -> bool:
    """Nobody holds it from here on, so that is said without a lease. False when the lease was lost before."""
    with transaction.atomic():
        waits = _move(
            job, (JobState.RUNNING,), JobState.WAITING, owner=job.lease_owner, lease_owner="", attempt=0
        )
        if waits:
            feed.publish_now(job.pk, events.StateChanged(JobState.WAITING, "I wait for your answer."))
    return waits


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
