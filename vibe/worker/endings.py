"""The end of a Job: its Version is made once, its card shown, and the last word said."""

import logging
import secrets
import shutil
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import transaction

from vibe import allowance, cards, events, films, jobs, keepsakes, metrics
from vibe.choices import VISUAL, JobKind, JobState, Origin, Verdict
from vibe.generation import gate, tool
from vibe.generation.byhand import lost_by_hand
from vibe.generation.difference import difference, in_words, regressions
from vibe.generation.refusals import asks_for_less
from vibe.generation.request import Result
from vibe.llm.errors import Cancelled
from vibe.models import Job, Program, Version
from vibe.models.away import is_full
from vibe.worker.attended import Attended

logger = logging.getLogger(__name__)

TAKEN_DOWN = " Its card was taken down by whoever runs this place, so it has no link."
PAUSE_S = 1.0  # before what met a full disk is tried again
ROOM = 16 << 20  # bytes that must be free then: what a try leaves behind is less


def keep(one: Attended, result: Result) -> None:
    """The making came to its end: a Version, or a sentence why there is none."""
    if not result.made:
        end(one, JobState.FAILED, result.sentence)
        return
    version = _make_version(one.job, result)
    _forgive(one.job, result.wasted)
    _keep_tried(one, version)
    linked = _announce(one, version, result)
    end(one, JobState.DONE, _last_word(version, result) + ("" if linked else TAKEN_DOWN))


def stopped(one: Attended) -> None:
    """It was cancelled: by a person, by this worker that leaves, or because the lease is somebody else's."""
    job = one.job
    if one.lost:
        return
    if one.leaving:
        one.line.flush()
        one.part(lambda: jobs.hand_back(job))
        return
    performer = one.performer
    _forgive_if_it_can_be(job, performer.wasted if performer else ())
    kept = ""
    if (result := _so_far(one)) and jobs.is_held(job):
        version = _make_version(job, result)
        if performer:
            performer.say_checked()
        _announce(one, version, result)
        kept = f" What was written is kept as version {version.number}{_known(version)}."
    if job.kind == JobKind.RUN:  # no words to keep, and nothing is written
        end(one, JobState.STOPPED, "You stopped it.")
        return
    begun = performer is not None and performer.begun
    wrote = "What was written so far is shown, not checked." if begun else "Nothing was written yet."
    before = " The version you had stays." if job.base else f" {wrote} Your words are kept."
    end(one, JobState.STOPPED, "You stopped it." + (kept or before))


def _so_far(one: Attended) -> Result | None:
    """What a stop keeps: what was written, with what the checks found if they had looked at it. None: nothing of use."""
    job, performer = one.job, one.performer
    if performer is None or not performer.wrote:
        return None
    origin, better = Origin.PERSON if job.files else Origin.MODEL, job.base is None
    if found := performer.checked:
        results = found.data["results"]
        return Result(
            sentence="Stopped when it had been checked",
            files=found.files,
            shape=_shape(job, found.shape),
            origin=origin,
            verdict=found.data["verdict"],
            results=results,
            not_checked=found.data["not_checked"],
            checks=found.checks,
            model=found.model,
            measures={**found.data["measures"], **({"seed": found.seed} if found.seed else {})},
            better=better,
            broke=regressions(job.base.results, results, found.checks) if job.base else [],
        )
    shape = gate.shape_of(performer.files)
    if not shape or gate.gate(performer.files, shape):
        return None
    return Result(
        sentence="Stopped before I could check it",
        files=performer.files,
        shape=_shape(job, shape),
        origin=origin,
        not_checked=["Everything: you stopped me before I could check it."],
        better=better,
    )


def _shape(job: Job, shape: str) -> str:
    return job.shape if job.shape in VISUAL and shape == "page" else shape


def _known(version: Version) -> str:
    """What is known of a version that a stop kept, for the end of its sentence."""
    if version.verdict == Verdict.UNCHECKED or not (counted := version.counted):
        return ", not checked"
    return f": {sum(1 for r in counted if r['held'])} of {len(counted)} checks hold"


def hand_back_later(one: Attended, problem: Exception) -> None:
    """The database was away in the middle of it, or the disk full. It is held until they are back; then it goes into
    the line and on where it was: nothing that was journaled is done or paid again."""
    logger.warning("job %s waits for the database or the disk: %s", one.job.pk, str(problem).strip())
    while not one.cancelled.wait(PAUSE_S):  # a stop, or this worker's end, does not wait for it
        if not is_full(problem) or shutil.disk_usage(settings.VAR).free >= ROOM:
            break
    if one.line.flush():
        one.part(lambda: jobs.hand_back(one.job))


def fault(one: Attended, why: str) -> None:
    """The Job ends with a reference number; the worker goes on."""
    ref = secrets.token_hex(4)
    metrics.job_faults.inc()
    logger.error("job %s failed by our own fault, reference %s %s", one.job.pk, ref, why, exc_info=True)
    end(one, JobState.FAILED, f"Something on my side broke. Your words are kept. Reference {ref}.", ref)
    if one.performer:  # after the last word: what broke may be what this needs
        _forgive_if_it_can_be(one.job, one.performer.wasted)


def end(one: Attended, state: JobState, sentence: str, ref: str = "") -> None:
    """The last event is written while the lease still stands; then the row says the same."""
    one.line.append(events.StateChanged(state, sentence))
    one.line.flush()
    if one.part(lambda: jobs.end(one.job, state, sentence, ref)):
        metrics.jobs_ended.labels(one.job.kind, state.value).inc()
        films.forget(one.job)
        keepsakes.forget(one.job)
    else:
        logger.warning("job %s was lost before its end", one.job.pk)


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


def _forgive_if_it_can_be(job: Job, wasted: Sequence[int]) -> None:
    """A courtesy to the maker, which may not keep a Job from its end."""
    try:
        _forgive(job, wasted)
    except Exception:
        logger.exception("job %s: its repairs stay charged", job.pk)


def _make_version(job: Job, result: Result) -> Version:
    """The Version of this Job, made once however often we get here."""
    existing = Version.objects.filter(job=job).first()
    if existing:
        return existing
    program = job.program
    assert program
    with transaction.atomic():
        if not jobs.is_held(job):
            raise Cancelled()
        # No two of us take the same next number: somebody may go back to a version now.
        Program.objects.select_for_update().get(pk=program.pk)
        latest = program.versions.order_by("-number").values_list("number", flat=True).first() or 0
        version = _new_version(job, result, latest + 1, job=job)
        looks = [
            _new_version(job, look, latest + 1 + at, look_of=version) for at, look in enumerate(result.looks, 1)
        ]
        films.settle(version, *looks)
        if result.better:
            program.current = version
            if job.kind == JobKind.MAKE and result.title:
                program.title = result.title[:120]
            program.save(update_fields=["current", "title"])
    keepsakes.shots.forget(job)
    metrics.verdicts.labels(version.verdict).inc()
    return version


def _new_version(of: Job, result: Result, number: int, **more: Any) -> Version:
    return Version.objects.create(
        program=of.program,
        number=number,
        shape=result.shape,
        origin=result.origin,
        files=result.files,
        summary=_summary(result.sentence or of.request, _lost(of, result.files)),
        changed=in_words(difference(of.base.files, result.files))[:400] if of.base else "",
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
        shot=keepsakes.shots.of(of, result.files),
        **more,
    )


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


def _announce(one: Attended, version: Version, result: Result) -> bool:
    """Say what was kept. False when it has no link because its card was taken down."""
    one.line.append(
        events.VersionMade(
            version.number, version.shape, version.verdict, version.summary,
            became_current=result.better, broke=result.broke, lost=_lost(one.job, version.files),
        )
    )  # fmt: skip
    if looks := list(version.looks.order_by("number")):
        told = [{"version": look.number, "line": look.summary} for look in looks]
        one.line.append(events.LooksKept(told))
    if not result.better:
        return True
    if published := cards.publish(version):
        card, stale = published
        one.line.append(events.CardMade(card.pk, version.number, stale))
    return published is not None


def _last_word(version: Version, result: Result) -> str:
    counted = version.counted
    held = sum(1 for r in counted if r["held"])
    why = f" {result.why}" if result.why and version.verdict == Verdict.BROKEN else ""
    if not result.better:
        if result.measures.get("aside"):
            return "I put it aside: you find it under Versions."
        if result.broke:
            return f"The change broke what held before, so the version you had stays. The try is kept under Versions.{why}"
        if version.verdict == Verdict.BROKEN:
            return f"It does not all hold, so the version you had stays. The try is kept under Versions.{why}"
        if version.verdict == Verdict.UNCHECKED and version.job and version.job.base:
            return (
                "The change could not be checked, so the version you had stays. The try is kept under Versions."
            )
        if version.unseen:
            return (
                "There was no time left to look at all that held before, so the version you had stays. "
                "The try is kept under Versions."
            )
        return "I put it aside: you find it under Versions."
    if version.verdict == Verdict.UNCHECKED:
        return "Made, but not checked."
    if version.verdict == Verdict.HELD:
        return f"Done. {held} of {len(counted)} checks hold."
    return f"I couldn’t get all of it to work: {held} of {len(counted)} checks hold. The best try is kept.{why}"
