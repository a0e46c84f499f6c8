"""Celery's door: an id in, nothing out; and the end of a worker, which hands back its Jobs and leaves no box."""

from typing import Any

from celery import shared_task
from celery.signals import worker_shutdown

from vibe import housekeeping, worker


@shared_task(name="vibe.work")
def work(job_id: int) -> None:
    worker.work()


@shared_task(name="vibe.housekeep")
def housekeep() -> None:
    """For a beat beside workers on many machines; `serve` has a thread for it."""
    housekeeping.keep_house()


@worker_shutdown.connect
def leave(**_: Any) -> None:
    worker.leave()
