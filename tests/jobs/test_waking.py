"""A wake-up that cannot be sent is lost, and nobody waits for it: neither a page nor the sweep, which finds lost leases."""

import signal
import time

import pytest
from celery import Celery

from vibe.celery import Waker

LONG_S = 3.0  # for ten; as the broker's library goes about it, one takes six seconds, or ten


@pytest.fixture
def waker(redis):
    app = Celery("waking", broker=redis.url)
    app.conf.update(task_default_queue="waking", broker_transport_options={"socket_timeout": 10})
    yield Waker(app)
    app.close()


def waiting(redis):
    """How many wake-ups lie in Redis."""
    import redis as library

    with library.Redis.from_url(redis.url, socket_timeout=10) as client:
        return client.llen("waking")


def seconds_for_ten(waker):
    began = time.monotonic()
    for job_id in range(10):
        waker.wake(job_id)
    return time.monotonic() - began


def until_heard(waker, redis):
    """Wake until it is heard again."""
    before, end = waiting(redis), time.monotonic() + 20
    while waiting(redis) == before:
        assert time.monotonic() < end, "it never sends again"
        waker.wake(1)
        time.sleep(0.05)


def test_a_redis_that_is_away_keeps_nobody_waiting_and_is_found_again(waker, redis):
    waker.wake(1)
    assert waiting(redis) == 1
    redis.kill()
    assert seconds_for_ten(waker) < LONG_S
    redis.start()
    until_heard(waker, redis)


def test_a_redis_that_went_silent_keeps_nobody_waiting_and_is_found_again(waker, redis):
    waker.wake(1)
    redis.process.send_signal(signal.SIGSTOP)
    try:
        took = seconds_for_ten(waker)
    finally:
        redis.process.send_signal(signal.SIGCONT)
    assert took < LONG_S
    until_heard(waker, redis)
