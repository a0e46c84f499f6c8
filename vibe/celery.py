"""The Celery app. Messages carry an id and mean "wake up": the database row is the truth (DESIGN §6).

`wake(job_id)` names its task by string, so vibe.jobs needs no import of tasks.py.
"""

import logging
import os

from celery import Celery
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vibe.settings")

app = Celery("vibe")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["vibe"])


def wake(job_id: int) -> None:
    """Tell a worker that this Job may be claimed. Losing the message is harmless: the sweep sends it again."""
    try:
        app.send_task("vibe.work", args=[job_id], retry=False)
    except (OperationalError, OSError) as problem:  # the row is there: the sweep of a worker finds it
        logger.warning("no worker could be woken for job %s: %s", job_id, problem)
