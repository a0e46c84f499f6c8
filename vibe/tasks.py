"""Celery's door: an id in, nothing out."""

from celery import shared_task

from vibe import housekeeping, worker


@shared_task(name="vibe.work")
def work(job_id: int) -> None:
    worker.work()


@shared_task(name="vibe.housekeep")
def housekeep() -> None:
    """For a beat beside workers on many machines; `serve` has a thread for it."""
    housekeeping.keep_house()
