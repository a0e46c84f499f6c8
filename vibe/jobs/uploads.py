"""Files that a person gives: their bytes lie under random names of ours before any row knows of them."""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from vibe.models import Job, Upload

FileIn = tuple[str, Iterable[bytes]]  # a cleaned name and its bytes in chunks
Staged = list[tuple[str, int, str]]  # name, size, and the key under which the bytes lie already


def stage(uploads: Iterable[FileIn]) -> Staged:
    """Write the bytes before any row: a hundred megabytes must not hold the database meanwhile."""
    staged: Staged = []
    try:
        for name, chunks in uploads:
            row = Upload(name=name, size=0)
            staged.append((name, write(row.path, chunks), row.key))
    except BaseException:
        unstage(staged)
        raise
    return staged


def unstage(staged: Staged) -> None:
    """Another Job has these bytes already: delete ours."""
    for _, _, key in staged:
        Upload(key=key).path.unlink(missing_ok=True)


def keep_uploads(job: Job, staged: Staged) -> None:
    """The rows of what was staged, in the transaction that makes their Job."""
    rows = [Upload(program=job.program, job=job, name=name, size=size, key=key) for name, size, key in staged]
    Upload.objects.bulk_create(rows)


def write(path: Path, chunks: Iterable[bytes]) -> int:
    """Write a new file. How many bytes it has. Of one that could not be written whole nothing stays: a disk that is
    full must not become fuller by every try."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    try:
        with path.open("xb") as out:
            for chunk in chunks:
                size += out.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return size


def folder(name: str) -> Path:
    """A folder under var, made when missing."""
    path = Path(settings.VAR) / name
    path.mkdir(parents=True, exist_ok=True)
    return path
