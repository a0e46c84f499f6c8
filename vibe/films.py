"""Films of checks: kept while a Job tries, settled on the Version that came of it, copied when one is brought back."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from vibe.generation.film import Frame
from vibe.models import Film, Job, Version

MOST = 3_000_000  # bytes of one Version
SHOWN = ("words", "bad", "look", "width", "height", "x", "y")  # of a frame, kept beside its picture
DRAWN = ("form", "said", "table", "whole")  # of a frame of a tool, where there is such a thing
TRIES = 6  # of one Job whose films are kept until it ends


def keep(job: Job, files: Mapping[str, str], made: Mapping[str, Sequence[Frame]]) -> None:
    """Keep the films of one try, in place of those of an earlier try of the same files. What does not fit is left
    out: first the films of a check's second runs (~again, ~varied), then whatever comes last."""
    tried = _digest(files)
    rows, left = [], MOST
    for run in sorted(made, key=lambda run: run.count("~")):
        frames = made[run]
        size = sum(len(frame.picture) for frame in frames)
        if size > left:
            continue
        left -= size
        data = b"".join(frame.picture for frame in frames)
        rows.append(Film(job=job, made_of=tried, run=run, frames=[_told(frame) for frame in frames], data=data))
    with transaction.atomic():
        loose = Film.objects.filter(job=job, version=None)
        loose.filter(made_of=tried).delete()
        others = list(dict.fromkeys(loose.order_by("-id").values_list("made_of", flat=True)))
        loose.filter(made_of__in=others[TRIES - 1 :]).delete()
        Film.objects.bulk_create(rows)


def _told(frame: Frame) -> dict[str, Any]:
    told = {name: getattr(frame, name) for name in SHOWN}
    drawn = {name: getattr(frame, name) for name in DRAWN if getattr(frame, name)}
    return told | drawn | {"size": len(frame.picture)}


def settle(*versions: Version) -> None:
    """The films of the tries that became `versions` are their own; those of the Job's other tries are gone. The first
    is the Job's, any others are looks beside it."""
    with transaction.atomic():
        loose = Film.objects.filter(job=versions[0].job_id, version=None)
        for version in versions:
            loose.filter(made_of=_digest(version.files)).update(version=version)
        loose.filter(version=None).delete()


def forget(job: Job) -> None:
    """The films of tries that became nothing."""
    Film.objects.filter(job=job, version=None).delete()


def copy(old: Version, new: Version) -> None:
    """`new` is `old` brought back: it was seen as `old` was."""
    rows = [
        Film(version=new, made_of=film.made_of, run=film.run, frames=film.frames, data=film.data)
        for film in old.films.all()
    ]
    Film.objects.bulk_create(rows)


def of(version: Version | None) -> dict[str, Film]:
    """{run id: its film} of a version, without the pictures."""
    return {film.run: film for film in version.films.defer("data")} if version else {}


def frame(version: Version | None, run: str, number: int) -> bytes | None:
    """One picture, a JPEG; None when there is none."""
    film = version.films.filter(run=run).first() if version else None
    return film.frame(number) if film else None


def _digest(files: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()
