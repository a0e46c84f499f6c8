"""One request through the product: a Job on the same path as the browser's, made here, and what it came to."""

import json
import threading
import uuid
from dataclasses import dataclass
from typing import Any, cast

from django.db import close_old_connections, connections

from vibe import events, jobs, worker
from vibe.choices import JobState, Verdict
from vibe.generation.steps import Json
from vibe.llm.client import Client
from vibe.management.measuring import taped
from vibe.management.measuring.suite import Asked
from vibe.models import EventRecord, Job, Maker, Version
from vibe.perform import Performer

MAKER = "measure"  # the maker of everything that is measured here


class OurFault(Exception):
    """Raised when something of ours broke: that says nothing about a model."""


@dataclass(frozen=True)
class Made:
    """`figures`: the fields of a Measured that the making decides."""

    job: Job
    version: Version | None
    figures: Json


def make(asked: Asked, client: Client, *, autonomy: str, effort: str) -> Made:
    """Make it. Raises OurFault; KeyboardInterrupt passes through after the Job was stopped."""
    maker, _ = Maker.objects.get_or_create(pk=MAKER)
    job = jobs.begin(
        maker,
        description=asked.text,
        shape=asked.shape,
        autonomy=autonomy,
        effort=effort,
        once=uuid.uuid4().hex,
        uploads=[(name, [path.read_bytes()]) for name, path in asked.files.items()],
        lease=worker.OWNER,
    )
    with taped.in_use(client):
        attending = threading.Thread(target=_attend, args=(job,), daemon=True)
        attending.start()
        try:
            while attending.is_alive():
                attending.join(0.2)
        except KeyboardInterrupt:
            jobs.stop(job)
            attending.join(5)
            raise
    job.refresh_from_db()
    if job.fault_ref:
        raise OurFault(job.sentence)
    if job.state == JobState.WAITING:
        jobs.stop(job)
    version = Version.objects.filter(job=job).first()
    return Made(job, version, _figures(job, version))


class _Nobody:
    def append(self, event: events.Event) -> None:
        pass


def unheard(job: Job, client: Client) -> Performer:
    """What does the steps of a Job while nobody watches, and keeps its books."""
    return Performer(job, client, threading.Event(), cast(Any, _Nobody()))


def _attend(job: Job) -> None:
    close_old_connections()
    try:
        worker.attend(job)
    finally:
        connections.close_all()


def _figures(job: Job, version: Version | None) -> Json:
    asks = list(job.steps.filter(kind="ask").order_by("order", "pk"))
    calls = [step.purpose for step in asks]
    checked = EventRecord.objects.filter(job=job, type="checked").order_by("seq").first()
    at_once = checked is not None and json.loads(checked.payload)["verdict"] == Verdict.HELD
    unknown = any(step.cost_usd is None and (step.tokens_in or step.tokens_out) for step in asks)
    took = (job.ended - job.started).total_seconds() if job.ended and job.started else 0.0
    return {
        "shape": job.shape if job.shape != "auto" else version.shape if version else "auto",
        "first": at_once and "again" not in calls,
        "held": version is not None and version.verdict == Verdict.HELD,
        "verdict": version.verdict if version else "none",
        "checks": sum(1 for r in version.counted if r["source"] != "always") if version else 0,
        "calls": calls,
        "tokens_in": sum(step.tokens_in for step in asks),
        "tokens_out": sum(step.tokens_out for step in asks),
        "seconds": round(took, 1),
        "usd": None if unknown else float(sum(step.cost_usd or 0 for step in asks)),
        "said": job.sentence,
    }
