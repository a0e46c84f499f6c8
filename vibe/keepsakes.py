"""Keepsakes of tries: what the trial of some files left behind, on disk until a Version takes it or its Job is over.

A Job may wait for days for its person, or go on in another process: what was tried once is not tried again for that. A
keepsake is found by the Job and by the files that were tried.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from vibe.models import Job


@dataclass(frozen=True)
class Keepsakes:
    """One kind of them. `folder` lies under var."""

    folder: str
    ending: str = ""

    def keep(self, job: Job, files: Mapping[str, str], data: bytes) -> None:
        path = self._path(job, files)
        half = path.with_suffix(".half")  # who reads never finds a part of it
        half.write_bytes(data)
        half.replace(path)

    def of(self, job: Job, files: Mapping[str, str]) -> bytes | None:
        """What this Job kept of these files; None when it kept nothing."""
        path = self._path(job, files)
        return path.read_bytes() if path.exists() else None

    def forget(self, job: Job) -> None:
        for path in self.place.glob(f"{job.pk}-*"):
            path.unlink(missing_ok=True)

    @property
    def place(self) -> Path:
        path = Path(settings.VAR) / self.folder
        path.mkdir(parents=True, exist_ok=True)
        return path

    def _path(self, job: Job, files: Mapping[str, str]) -> Path:
        made_of = hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()
        return self.place / f"{job.pk}-{made_of[:24]}{self.ending}"


shots = Keepsakes("shots-of-jobs", ".png")  # the last thing that the check of a page saw
results = Keepsakes("tries-of-jobs")  # what a tool gave for its maker's own file (vibe/tried.py)
KINDS = (shots, results)


def forget(job: Job) -> None:
    """The Job is over: what no Version took is thrown away."""
    for kind in KINDS:
        kind.forget(job)


def jobs_of(names: Iterable[str]) -> dict[str, int]:
    """{name of a file in one of their places: the number of its Job}, of those that are keepsakes."""
    return {name: int(pk) for name in names if (pk := name.partition("-")[0]).isdecimal()}
