"""Jobs for tests: begun, carried to their end here or in a thread, and what was told of them."""

import time

from django.db import connections

from vibe import jobs, worker
from vibe.live import feed
from vibe.live.timeline import fold
from vibe.models import Maker

PAGE = "Here it is.\n\nFILE index.html\n```html\n<title>Tea</title><p>hello</p>\n```\nDONE\n"
TIMER = "A timer for 25 minutes of work and 5 minutes of rest"


def begin(description="A tea page", **more):
    more = {"shape": "auto", "autonomy": "make", "effort": "normal", "once": "k", **more}
    return jobs.begin(more.pop("maker", None) or Maker.objects.create(), description=description, **more)


def carry(job):
    worker.attend(jobs.claim(worker.OWNER, only=job.pk))
    job.refresh_from_db()
    return job


def timeline(job):
    return fold(feed.whole(job.pk))


def attend(job):
    try:
        worker.attend(job)
    finally:
        connections.close_all()


def until(ask, seconds=30.0):
    until = time.monotonic() + seconds
    while not ask():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.01)
