"""Which workers live: each says so every second, when it has swept; it is believed for FRESH_S.

In one process it is remembered here; apart, Redis keeps it, with an end by its own clock. Nothing relies on it but
what is said to those who look after the machines: Jobs are safe by their leases.
"""

import threading
import time
from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

FRESH_S = 15
ASK_S = 0.5
PREFIX = "vibe:worker:"

_here: dict[str, float] = {}
_lock = threading.Lock()


def say(worker: str) -> None:
    """`worker` lives, and reached the database just now."""
    with _lock:
        _here[worker] = time.monotonic()
    if settings.EMBEDDED:
        return
    try:
        client().set(PREFIX + worker, 1, ex=FRESH_S)
    except (RedisError, OSError):
        return  # the next second comes; who asks is told that Redis is away


def workers() -> int | None:
    """How many lived in the last FRESH_S seconds; None where Redis, which would know, does not answer."""
    if settings.EMBEDDED:
        return len(here())
    try:
        return sum(1 for _ in client().scan_iter(match=PREFIX + "*", count=1000))
    except (RedisError, OSError):
        return None


def here() -> list[str]:
    """Those of this process."""
    with _lock:
        return [worker for worker, at in _here.items() if time.monotonic() - at < FRESH_S]


@cache
def client() -> "redis.Redis":
    """One for the process; it answers soon or not at all."""
    once = Retry(NoBackoff(), 0)  # the sweep waits for this
    url = settings.CONFIG.redis_url
    return redis.Redis.from_url(url, socket_timeout=ASK_S, socket_connect_timeout=ASK_S, retry=once)
