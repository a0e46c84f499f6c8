"""Screenshots of tries: the last thing that the check saw, kept on disk until a Version takes it.

A Job may wait for days with several of them, so they lie under var, named by what they are of.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from vibe.models import Job


def keep(job: Job, files: Mapping[str, str], png: bytes) -> None:
    _path(job, files).write_bytes(png)


def of(job: Job, files: Mapping[str, str]) -> bytes | None:
    """The screenshot of these files as this Job tried them, a PNG; None when there is none."""
    path = _path(job, files)
    return path.read_bytes() if path.exists() else None


def forget(job: Job) -> None:
    for path in _folder().glob(f"{job.pk}-*.png"):
        path.unlink(missing_ok=True)


def _path(job: Job, files: Mapping[str, str]) -> Path:
    made_of = hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()
    return _folder() / f"{job.pk}-{made_of[:24]}.png"


def _folder() -> Path:
    path = Path(settings.VAR) / "shots-of-jobs"
    path.mkdir(parents=True, exist_ok=True)
    return path
