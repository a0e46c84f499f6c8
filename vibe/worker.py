"""The worker: claims Jobs, keeps their leases, drives their making and speaks their last word.

One broad `except` lives here: a fault of ours ends one Job with a reference number, never the worker.
"""

import contextlib
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db import close_old_connections, transaction
from django.utils.module_loading import import_string

from vibe import allowance, cards, events, films, jobs
from vibe.choices import JobKind, JobState, Origin, Shape, Verdict
from vibe.generation import flow, gate, tool
from vibe.generation.byhand import lost_by_hand
from vibe.generation.difference import difference, in_words
from vibe.generation.drive import Entry, JournalMismatch, drive
from vibe.generation.refusals import asks_for_less
from vibe.generation.request import Base, Request, Result, Upload
from vibe.generation.steps import Json
from vibe.live import feed
from vibe.live.bell import control
from vibe.llm.errors import Cancelled
from vibe.models import Job, Run, Version
from vibe.models import Upload as UploadRow
from vibe.perform import Paused, Performer, engine, shot_path

logger = logging.getLogger(__name__)

OWNER = f"{socket.gethostname()[:16]}-{os.getpid()}-{secrets.token_hex(4)}"
HEAD = 64 * 1024  # bytes of an upload that are read for its summary


MOST_ATTEMPTS = 5  # claims of a Job in a row that journaled no answer: it is the Job that breaks its workers


@dataclass(eq=False)
class Attended:
    """One claim of a Job by this process. A lease that ran out may be claimed again here: then there are two."""

    job: Job
    owner: str
    cancelled: threading.Event = field(default_factory=threading.Event)
    replan: threading.Event = field(default_factory=threading.Event)  # the person changed the plan
    lost: bool = False  # the lease is somebody else's now
    leaving: bool = False  # this worker ends; the Job goes back into the line
    broken: bool = False  # what it says cannot be stored
    performer: Performer | None = None
    line: feed.Line = field(init=False)

    def __post_init__(self) -> None:
        self.line = feed.open_(self.job.pk, self.owner, on_lost=self.lose, on_broken=self.break_)

    def lose(self) -> None:
        self.lost = True
        self.cancelled.set()

    def break_(self) -> None:
        self.broken = True
        self.cancelled.set()


_attended: dict[str, Attended] = {}  # by the name of the claim
_lock = threading.Lock()
_leaving = threading.Event()
_heart: threading.Thread | None = None


def work() -> None:
    """Do queued Jobs until none is left that may run: a wake-up message names one, but the queue decides."""
    _start_heart()
    while not _leaving.is_set():
        job = jobs.claim(OWNER)
        if job is None:
            return
        attend(job)


def busy() -> int:
    """How many Jobs this process attends to."""
    return len(_attended)


def attend(job: Job) -> None:
    """Carry one leased Job to its end, to a pause, or back into the line."""
    _start_heart()
    one = Attended(job, job.lease_owner)
    with _lock:
        _attended[one.owner] = one
    try:
        _carry(one)
    except Paused:
        one.line.close()
        jobs.wait_for_person(job)
    except Cancelled:
        with contextlib.suppress(
            Cancelled
        ):  # the lease went while we said goodbye: somebody else speaks for it now
            _fault(one, "an event of it cannot be stored") if one.broken else _stopped(one)
    except Exception:
        _fault(one, "")
    finally:
        one.line.close()
        with _lock:
            _attended.pop(one.owner, None)


def _fault(one: Attended, why: str) -> None:
    """The Job ends with a reference number; the worker goes on."""
    ref = secrets.token_hex(4)
    logger.error("job %s failed by our own fault, reference %s %s", one.job.pk, ref, why, exc_info=True)
    _end(one, JobState.FAILED, f"Something on my side broke. Your words are kept. Reference {ref}.", ref)


def leave(seconds: float = 4.0) -> None:
    """This worker ends: hand back what it holds and wait until that is done."""
    _leaving.set()
    with _lock:
        for one in _attended.values():
            one.leaving = True
            one.cancelled.set()
    until = time.monotonic() + seconds
    while _attended and time.monotonic() < until:
        time.sleep(0.02)
    engine().close()


def stop(job_id: int) -> None:
    """Called by the bell when a person pressed Stop."""
    with _lock:
        for one in _attended.values():
            if one.job.pk == job_id:
                one.cancelled.set()


def replan(job_id: int) -> None:
    """Called by the bell when a person changed the plan while it is being written."""
    with _lock:
        for one in _attended.values():
            if one.job.pk == job_id:
                one.replan.set()


control.on_stop(stop)
control.on_replan(replan)


# --- leases -----------------------------------------------------------------------------------------------------


def _start_heart() -> None:
    global _heart
    with _lock:
        if _heart is None or not _heart.is_alive():
            _heart = threading.Thread(target=_beat_for_ever, name="vibe-heart", daemon=True)
            _heart.start()


def _beat_for_ever() -> None:
    while True:
        time.sleep(1.0)
        with _lock:
            held = dict(_attended)
        if not held:
            continue
        try:
            close_old_connections()
            standing = jobs.beat({name: one.job.pk for name, one in held.items()})
        except Exception:  # a locked database must not end the heart: the lease has three more beats
            logger.exception("could not extend leases")
            continue
        for name, one in held.items():
            stop_asked, replanned = standing.get(name, (False, False))
            if name not in standing and name in _attended:
                one.lose()  # it ran out (a laptop slept): somebody else may be at it already
            elif stop_asked:
                one.cancelled.set()
            if replanned:
                one.replan.set()


# --- one Job ----------------------------------------------------------------------------------------------------


def _carry(one: Attended) -> None:
    job = one.job
    resumed = job.interrupted
    if resumed:
        Job.objects.filter(pk=job.pk).update(interrupted=False)
    if job.stop_asked:  # before a worker was lost: a stop outlives it
        raise Cancelled()
    if job.attempt > MOST_ATTEMPTS:
        _fault(one, f"it was begun {job.attempt} times and never got on")
        return
    if job.kind == JobKind.RUN:
        if resumed:
            one.line.append(events.Restarted(job.attempt, "I was interrupted and begin again."))
        one.line.append(events.StateChanged(JobState.RUNNING))
        _run_tool(one, job.run)
        return
    _settle_start(job)
    performer = Performer(job, import_string(settings.LLM_CLIENT)(), one.cancelled, one.line, one.replan)
    one.performer = performer
    request = _request(job)
    if resumed:
        one.line.append(events.Restarted(job.attempt, "I was interrupted and go on where I was."))
    one.line.append(events.StateChanged(JobState.RUNNING))
    try:
        result = drive(
            flow.generate(request), _journal(job), performer.perform,
            together=performer.together, replayed=performer.replayed if resumed else None,
        )  # fmt: skip
    except JournalMismatch:
        logger.warning("job %s begins anew: its journal is of another flow", job.pk)
        job.steps.update(void=True)
        one.line.append(events.Restarted(job.attempt, "I was improved meanwhile and begin anew."))
        result = drive(flow.generate(request), {}, performer.perform, together=performer.together)
    _keep(one, result)


def _settle_start(job: Job) -> None:
    """What the Job starts from is fixed when it first runs, so that a replay starts from the same."""
    if job.flow and job.flow != flow.FLOW:
        job.steps.update(void=True)
        job.flow = ""
    if not job.flow:
        job.flow = flow.FLOW
        if not job.files:  # who edits by hand started from a version that they saw
            job.base = job.program.current if job.program else None
        job.save(update_fields=["flow", "base"])


def _journal(job: Job) -> dict[str, Entry]:
    rows = job.steps.filter(void=False, answer__isnull=False).values_list("number", "fingerprint", "answer")
    return {number: Entry(fingerprint, answer) for number, fingerprint, answer in rows}


def _request(job: Job) -> Request:
    program, base = job.program, job.base
    assert program
    earlier = program.jobs.filter(pk__lt=job.pk).order_by("pk").values_list("request", flat=True)
    uploads = [_head(row) for row in program.uploads.filter(job__pk__lte=job.pk)]
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
        base=Base(
            files=base.files,
            shape=base.shape,
            title=program.title,
            verdict=base.verdict,
            failing=sum(1 for r in base.results if not r.get("held")),
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


def _head(row: UploadRow) -> Upload:
    if not row.path.exists():
        return Upload(row.name, row.size, b"")
    with row.path.open("rb") as source:
        return Upload(row.name, row.size, source.read(HEAD))


# --- ends -------------------------------------------------------------------------------------------------------


def _keep(one: Attended, result: Result) -> None:
    if not result.made:
        _end(one, JobState.FAILED, result.sentence)
        return
    version = _make_version(one.job, result)
    _forgive(one.job, result.wasted)
    _keep_tried(one, version)
    _announce(one, version, result)
    _end(one, JobState.DONE, _last_word(version, result))


def _keep_tried(one: Attended, version: Version) -> None:
    """What a tool gave for the file that its maker attached is theirs to look at, like any run of theirs."""
    if not version.is_tool or one.performer is None:
        return
    if found := one.performer.tried(version.files):
        cleaned, outcome = found
        jobs.keep_run(
            version, one.job.maker, values=cleaned.values, files=cleaned.files, outcome=outcome,
            sentence=tool.sentence(outcome), once=f"tried-{one.job.pk}",
        )  # fmt: skip


def _forgive(job: Job, wasted: Sequence[int]) -> None:
    """Repairs that mended nothing cost the maker nothing of the allowance (within its caps)."""
    asked = list(
        job.steps.filter(void=False, kind="ask").order_by("order", "pk").values_list("order", flat=True)
    )
    if orders := [asked[number - 1] for number in wasted if number <= len(asked)]:
        allowance.forgive(job, orders)


def _make_version(job: Job, result: Result) -> Version:
    """The Version of this Job, made once however often we get here."""
    existing = Version.objects.filter(job=job).first()
    if existing:
        return existing
    program = job.program
    assert program
    shot = shot_path(job.pk)
    with transaction.atomic():
        if not jobs.is_held(job):
            raise Cancelled()
        latest = program.versions.order_by("-number").values_list("number", flat=True).first() or 0
        version = Version.objects.create(
            program=program,
            job=job,
            number=latest + 1,
            shape=result.shape,
            origin=result.origin,
            files=result.files,
            summary=_summary(result.sentence or job.request, _lost(job, result.files)),
            changed=in_words(difference(job.base.files, result.files))[:400] if job.base else "",
            held_back=not result.better,
            broke=result.broke,
            verdict=result.verdict,
            results=result.results,
            not_checked=result.not_checked,
            checks=result.checks,
            measures=result.measures,
            recipe=result.recipe,
            slots=result.slots,
            model_name=result.model,
            shot=shot.read_bytes() if shot.exists() else None,
        )
        films.settle(version)
        if result.better:
            program.current = version
            if job.kind == JobKind.MAKE and result.title:
                program.title = result.title[:120]
            program.save(update_fields=["current", "title"])
    shot.unlink(missing_ok=True)
    return version


def _lost(job: Job, files: dict[str, str]) -> list[str]:
    """Sentences about lines that the person once wrote by hand and that this change dropped unasked."""
    if job.files or job.base is None or asks_for_less(job.request):
        return []
    assert job.program
    theirs = job.program.versions.filter(
        origin=Origin.PERSON, number__lte=job.base.number, job__base__isnull=False
    )
    lost: list[str] = []
    for version in theirs.select_related("job__base")[:5]:
        assert version.job
        assert version.job.base
        lost += lost_by_hand(version.files, version.job.base.files, files, job.base.files)
    return list(dict.fromkeys(lost))[:20]


def _summary(words: str, lost: list[str]) -> str:
    """At most 300 characters, of which what was lost is never cut."""
    if not lost:
        return words[:300]
    more = f" So are {len(lost) - 1} more of your lines." if len(lost) > 1 else ""
    note = (lost[0] + more)[:250]
    return f"{words if len(words) < 299 - len(note) else words[: 298 - len(note)] + '…'} {note}"


def _announce(one: Attended, version: Version, result: Result) -> None:
    one.line.append(
        events.VersionMade(
            version.number, version.shape, version.verdict, version.summary,
            became_current=result.better, broke=result.broke, lost=_lost(one.job, version.files),
        )
    )  # fmt: skip
    if result.better:
        card, stale = cards.publish(version)
        one.line.append(events.CardMade(card.pk, version.number, stale))


def _last_word(version: Version, result: Result) -> str:
    counted = version.counted
    held = sum(1 for r in counted if r["held"])
    why = f" {result.why}" if result.why and version.verdict == Verdict.BROKEN else ""
    if not result.better:
        if result.broke:
            return f"The change broke what held before, so the version you had stays. The try is kept under Versions.{why}"
        if version.verdict == Verdict.BROKEN:
            return f"It does not all hold, so the version you had stays. The try is kept under Versions.{why}"
        return "I put it aside: you find it under Versions."
    if version.verdict == Verdict.UNCHECKED:
        return "Made, but not checked."
    if version.verdict == Verdict.HELD:
        return f"Done. {held} of {len(counted)} checks hold."
    return f"I couldn’t get all of it to work: {held} of {len(counted)} checks hold. The best try is kept.{why}"


def _stopped(one: Attended) -> None:
    job = one.job
    if one.lost:
        return
    if one.leaving:
        one.line.flush()
        jobs.hand_back(job)
        return
    performer = one.performer
    kept = ""
    if performer and performer.wrote:
        shape = gate.shape_of(performer.files)
        if shape and not gate.gate(performer.files, shape) and jobs.is_held(job):
            result = Result(
                sentence="Stopped before I could check it",
                files=performer.files,
                shape=Shape.TOOL if shape == "tool" else Shape.PAGE,
                origin=Origin.PERSON if job.files else Origin.MODEL,
                not_checked=["Everything: you stopped me before I could check it."],
                better=job.base is None,
            )
            version = _make_version(job, result)
            _announce(one, version, result)
            kept = f" What was written is kept as version {version.number}, not checked."
    begun = performer is not None and performer.begun
    wrote = "What was written so far is shown, not checked." if begun else "Nothing was written yet."
    before = " The version you had stays." if job.base else f" {wrote} Your words are kept."
    _end(one, JobState.STOPPED, "You stopped it." + (kept or before))


def _end(one: Attended, state: JobState, sentence: str, ref: str = "") -> None:
    """The last event is written while the lease still stands; then the row says the same."""
    one.line.append(events.StateChanged(state, sentence))
    one.line.flush()
    if jobs.end(one.job, state, sentence, ref):
        films.forget(one.job)
    else:
        logger.warning("job %s was lost before its end", one.job.pk)


# --- a visitor's run --------------------------------------------------------------------------------------------


def _run_tool(one: Attended, run: Run) -> None:
    for row in run.files.filter(made=True):  # of a try that was interrupted
        row.path.unlink(missing_ok=True)
        row.delete()
    files = run.version.files
    spec = tool.ToolSpec.parse(files["tool.toml"])
    given = {row.name: row.path.read_bytes() for row in run.files.filter(made=False) if row.path.exists()}
    source = tool.source(files, spec, tool.Cleaned(run.values, given))
    if why := engine().available():
        _end(one, JobState.FAILED, f"This tool can’t run now: {why}")
        return

    def show(stream: str, text: str) -> None:
        one.line.append(events.Output(stream, text))

    outcome = engine().run(source, limits=tool.limits(), on_output=show, cancelled=one.cancelled)
    if one.cancelled.is_set():
        raise Cancelled()
    for artifact in outcome.artifacts:
        jobs.keep_run_file(run, artifact.name, artifact.data, made=True)
    Run.objects.filter(pk=run.pk).update(outcome=outcome.as_json())
    one.line.append(events.RunEnded(outcome.as_json()))
    _end(one, JobState.DONE if outcome.ok else JobState.FAILED, tool.sentence(outcome))
