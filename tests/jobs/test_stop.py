"""How long it takes from Stop to the closed connection of a model that says nothing, and of one that streams."""

import select
import threading
import time

import pytest
from django.db import connections

from tests import modelserver as play
from tests.jobs.carrying import begin, until
from vibe import jobs, worker
from vibe.choices import JobState
from vibe.models import ModelRow

pytestmark = pytest.mark.django_db(transaction=True)


def silent(closed):
    """Some words, then nothing: notes when its caller hangs up."""

    def behave(handler):
        handler.begin()
        handler.chunk({"content": "FILE index.html\n```html\n<p>"})
        select.select([handler.connection], [], [], 30)
        closed.append(time.monotonic())

    return behave


@pytest.mark.parametrize("chatty", [False, True])
def test_stop_closes_the_connection_to_the_model_within_a_tenth_of_a_second(boxes, settings, chatty):
    settings.LLM_CLIENT = "vibe.llm.client.OpenAIClient"
    took = []
    with play.ModelServer() as model:
        ModelRow.objects.create(name="m", base_url=model.url, price_in=1, price_out=2)
        for n in range(5):
            closed = model.left if chatty else []
            closed.clear()
            model.requests.clear()
            model.always(play.endless() if chatty else silent(closed))
            job = begin(once=str(n), description=f"A tea page {n}")
            working = threading.Thread(target=_attend, args=(jobs.claim(worker.OWNER, only=job.pk),))
            working.start()
            until(lambda: model.requests)
            time.sleep(0.2)  # in the middle of it
            asked = time.monotonic()
            jobs.stop(job)
            until(lambda closed=closed: closed)
            took.append(closed[0] - asked)
            working.join(5)
            job.refresh_from_db()
            assert job.state == JobState.STOPPED
    took.sort()
    print(f"{'streaming' if chatty else 'silent'}: closed after {took[0] * 1000:.0f}–{took[-1] * 1000:.0f} ms")
    assert took[len(took) // 2] <= 0.1


def _attend(job):
    try:
        worker.attend(job)
    finally:
        connections.close_all()
