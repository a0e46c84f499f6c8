"""A Job begins: a new Program, a later request about one, or an edit by hand. One form makes one Job, sent twice or not."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from vibe.choices import JobKind
from vibe.generation import context
from vibe.generation.difference import difference, in_words
from vibe.jobs.enough import Enough, lock, room_for_making, take_making
from vibe.jobs.rows import HELD, NotNow, new_job, once_key, wake
from vibe.jobs.uploads import FileIn, Staged, keep_uploads, stage, unstage
from vibe.models import Job, Maker, Program, Version

TWIN_S = 10  # two tabs with one wish are one wish


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
    address: str = "",
    size: int = 0,
) -> Job:
    """A new Program with its first Job. The same `once` of the same maker gives the first Job again.

    `lease`: make the Job already leased to that owner (the terminal runs it itself, and no limit holds for it).
    `address`: the block of network addresses it came from. `size`: bytes of the files, as far as they are known before
    they are read. Raises Enough.
    """
    wish = _wish(description, shape, autonomy, effort, recipe, slots)

    def row(key: str) -> Job:
        program = Program.objects.create(
            maker=maker, title=context.title_from(description), description=description
        )
        return new_job(maker, program, JobKind.MAKE, key, **wish, lease=lease)

    asked = _Asked(maker, JobKind.MAKE, once_key(maker, "make", "", once), wish, address, size)
    return _once(asked, uploads, row, leased=bool(lease))


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
    address: str = "",
    size: int = 0,
    settled: Mapping[str, Any] | None = None,
) -> Job:
    """A later request about `program`; it starts from the current version when its turn comes.

    `recipe`: its settings `slots` are changed, and no model is asked.
    `without`: names of parts that the model is not to read (generation.reading.Part.name). `pointed`: what the person
    pointed at in the preview, in words (generation.pointed). `settled`: which of two promises counts (generation.clashes).
    `address` and `size` as for a new one. Raises Enough.
    """
    first = program.jobs.order_by("id").first()
    shape = shape or (program.current.shape if program.current else (first.shape if first else "auto"))
    kind = JobKind.CHANGE if program.current else JobKind.MAKE
    wish = _wish(description, shape, autonomy, effort, recipe, slots)

    def row(key: str) -> Job:
        out = Program.objects.select_for_update().get(pk=program.pk)  # nobody throws it away meanwhile
        if out.thrown:
            Program.objects.filter(pk=out.pk).update(thrown=None)
        return new_job(
            program.maker, program, kind, key, **wish, without=list(without), pointed=pointed,
            settled=dict(settled or {}), lease=lease,
        )  # fmt: skip

    key = once_key(program.maker, "change", program.pk, once)
    asked = _Asked(program.maker, kind, key, wish, address, size)
    return _once(asked, uploads, row, leased=bool(lease), program=program)


@dataclass(frozen=True)
class _Asked:
    """Who asks for a Job, and for which."""

    maker: Maker
    kind: str
    key: str
    wish: Mapping[str, Any]
    address: str
    size: int


def _once(
    asked: _Asked, uploads: Iterable[FileIn], row: Callable[[str], Job], *, leased: bool, **where: Any
) -> Job:
    """The Job of this key: the one there is, a twin sent a moment ago, or the one that `row` makes."""
    if existing := Job.objects.filter(once=asked.key).first():
        return existing
    if asked.size and not leased:  # before a hundred megabytes are written for nothing
        room_for_making(asked.maker, asked.address, asked.size)
    staged = stage(uploads)
    try:
        with transaction.atomic():
            lock(asked.maker)
            if not leased and (twin := _just_sent(asked, staged, **where)):
                unstage(staged)
                return twin
            if not leased:
                take_making(asked.maker, asked.address, sum(size for _, size, _ in staged))
            job = row(asked.key)
            keep_uploads(job, staged)
    except (IntegrityError, Enough):  # the same form, sent twice at once: the other one won
        unstage(staged)
        if existing := Job.objects.filter(once=asked.key).first():
            return existing
        raise
    wake(job)
    return job


def _wish(
    request: str, shape: str, autonomy: str, effort: str, recipe: str, slots: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The columns of a Job by which two wishes are one."""
    return {
        "request": request, "shape": shape, "autonomy": autonomy, "effort": effort, "recipe": recipe,
        "slots": dict(slots or {}),
    }  # fmt: skip


def _just_sent(asked: _Asked, staged: Staged, **where: Any) -> Job | None:
    """The same wish from another tab a moment ago, while nothing has come of it yet."""
    since = timezone.now() - timedelta(seconds=TWIN_S)
    files = sorted((name, size) for name, size, _ in staged)
    twins = Job.objects.filter(
        maker=asked.maker,
        kind=asked.kind,
        state__in=HELD,
        created__gt=since,
        request=asked.wish["request"],
        **where,
    )
    for twin in twins:
        same = all(getattr(twin, name) == value for name, value in asked.wish.items())
        if same and sorted(twin.uploads.values_list("name", "size")) == files:
            return twin
    return None


def edit(program: Program, *, files: Mapping[str, str], base: int, once: str, address: str = "") -> Job:
    """A change that the person made by hand: `files` are all files of the program, which are only checked.

    `base` is the number of the version that the person started from. Raises NotNow when another one is current,
    when something is being made, and when nothing differs: nobody's work is overwritten silently. Raises Enough.
    """
    once = once_key(program.maker, "edit", program.pk, once)
    if existing := Job.objects.filter(once=once).first():
        return existing
    try:
        with transaction.atomic():
            lock(program.maker)  # before the program, as in a change: no two can wait for each other
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
            take_making(program.maker, address, 0)
            last = program.jobs.order_by("-pk").first()
            assert last  # a program begins with a Job
            job = new_job(
                program.maker, program, JobKind.CHANGE, once, request=f"Edited by hand. {in_words(found)}",
                shape=now.shape, autonomy=last.autonomy, effort=last.effort, files=dict(files), base=now,
            )  # fmt: skip
    except (IntegrityError, Enough):
        if existing := Job.objects.filter(once=once).first():
            return existing
        raise
    wake(job)
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
