"""What a tool gave for its maker's own file while it was made, kept on disk until its Version shows it.

A Job may wait for days for its person, or go on in another process: what was tried once is not tried again for that.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from sandbox.outcome import Artifact, Outcome
from vibe.models import Job


def keep(job: Job, files: Mapping[str, str], outcome: Outcome) -> None:
    """One line of JSON, then the bytes of what the tool made, one file after the other."""
    path = _path(job, files)
    half = path.with_suffix(".half")  # who reads never finds a part of it
    half.write_bytes(
        b"".join([json.dumps(outcome.as_json()).encode(), b"\n", *(a.data for a in outcome.artifacts)])
    )
    half.replace(path)


def of(job: Job, files: Mapping[str, str]) -> Outcome | None:
    """What these files gave as this Job tried them; None when that was not kept."""
    path = _path(job, files)
    if not path.exists():
        return None
    line, _, rest = path.read_bytes().partition(b"\n")
    told = json.loads(line)
    made = []
    for one in told.pop("artifacts"):
        made.append(Artifact(one["name"], rest[: one["size"]], one["type"]))
        rest = rest[one["size"] :]
    return Outcome(**{**told, "notes": tuple(told["notes"])}, artifacts=tuple(made))


def forget(job: Job) -> None:
    for path in _folder().glob(f"{job.pk}-*"):
        path.unlink(missing_ok=True)


def _path(job: Job, files: Mapping[str, str]) -> Path:
    made_of = hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()
    return _folder() / f"{job.pk}-{made_of[:24]}"


def _folder() -> Path:
    path = Path(settings.VAR) / "tries-of-jobs"
    path.mkdir(parents=True, exist_ok=True)
    return path
