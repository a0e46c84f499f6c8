"""The lease: a Job is held by one worker, which extends it each second; a sweep queues again what lost its worker."""

import time
from collections.abc import Mapping

from django.db import transaction
from django.db.models import Case, F, Min, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from vibe import celery, events, metrics
from vibe.choices import JobState
from vibe.jobs.rows import LEASE_S, claim_of, move
from vibe.line import next_of_each_maker, programs_at_work, queued
from vibe.live import feed
from vibe.models import Job, Program


def claim(owner: str, *, only: int | None = None, background: bool = True) -> Job | None:
    """The next queued Job, leased to `owner`, or None (vibe/line.py says which comes next).

    `only`: this one and no other (the terminal's own). `background`: also one that nobody waits for at this moment.
    """
    claimed = claim_several(owner, 1, only=only, background=background)
    return claimed[0] if claimed else None


def claim_several(owner: str, most: int, *, only: int | None = None, background: bool = True) -> list[Job]:
    """Up to `most` of the Jobs that come next and stand alike in the line, each leased to `owner`: twenty at once take
    as many statements as one. [] when none may run.
    """
    claimed: list[Job] = []
    with transaction.atomic():  # SQLite lets one writer in; elsewhere the update itself looks again
        for alike in next_of_each_maker(only=only, background=background):
            while alike and len(claimed) < most:
                chosen, alike = alike[: most - len(claimed)], alike[most - len(claimed) :]
                claimed += _claim_of(chosen, owner, wait=only is not None)
            if claimed:
                break
    for job in claimed:
        metrics.jobs_claimed.labels(job.kind).inc()
    return claimed


def _claim_of(chosen: list[int], owner: str, *, wait: bool) -> list[Job]:
    """Those of `chosen` that are queued still and whose program nobody works on."""
    programs = _lock_programs(chosen, wait=wait)
    names = {pk: claim_of(owner) for pk in chosen}
    free = Job.objects.filter(pk__in=chosen, state=JobState.QUEUED).exclude(program_id__in=programs_at_work())
    free = free.filter(Q(program=None) | Q(program__in=programs))
    # Rows are locked one after the other: who waited for some of another's would meet one who waits for theirs.
    locked = list(_locked(free, wait=wait))
    free.filter(pk__in=locked).update(
        state=JobState.RUNNING,
        lease_owner=Case(*[When(pk=pk, then=Value(name)) for pk, name in names.items()]),
        lease_until=time.time() + LEASE_S,
        sentence="",
        attempt=F("attempt") + 1,
        started=Coalesce("started", Value(timezone.now())),
    )
    won = Job.objects.filter(pk__in=chosen, lease_owner__in=names.values())
    return list(won.select_related("maker", "program__current").order_by("pk"))


def _locked(rows: QuerySet[Job], *, wait: bool) -> QuerySet[Job, int]:
    """The numbers of these, locked by their order; without those that somebody else has, unless they are waited for."""
    return (
        rows.select_for_update(skip_locked=not wait, of=("self",)).order_by("pk").values_list("pk", flat=True)
    )


def _lock_programs(job_ids: list[int], *, wait: bool) -> list[str]:
    """Keep other workers from claiming another Job of the same programs until this transaction ends.

    SQLite has one writer at a time anyway. Without those that somebody else holds: the sweep comes by again.
    """
    theirs = Program.objects.filter(jobs__pk__in=job_ids).order_by("pk")
    return list(theirs.select_for_update(skip_locked=not wait, of=("self",)).values_list("pk", flat=True))


def progress(job: Job) -> None:
    """An answer was journaled: the Job is getting on, however often it was begun."""
    Job.objects.filter(pk=job.pk, lease_owner=job.lease_owner).exclude(attempt=0).update(attempt=0)


def is_held(job: Job) -> bool:
    """Whether this claim of the Job still stands."""
    return Job.objects.filter(pk=job.pk, state=JobState.RUNNING, lease_owner=job.lease_owner).exists()


def is_anothers(job: Job) -> bool:
    """Whether somebody else took the Job up since. Nobody does until the transaction around this ends."""
    row = Job.objects.select_for_update().filter(pk=job.pk)
    state, owner = row.values_list("state", "lease_owner").get()
    return bool(state == JobState.RUNNING and owner != job.lease_owner)


def beat(claims: Mapping[str, int]) -> dict[str, tuple[bool, bool]]:
    """Extend the leases of `claims`, {name of the claim: job id}. {name: (a stop was asked, the plan was changed)}
    for those that still stand."""
    held = Job.objects.filter(
        pk__in=list(claims.values()), lease_owner__in=list(claims), state=JobState.RUNNING
    )
    with transaction.atomic():  # rows are locked in the order in which the feed locks them: no deadlock
        standing = list(
            held.select_for_update().order_by("pk").values_list("lease_owner", "stop_asked", "plan_change")
        )
        held.update(lease_until=time.time() + LEASE_S)
    return {name: (stop_asked, plan is not None) for name, stop_asked, plan in standing}


def sweep(wake: int = 50, *, held_up_since: float | None = None) -> int:
    """Queue again what lost its worker, and wake workers for at most `wake` that wait. How many were queued again.

    `held_up_since`, seconds of time.time(): from then on whoever sweeps could not reach the database, so a lease that
    ran out since says nothing of its holder, who could not reach it either: only what ran out before was lost.
    """
    now = time.time()
    late = now if held_up_since is None else held_up_since
    running = Job.objects.filter(state=JobState.RUNNING)
    with transaction.atomic():
        over = running.filter(lease_until__lt=late)
        lost = over.filter(pk__in=list(_locked(over, wait=False))).update(
            state=JobState.QUEUED, lease_owner="", interrupted=True
        )
        # Since they were taken the clock was set back. Who lives extends them anyway; of who died nobody would hear.
        far = running.filter(lease_until__gt=now + 2 * LEASE_S)
        far.filter(pk__in=list(_locked(far, wait=False))).update(lease_until=now + LEASE_S)
    metrics.jobs_requeued.inc(lost)
    for pk in sorted(queued(wake)) if wake else ():
        celery.wake(pk)
    return lost


def next_end() -> float | None:
    """When the first lease ends that nobody extends until then, in seconds of time.time()."""
    first: float | None = Job.objects.filter(state=JobState.RUNNING).aggregate(first=Min("lease_until"))[
        "first"
    ]
    return first


def hand_back(job: Job) -> bool:
    """The worker ends: the Job goes back into the line and goes on where it was. False when the lease was lost before."""
    return move(
        job, (JobState.RUNNING,), JobState.QUEUED, owner=job.lease_owner, lease_owner="", interrupted=True
    )


def wait_for_person(job: Job) -> bool:
    """Nobody holds it from here on, so that is said without a lease. False when the lease was lost before."""
    with transaction.atomic():
        waits = move(
            job, (JobState.RUNNING,), JobState.WAITING, owner=job.lease_owner, lease_owner="", attempt=0
        )
        if waits:
            feed.publish_now(job.pk, events.StateChanged(JobState.WAITING, "I wait for your answer."))
    return waits


def end(job: Job, state: JobState, sentence: str, fault_ref: str = "") -> bool:
    """The worker's last word. False when the lease was lost: somebody else speaks for this Job now."""
    return move(
        job, (JobState.RUNNING,), state, owner=job.lease_owner,
        sentence=sentence[:400], fault_ref=fault_ref, ended=timezone.now(), lease_owner="",
    )  # fmt: skip
