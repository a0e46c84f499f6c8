"""The row of a Job: made under the key of its form, moved from state to state by conditional update, here only."""

import hashlib
import secrets
import time
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from vibe import celery
from vibe.choices import JobState
from vibe.models import Job, Maker, Program

LEASE_S = 4.0  # measured: kill -9 to a running successor 4.0–4.3 s
HELD = (JobState.QUEUED, JobState.RUNNING, JobState.WAITING)


class NotNow(Exception):
    """Raised when a command comes at a time when it means nothing; `sentence` says so to the person."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def new_job(
    maker: Maker,
    program: Program | None,
    kind: str,
    once: str,
    *,
    lease: str = "",
    **wish: Any,
) -> Job:
    """The row, already leased when `lease` names an owner. Raises IntegrityError when `once` made one before."""
    job = Job(maker=maker, program=program, kind=kind, once=once, **wish)
    if lease:
        job.lease_owner, job.lease_until, job.attempt = claim_of(lease), time.time() + LEASE_S, 1
        job.state, job.started = JobState.RUNNING, timezone.now()
    job.save(force_insert=True)
    return job


def once_key(maker: Maker, does: str, target: str, once: str) -> str:
    """The key of a form belongs to its maker and to what it does (make, change, run) to what: nobody can meet
    another's Job by guessing it, and a key used for two things is two keys."""
    return hashlib.sha256(f"{maker.pk}:{does}:{target}:{once}".encode()).hexdigest()


def claim_of(owner: str) -> str:
    """The name of one claim: a worker that claims a Job again must not be taken for its own earlier try."""
    return f"{owner}/{secrets.token_hex(4)}"


def wake(job: Job) -> None:
    """Tell a worker, once the row can be seen."""
    if job.state == JobState.QUEUED:
        transaction.on_commit(lambda: celery.wake(job.pk))


def move(job: Job, before: tuple[str, ...], after: str, *, owner: str | None = None, **fields: Any) -> bool:
    """Whether the Job was in one of `before`, and held by `owner` if one is named: then it is in `after` now."""
    who = Q(pk=job.pk, state__in=before)
    if owner is not None:
        who &= Q(lease_owner=owner)
    moved = Job.objects.filter(who).update(state=after, **fields) == 1
    if moved:
        job.refresh_from_db()
    return moved
