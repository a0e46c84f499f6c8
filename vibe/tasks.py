"""Celery's door: an id in, nothing out."""

from celery import shared_task

from vibe import worker


@shared_task(name="vibe.work")
def work(job_id: int) -> None:
    worker.work()
