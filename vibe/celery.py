"""The Celery app. Messages carry an id and mean "wake up": the database row is the truth (DESIGN §6).

`wake(job_id)` names its task by string, so vibe.jobs needs no import of tasks.py.
"""

import logging
import os
import time
from functools import cached_property
from typing import Any

from celery import Celery
from kombu import pools
from kombu.exceptions import LimitExceeded, OperationalError

logger = logging.getLogger(__name__)

ASK_S = 0.5  # a broker that takes longer to take a message is as good as none
REST_S = 1.0  # after a failure nobody is kept waiting for a while

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vibe.settings")

app = Celery("vibe")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["vibe"])


class Waker:
    """Sends wake-ups from any thread, over connections of its own: those of the workers wait long for a word, and the
    library tries for seconds to reach a broker that is away. A page and the sweep, which finds lost leases, wait for this.

    One that cannot be sent is dropped, and after a failure so are those of the next second.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._quiet_until = 0.0

    def wake(self, job_id: int) -> None:
        if time.monotonic() < self._quiet_until:
            return
        try:
            with self._producers.acquire(block=True, timeout=ASK_S) as producer:
                self._app.send_task("vibe.work", args=[job_id], retry=False, producer=producer)
        except (OperationalError, LimitExceeded, OSError) as problem:  # the row is there: a sweep finds it
            self._quiet_until = time.monotonic() + REST_S
            logger.warning("no worker could be woken for job %s: %s", job_id, problem)

    @cached_property
    def _producers(self) -> Any:
        soon = {"socket_timeout": ASK_S, "socket_connect_timeout": ASK_S, "max_retries": 0}
        return pools.producers[self._app.connection_for_write(transport_options=soon)]


wake = Waker(app).wake
