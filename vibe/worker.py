"""The worker: claims Jobs, keeps their leases, drives their making and speaks their last word.

One broad `except` lives here: a fault of ours ends one Job with a reference number, never the worker.
"""

import logging
import os
import secrets
import socket
import threading
import time
from dataclasses import dataclass, field

from django.conf import settings
from django.db import close_old_connections, transaction
from django.utils.module_loading import import_string

from vibe import cards, events, jobs
from vibe.choices import JobKind, JobState, Origin, Shape, Verdict
from vibe.generation import flow, gate, tool
from vibe.generation.byhand import lost_by_hand
from vibe.generation.difference import difference, in_words, regressions
from vibe.generation.drive import Entry, JournalMismatch, drive
from vibe.generation.refusals import asks_for_less
from vibe.generation.request import Base, Request, Result, Upload
from vibe.live import feed
from vibe.live.bell import control
from vibe.llm.errors import Cancelled
from vibe.models import Job, Run, Version
from vibe.models import Upload as UploadRow
from vibe.perform import Paused, Performer, engine, shot_path

logger = logging.getLogger(__name__)

OWNER = f"{socket.gethostname()[:16]}-{os.getpid()}-{secrets.token_hex(4)}"
HEAD = 64 * 1024  # bytes of an upload that are read for its summary


@dataclass
class Attended:
    job: Job
    cancelled: threading.Event = field(default_factory=threading.Event)
    lost: bool = False  # the lease is somebody else's now
    leaving: bool = False  # this worker ends; the Job goes back into the line
    performer: Performer | None = None


_attended: dict[int, Attended] = {}
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


def attend(job: Job, owner: str = OWNER) -> None:
    """Carry one leased Job to its end, to a pause, or back into the line."""
    _start_heart()
    one = Attended(job)
    with _lock:
        _attended[job.pk] = one
    feed.open_(job.pk, owner, on_lost=lambda: _lose(one))
    try:
        _carry(one)
    except Paused:
        feed.close(job.pk)
        if jobs.wait_for_person(job):  # from here on nobody holds it, so this is said without a lease
            feed.publish_now(job.pk, events.StateChanged(JobState.WAITING, "I wait for your answer."))
    except Cancelled:
        _stopped(one)
    except Exception:
        ref = secrets.token_hex(4)
        logger.exception("job %s failed by our own fault, reference %s", job.pk, ref)
        _end(one, JobState.FAILED, f"Something on my side broke. Your words are kept. Reference {ref}.", ref)
    finally:
        feed.close(job.pk)
        with _lock:
            _attended.pop(job.pk, None)


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
        one = _attended.get(job_id)
    if one:
        one.cancelled.set()


control.on_stop(stop)


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
            leases = jobs.beat(OWNER, held)
        except Exception:  # a locked database must not end the heart: the lease has three more beats
            logger.exception("could not extend leases")
            continue
        for pk, one in held.items():
            if leases.get(pk):
                one.cancelled.set()


def _lose(one: Attended) -> None:
    one.lost = True
    one.cancelled.set()


# --- one Job ----------------------------------------------------------------------------------------------------


def _carry(one: Attended) -> None:
    job = one.job
    resumed = job.interrupted
    if resumed:
        Job.objects.filter(pk=job.pk).update(interrupted=False)
    if job.kind == JobKind.RUN:
        feed.append(job.pk, events.StateChanged(JobState.RUNNING))
        _run_tool(one, job.run)
        return
    _settle_start(job)
    performer = Performer(job, import_string(settings.LLM_CLIENT)(), one.cancelled)
    one.performer = performer
    request = _request(job)
    if resumed:
        feed.append(job.pk, events.Restarted(job.attempt, "I was interrupted and go on where I was."))
    feed.append(job.pk, events.StateChanged(JobState.RUNNING))
    try:
        result = drive(
            flow.generate(request), _journal(job), performer.perform,
            replayed=performer.replayed if resumed else None,
        )  # fmt: skip
    except JournalMismatch:
        logger.warning("job %s begins anew: its journal is of another flow", job.pk)
        job.steps.update(void=True)
        feed.append(job.pk, events.Restarted(job.attempt, "I was improved meanwhile and begin anew."))
        result = drive(flow.generate(request), (), performer.perform)
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


def _journal(job: Job) -> list[Entry]:
    rows = job.steps.filter(void=False).order_by("order").values_list("fingerprint", "answer")
    entries = []
    for fingerprint, answer in rows:
        if answer is None:
            break
        entries.append(Entry(fingerprint, answer))
    return entries


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
        files=job.files,
        pointed=job.pointed,
        base=Base(
            files=base.files,
            shape=base.shape,
            title=program.title,
            verdict=base.verdict,
            failing=sum(1 for r in base.results if not r.get("held")),
            checks=base.checks,
            recipe=base.recipe,
            slots=base.slots,
        )
        if base
        else None,
    )


def _head(row: UploadRow) -> Upload:
    path = row.path
    head = path.open("rb").read(HEAD) if path.exists() else b""
    return Upload(row.name, row.size, head)


# --- ends -------------------------------------------------------------------------------------------------------


def _keep(one: Attended, result: Result) -> None:
    if not result.made:
        _end(one, JobState.FAILED, result.sentence)
        return
    version = _make_version(one.job, result)
    _announce(one.job, version, result.better)
    _end(one, JobState.DONE, _last_word(version, better=result.better))


def _make_version(job: Job, result: Result) -> Version:
    """The Version of this Job, made once however often we get here."""
    existing = Version.objects.filter(job=job).first()
    if existing:
        return existing
    program = job.program
    assert program
    shot = shot_path(job.pk)
    base, becomes = job.base, result.better or program.current is None
    latest = program.versions.order_by("-number").values_list("number", flat=True).first() or 0
    with transaction.atomic():
        version = Version.objects.create(
            program=program,
            job=job,
            number=latest + 1,
            shape=result.shape,
            origin=result.origin,
            files=result.files,
            summary=_summary(result.sentence or job.request, _lost(job, result.files)),
            changed=in_words(difference(base.files, result.files))[:400] if base else "",
            held_back=not becomes,
            broke=regressions(base.results, result.results) if base else [],
            verdict=result.verdict,
            results=result.results,
            not_checked=result.not_checked,
            checks=result.checks,
            recipe=result.recipe,
            slots=result.slots,
            model_name=result.model,
            shot=shot.read_bytes() if shot.exists() else None,
        )
        if becomes:
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


def _announce(job: Job, version: Version, better: bool) -> None:
    feed.append(
        job.pk,
        events.VersionMade(
            version.number,
            version.shape,
            version.verdict,
            version.summary,
            became_current=better,
            lost=_lost(job, version.files),
        ),
    )
    if better:
        card, stale = cards.publish(version)
        feed.append(job.pk, events.CardMade(card.pk, version.number, stale))


def _last_word(version: Version, *, better: bool) -> str:
    held = sum(1 for r in version.results if r.get("held"))
    if version.verdict == Verdict.UNCHECKED:
        return "Made, but not checked."
    if version.verdict == Verdict.HELD:
        return f"Done. {held} of {len(version.results)} checks hold."
    if not better:
        return (
            "The change broke what held before, so the version you had stays. The try is kept under Versions."
        )
    return (
        f"I couldn’t get all of it to work: {held} of {len(version.results)} checks hold. The best try is kept."
    )


def _stopped(one: Attended) -> None:
    job = one.job
    if one.lost:
        return
    if one.leaving:
        feed.flush(job.pk)
        jobs.hand_back(job)
        return
    performer = one.performer
    kept = ""
    if performer and performer.wrote:
        shape = gate.shape_of(performer.files)
        if shape and not gate.gate(performer.files, shape):
            result = Result(
                sentence="Stopped before I could check it",
                files=performer.files,
                shape=Shape.TOOL if shape == "tool" else Shape.PAGE,
                origin=Origin.PERSON if job.files else Origin.MODEL,
                not_checked=["Everything: you stopped me before I could check it."],
                better=job.base is None,
            )
            version = _make_version(job, result)
            _announce(job, version, result.better)
            kept = f" What was written is kept as version {version.number}, not checked."
    _end(one, JobState.STOPPED, "You stopped it." + (kept or " What there was is kept."))


def _end(one: Attended, state: JobState, sentence: str, ref: str = "") -> None:
    """The last event is written while the lease still stands; then the row says the same."""
    feed.append(one.job.pk, events.StateChanged(state, sentence))
    feed.flush(one.job.pk)
    if not jobs.end(one.job, state, sentence, ref):
        logger.warning("job %s was lost before its end", one.job.pk)


# --- a visitor's run --------------------------------------------------------------------------------------------


def _run_tool(one: Attended, run: Run) -> None:
    files = run.version.files
    spec = tool.ToolSpec.parse(files["tool.toml"])
    given = {row.name: row.path.read_bytes() for row in run.files.filter(made=False) if row.path.exists()}
    source = tool.source(files, spec, tool.Cleaned(run.values, given))
    if why := engine().available():
        _end(one, JobState.FAILED, f"This tool can’t run now: {why}")
        return

    def show(stream: str, text: str) -> None:
        feed.append(one.job.pk, events.Output(stream, text))

    outcome = engine().run(source, limits=tool.limits(), on_output=show, cancelled=one.cancelled)
    if one.cancelled.is_set():
        raise Cancelled()
    for artifact in outcome.artifacts:
        jobs.keep_run_file(run, artifact.name, artifact.data, made=True)
    Run.objects.filter(pk=run.pk).update(outcome=outcome.as_json())
    feed.append(one.job.pk, events.RunEnded(outcome.as_json()))
    _end(one, JobState.DONE if outcome.ok else JobState.FAILED, tool.sentence(outcome))
