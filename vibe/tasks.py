"""Celery's door: an id in, nothing out; and the end of a worker, which hands back its Jobs and leaves no box."""

from typing import Any

from celery import shared_task
from celery.signals import worker_shutdown
from celery.worker import state

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
    """For a worker that was told to end. A consumer of messages that broke sends the same signal: another is started, and
    what this process holds and takes is none of its business."""
    told = (state.should_stop, state.should_terminate)  # an exit code, which may be 0; None or False: not told
    if any(code is not None and code is not False for code in told):
        worker.leave()
